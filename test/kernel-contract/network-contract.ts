import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoName, type Kernel } from '../../src/kernel/index.js';
import {
  formatRule,
  type LinkRule,
  type Op,
  type Rule,
  type RuleSet,
} from '../../src/model/index.js';
import {
  bridge,
  chosenMacs,
  end,
  entry,
  neighbor,
  networkCases,
  policy,
  vips,
  vxlan,
} from './network-cases.js';
import { add, address, localRoute, remove, set } from './rules.js';
import { nftTable, otherTable } from './table-cases.js';

const loopback = { kind: 'loopback' } as const;

/** A kernel with an empty sandbox of its own, and what tests do to it behind its back. */
export interface NetworkSubject {
  readonly kernel: Kernel;
  /** Adds an address to a device as another program would. */
  changeAddress(): Promise<void>;
  /**
   * Deletes a device, an address, a policy rule or a table as another program would, or sets the
   * loopback device down.
   */
  take(rule: Rule): Promise<void>;
  /** Makes a veth pair whose end of that name lies here, and the other in another sandbox. */
  makeFarEnd(name: string): Promise<void>;
  close(): Promise<void>;
}

/** What every implementation of the port does alike with no IPVS at all. */
export function networkContract(open: () => Promise<NetworkSubject>): void {
  let subject: NetworkSubject;
  let kernel: Kernel;

  beforeEach(async () => {
    subject = await open();
    kernel = subject.kernel;
  });
  afterEach(() => subject.close());

  const apply = async (...ops: Op[]): Promise<string[]> =>
    (await kernel.apply(ops)).map(({ index, error }) => `${index} ${errnoName(error.errno)}`);
  const held = async (): Promise<string> => textOf((await kernel.observe({ sysctls: [] })).own);

  it.each(networkCases)('$name', async ({ steps }) => {
    for (const { farEnd, ops, refused, holds } of steps) {
      if (farEnd !== undefined) await subject.makeFarEnd(farEnd);
      expect(await apply(...ops)).toEqual(refused ?? []);
      expect(await held()).toBe(holds.trim());
      // A second look shows the same.
      expect(await held()).toBe(holds.trim());
    }
  });

  it('the loopback device goes up, is told of when asked for, and stays', async () => {
    const isUp = async (): Promise<boolean> =>
      (await kernel.observe({ sysctls: [], loopback: true })).own.has('link lo');
    await subject.take(loopback);
    expect(await isUp()).toBe(false);
    expect(await apply(set(loopback), set(loopback), remove(loopback))).toEqual(['2 EOPNOTSUPP']);
    expect(await isUp()).toBe(true);
    expect(await held()).toBe('');
  });

  describe('watch', () => {
    let calls: number;
    let nextCall: Promise<void>;
    let stop: () => Promise<void>;

    const watch = async (): Promise<void> => {
      calls = 0;
      let resolve: () => void;
      nextCall = new Promise((called) => (resolve = called));
      stop = await kernel.watch(() => {
        calls++;
        resolve();
      });
    };

    it('calls back for an address of another device, until it is stopped', async () => {
      await watch();
      await subject.changeAddress();
      await nextCall;
      await stop();
      const before = calls;
      await subject.changeAddress();
      await turns();
      expect(calls).toBe(before);
    });

    it('calls back when somebody else set the loopback device down', async () => {
      expect(await apply(set(loopback))).toEqual([]);
      await watch();
      await subject.take(loopback);
      await nextCall;
      await stop();
    });

    it.each([
      { name: 'a device', rule: vips },
      { name: 'an address', rule: address('10.96.0.1/32') },
      { name: 'a policy rule', rule: policy },
      { name: 'a table', rule: nftTable },
      { name: 'another table', rule: otherTable },
    ])('calls back when somebody else took $name, and not for its repair', async ({ rule }) => {
      const made = [vips, nftTable, otherTable, address('10.96.0.1/32'), policy];
      expect(await apply(...made.map(add))).toEqual([]);
      const before = await held();
      await watch();
      await subject.take(rule);
      await nextCall;
      await stop();

      await watch();
      const missing = rule.kind === 'link' ? [rule, address('10.96.0.1/32')] : [rule];
      expect(await apply(...missing.map(add))).toEqual([]);
      expect(await held()).toBe(before);
      await turns();
      expect(calls).toBe(0);
      await stop();
    });

    it('does not call back for anything that was applied here', async () => {
      await watch();
      const made: Rule[] = [
        vips,
        bridge,
        nftTable,
        address('10.96.0.1/32'),
        address('fd96::1/128'),
        localRoute('10.96.0.1/32', '127.0.0.1'),
        policy,
        { ...policy, family: 6 },
        neighbor,
      ];
      expect(await apply(...made.map(add))).toEqual([]);
      await turns();
      expect(await apply(set({ ...vips, mtu: 1400 }), set(nftTable))).toEqual([]);
      await turns();
      expect(await apply(remove(address('10.96.0.1/32')), remove(nftTable))).toEqual([]);
      await turns();
      expect(await apply(add(address('10.96.0.2/32')), remove(vips))).toEqual([]);
      await turns();
      expect(calls).toBe(0);
      await stop();
    });

    it('calls back for the end of a pair, made and taken from its other side', async () => {
      await watch();
      await subject.makeFarEnd(end.name);
      await nextCall;
      await stop();

      await watch();
      expect(await apply(add(end), set({ ...end, mtu: 1400, up: false }))).toEqual([]);
      await turns();
      expect(calls).toBe(0);
      await subject.take(end);
      await nextCall;
      await stop();
    });

    it('does not call back for a tunnel device and its entries', async () => {
      await watch();
      const made = [bridge, vxlan, entry];
      expect(await apply(...made.map(add))).toEqual([]);
      await turns();
      expect(await apply(remove(vxlan), remove(bridge))).toEqual([]);
      await turns();
      expect(calls).toBe(0);
      await stop();
    });
  });
}

/** The rules that are neither sysctls nor timeouts, as sorted text without the MACs of chance. */
export function textOf(rules: RuleSet): string {
  return [...rules.values()]
    .filter(({ kind }) => kind !== 'sysctl' && kind !== 'ipvs-timeouts')
    .map((rule) => formatRule(rule.kind === 'link' ? withChosenMac(rule) : rule))
    .sort()
    .join('\n');
}

function withChosenMac({ mac, ...rest }: LinkRule): LinkRule {
  return mac !== undefined && chosenMacs.has(mac) ? { ...rest, mac } : rest;
}

/** The kernel queues announcements while it is asked: a turn of the event loop reads them all. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
