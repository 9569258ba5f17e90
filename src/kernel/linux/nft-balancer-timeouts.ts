/**
 * Idle timeouts of our connections alone: objects of the balancer's table that give connections
 * timeouts of their own (`ct timeout`, linux/netfilter/nfnetlink_cttimeout.h). Those of the whole
 * sandbox (net.netfilter.nf_conntrack_*) are not ours to change.
 */
import type { IpvsTimeoutsRule } from '../../model/index.js';
import { textOf, u32BeOf, type Attributes } from './attributes.js';
import { attributesOf, flag, MessageWriter } from './message.js';
import { balancerTable } from './nft-balancer-table.js';
import { beginNft, nft, ownNftAttributes, tableOf } from './nftables-message.js';
import type { NetlinkSession } from './session.js';

const nfta = { table: 1, name: 2, type: 3, data: 4 } as const;
const timeout = { l3: 1, l4: 2, data: 3 } as const;
/** NFT_OBJECT_CT_TIMEOUT. */
const objectType = 7;
const familyInet4 = 2;
/** CTA_TIMEOUT_TCP_ESTABLISHED and the like: which states an idle timeout stands for. */
const states = {
  tcp: { number: 6, established: 3, finWait: 4 },
  udp: { number: 17, unreplied: 1, replied: 2 },
} as const;
const timeoutMaxS = 2_147_483;

export const timeoutNames = ['tcp', 'udp'] as const;
export type TimeoutName = (typeof timeoutNames)[number];

/** The protocol whose connections an object is for: the key of the map. */
export function timeoutKey(name: TimeoutName): Buffer {
  return Buffer.of(states[name].number);
}

/** False for what the kernel would not take. */
export function isTimeouts({ tcpS, tcpFinS, udpS }: IpvsTimeoutsRule): boolean {
  return [tcpS, tcpFinS, udpS].every((value) => value > 0 && value <= timeoutMaxS);
}

export function encodeTimeouts(
  writer: MessageWriter,
  name: TimeoutName,
  rule: IpvsTimeoutsRule,
  sequence: number,
): void {
  beginNft(writer, nft.newObject, flag.request | flag.create | flag.exclusive, sequence);
  writer.attributeString(nfta.table, balancerTable);
  writer.attributeString(nfta.name, name);
  writer.attributeU32Be(nfta.type, objectType);
  writer.beginNested(nfta.data);
  writer.attributeU16Be(timeout.l3, familyInet4);
  writer.attributeU8(timeout.l4, states[name].number);
  writer.beginNested(timeout.data);
  if (name === 'tcp') {
    writer.attributeU32Be(states.tcp.established, rule.tcpS);
    writer.attributeU32Be(states.tcp.finWait, rule.tcpFinS);
  } else {
    writer.attributeU32Be(states.udp.unreplied, rule.udpS);
    writer.attributeU32Be(states.udp.replied, rule.udpS);
  }
  writer.endNested();
  writer.endNested();
  writer.end();
}

export function encodeTimeoutsDelete(
  writer: MessageWriter,
  name: TimeoutName,
  sequence: number,
): void {
  beginNft(writer, nft.deleteObject, flag.request, sequence);
  writer.attributeString(nfta.table, balancerTable);
  writer.attributeString(nfta.name, name);
  writer.attributeU32Be(nfta.type, objectType);
  writer.end();
}

/** `damaged`: some are there, but not as they are made. */
export async function readTimeouts(
  session: NetlinkSession,
): Promise<IpvsTimeoutsRule | 'none' | 'damaged'> {
  const writer = new MessageWriter(64);
  beginNft(writer, nft.getObject, flag.request | flag.dump, session.nextSequence());
  writer.attributeString(nfta.table, balancerTable);
  writer.attributeU32Be(nfta.type, objectType);
  writer.end();
  const found = new Map<string, Attributes>();
  for (const { body } of await session.dump('read idle timeouts', writer.bytes())) {
    const attributes = ownNftAttributes(body);
    const data = attributes?.get(nfta.data);
    if (attributes === undefined || data === undefined) continue;
    if (tableOf(attributes) !== balancerTable) continue;
    const states_ = attributesOf(data).get(timeout.data);
    if (states_ !== undefined)
      found.set(textOf(attributes, nfta.name) ?? '', attributesOf(states_));
  }
  if (found.size === 0) return 'none';
  const valueOf = (name: TimeoutName, state: number): number | undefined => {
    const values = found.get(name);
    return values && u32BeOf(values, state);
  };
  const tcpS = valueOf('tcp', states.tcp.established);
  const tcpFinS = valueOf('tcp', states.tcp.finWait);
  const udpS = valueOf('udp', states.udp.replied);
  if (tcpS === undefined || tcpFinS === undefined || udpS === undefined) return 'damaged';
  return { kind: 'ipvs-timeouts', tcpS, tcpFinS, udpS };
}
