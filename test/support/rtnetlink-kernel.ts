import { closeSync, openSync } from 'node:fs';
import {
  encodeAddressDump,
  encodeAddressOp,
  decodeAddress,
} from '../../src/kernel/linux/address.js';
import {
  decodeLink,
  encodeLinkDump,
  encodeLinkOp,
  type Link,
} from '../../src/kernel/linux/link.js';
import { MessageWriter } from '../../src/kernel/linux/message.js';
import { decodeFdb, encodeFdbDump, encodeFdbOp } from '../../src/kernel/linux/fdb.js';
import {
  decodeNeighbor,
  encodeNeighborDump,
  encodeNeighborOp,
} from '../../src/kernel/linux/neighbor.js';
import { decodePolicy, encodePolicyDump, encodePolicyOp } from '../../src/kernel/linux/policy.js';
import { RouteTable, encodeRouteDump, encodeRouteOp } from '../../src/kernel/linux/route.js';
import { Devices } from '../../src/kernel/linux/rtnetlink.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import type { HostAddress } from '../../src/kernel/index.js';
import { errnoName } from '../../src/kernel/index.js';
import { ruleKey, type Op, type Rule } from '../../src/model/index.js';

/** What the modules of rtnetlink see and do in one namespace, one Op at a time. */
export class RtnetlinkKernel {
  readonly hostAddresses: HostAddress[] = [];

  constructor(private readonly session: NetlinkSession) {}

  /** 'ok', or the name of the errno. */
  async apply(verb: Op['verb'], rule: Rule): Promise<string> {
    const writer = new MessageWriter();
    const sequence = this.session.nextSequence();
    const opened: number[] = [];
    const netnsFd = (path: string): number => {
      opened.push(openSync(path, 'r'));
      return opened.at(-1)!;
    };
    try {
      const refused = encodeOp(writer, verb, rule, sequence, {
        devices: await this.devices(),
        netnsFd,
      });
      if (refused !== 0) return errnoName(refused);
      const refusals = await this.session.transact(writer.bytes());
      const refusal = refusals.get(sequence);
      return refusal === undefined ? 'ok' : errnoName(refusal.errno);
    } finally {
      opened.forEach(closeSync);
    }
  }

  async devices(): Promise<Devices> {
    return new Devices(await this.links(new Devices()));
  }

  async observe(): Promise<Map<string, Rule>> {
    const devices = await this.devices();
    const rules: Rule[] = [];
    for (const { rule } of await this.links(devices)) if (rule !== undefined) rules.push(rule);
    this.hostAddresses.length = 0;
    for (const body of await this.dump(encodeAddressDump)) {
      const found = decodeAddress(body, devices);
      if (found === undefined) continue;
      if ('kind' in found) rules.push(found);
      else this.hostAddresses.push(found);
    }
    const routes = new RouteTable(devices);
    for (const body of await this.dump(encodeRouteDump)) routes.add(body);
    rules.push(...routes.rules());
    const others = [
      ...(await this.dump(encodePolicyDump)).map((body) => decodePolicy(body)),
      ...(await this.dump(encodeNeighborDump)).map((body) => decodeNeighbor(body, devices)),
      ...(await this.dump(encodeFdbDump)).map((body) => decodeFdb(body, devices)),
    ];
    rules.push(...others.filter((rule) => rule !== undefined));
    return new Map(rules.map((rule) => [ruleKey(rule), rule]));
  }

  async dump(encode: (writer: MessageWriter, sequence: number) => void): Promise<Buffer[]> {
    const writer = new MessageWriter();
    encode(writer, this.session.nextSequence());
    const messages = await this.session.dump('dump', writer.bytes());
    return messages.map(({ body }) => body);
  }

  private async links(devices: Devices): Promise<Link[]> {
    const bodies = await this.dump(encodeLinkDump);
    return bodies.map((body) => decodeLink(body, devices)).filter((link) => link !== undefined);
  }
}

function encodeOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: Rule,
  sequence: number,
  context: { devices: Devices; netnsFd: (path: string) => number },
): number {
  const { devices } = context;
  if (rule.kind === 'link') return encodeLinkOp(writer, verb, rule, sequence, context);
  if (rule.kind === 'address') return encodeAddressOp(writer, verb, rule, sequence, devices);
  if (rule.kind === 'route') return encodeRouteOp(writer, verb, rule, sequence, devices);
  if (rule.kind === 'neighbor') return encodeNeighborOp(writer, verb, rule, sequence, devices);
  if (rule.kind === 'fdb') return encodeFdbOp(writer, verb, rule, sequence, devices);
  if (rule.kind !== 'policy') throw new Error(`${rule.kind} is none of rtnetlink`);
  encodePolicyOp(writer, verb, rule, sequence);
  return 0;
}
