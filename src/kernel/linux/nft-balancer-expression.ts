/** Expressions that the table of the balancer has beside those of statements (nf_tables.h). */
import { addressBytes, familyOf, type Family } from '../../model/index.js';
import {
  ctKey,
  dataValue,
  dataVerdict,
  expr,
  expression,
  metaKey,
  registerOf,
  verdictGoto,
  verdictRegister,
  type Expression,
} from './nftables-expression.js';
import { guardExpressions } from './nftables-field.js';

const own = {
  numgen: { dreg: 1, modulus: 2, type: 3, turns: 0, chance: 1 },
  hash: { sreg: 1, dreg: 2, length: 3, modulus: 4, seed: 5 },
  nat: { type: 1, family: 2, addressMin: 3, addressMax: 4, portMin: 5, portMax: 6, flags: 7 },
  dynset: { name: 1, op: 3, key: 4, timeout: 6, update: 1 },
  reject: { type: 1, code: 2, unreachable: 2, port: 1 },
  objref: { sreg: 3, name: 4 },
  labels: 13, // NFT_CT_LABELS
  status: 2, // NFT_CT_STATUS
} as const;
const destinationNat = 1;
const natFlag = { address: 1, port: 2 } as const; // NF_NAT_RANGE_MAP_IPS, _PROTO_SPECIFIED
const statusDnat = 0x20; // IPS_DST_NAT
const networkHeader = 1;
const transportHeader = 2;
const loopbackType = Buffer.of(0x04, 0x03); // ARPHRD_LOOPBACK
const familyNumbers = { 4: 2, 6: 10 } as const;

/** The name of an anonymous set until the kernel has given it one. */
export const anonymousName = '__map%d';
/** Register slots of 4 bytes: a key of 16 bytes first, what belongs to it behind. */
const first = registerOf(0);
const behind = registerOf(4);

/** Bytes of an address. */
export function addressSize(family: Family): 4 | 16 {
  return family === 4 ? 4 : 16;
}

/** Takes the verdict that a map has for the client's destination address, protocol and port. */
export function verdictByAddress(family: Family, map: string): Expression[] {
  const [at, slots] = family === 4 ? [16, 1] : [24, 4];
  return [
    ...guard(family),
    payload(networkHeader, at, addressSize(family), first),
    meta(metaKey.l4proto, registerOf(slots)),
    payload(transportHeader, 2, 2, registerOf(slots + 1)),
    lookup(map, verdictRegister),
  ];
}

/** Takes the verdict that a map has for the mark, of protocols that have ports. */
export function verdictByMark(family: Family, protocols: string, map: string): Expression[] {
  return [
    ...guard(family),
    meta(metaKey.l4proto, first),
    lookup(protocols),
    meta(metaKey.mark, first),
    lookup(map, verdictRegister),
  ];
}

/** Goes on with what an anonymous map has for a number below `modulus`. */
export function verdictByNumber(by: 'turn' | 'chance', modulus: number): Expression[] {
  const { numgen } = own;
  return [
    expression('numgen', {
      [numgen.dreg]: first,
      [numgen.modulus]: modulus,
      [numgen.type]: by === 'turn' ? numgen.turns : numgen.chance,
    }),
    lookup(anonymousName, verdictRegister),
  ];
}

/** The same for a hash of the client's address, and of its port if asked for. */
export function verdictByClient(family: Family, withPort: boolean, modulus: number): Expression[] {
  const bytes = addressSize(family);
  const port = withPort ? [payload(transportHeader, 0, 2, registerOf(bytes / 4))] : [];
  const { hash } = own;
  return [
    ...guard(family),
    source(family),
    ...port,
    expression('hash', {
      [hash.sreg]: first,
      [hash.dreg]: first,
      [hash.length]: bytes + (withPort ? 4 : 0),
      [hash.modulus]: modulus,
      [hash.seed]: hashSeed,
    }),
    lookup(anonymousName, verdictRegister),
  ];
}
/** The same on all nodes: without one, the kernel rolls its own. */
const hashSeed = 0x6d657368;

/** Goes on in `chain` when the client's network is in `set`. */
export function ifRemembered(
  family: Family,
  prefix: number,
  { set, chain }: { readonly set: string; readonly chain: string },
): Expression[] {
  return [...guard(family), ...network(family, prefix), lookup(set), ...goOnIn(chain)];
}

export function goOnIn(chain: string): Expression[] {
  const { dreg, data } = expr.immediate;
  return [
    expression('immediate', {
      [dreg]: verdictRegister,
      [data]: dataVerdict(verdictGoto, chain),
    }),
  ];
}

/** Puts the client's network into `set`, or lets it stay there that much longer. */
export function remember(
  family: Family,
  prefix: number,
  { set, timeoutS }: { readonly set: string; readonly timeoutS: number },
): Expression[] {
  const timeout = Buffer.alloc(8);
  timeout.writeBigUInt64BE(BigInt(timeoutS) * 1_000n);
  const { dynset } = own;
  return [
    ...guard(family),
    ...network(family, prefix),
    expression('dynset', {
      [dynset.name]: Buffer.from(`${set}\0`),
      [dynset.op]: dynset.update,
      [dynset.key]: first,
      [dynset.timeout]: timeout,
    }),
  ];
}

/** Writes 16 bytes on the connection, its label. */
export function labelConnection(label: Buffer): Expression[] {
  return [
    immediate(first, label),
    expression('ct', { [expr.ct.key]: own.labels, [expr.ct.sreg]: first }),
  ];
}

/** Port 0 leaves that of the packet. */
export function dnatTo(address: string, port: number): Expression[] {
  const { nat } = own;
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  const withPort = { [nat.portMin]: behind, [nat.portMax]: behind };
  return [
    immediate(first, Buffer.from(addressBytes(address)!)),
    ...(port === 0 ? [] : [immediate(behind, portBytes)]),
    expression('nat', {
      [nat.type]: destinationNat,
      [nat.family]: familyNumbers[familyOf(address)],
      [nat.addressMin]: first,
      [nat.addressMax]: first,
      ...(port === 0 ? {} : withPort),
      [nat.flags]: natFlag.address | (port === 0 ? 0 : natFlag.port),
    }),
  ];
}

/** ICMP "port unreachable", as IPVS answers. */
export function refuse(): Expression[] {
  const { reject } = own;
  return [expression('reject', { [reject.type]: reject.unreachable, [reject.code]: Buffer.of(1) })];
}

/** Gives the connection the idle timeouts that a map of objects has for its protocol. */
export function timeoutsFrom(map: string): Expression[] {
  const { objref } = own;
  return [
    meta(metaKey.l4proto, first),
    expression('objref', { [objref.sreg]: first, [objref.name]: Buffer.from(`${map}\0`) }),
  ];
}

/**
 * Counts packets of our connections in one direction, by label. What a process sends to its own
 * sandbox passes twice, and is counted as it goes out.
 */
export function countIn(
  set: string,
  { hook, isAnswer }: { hook: 'prerouting' | 'output'; isAnswer: boolean },
): Expression[] {
  const { cmp } = expr;
  const compare = (op: number, value: Buffer): Expression =>
    expression('cmp', { [cmp.sreg]: first, [cmp.op]: op, [cmp.data]: dataValue(value) });
  const fromOutside = [meta(metaKey.iiftype, first), compare(cmp.unequal, loopbackType)];
  return [
    ct(own.status, first),
    masked(u32Le(statusDnat)),
    compare(cmp.unequal, u32Le(0)),
    ct(ctKey.direction, first),
    compare(cmp.equal, Buffer.of(isAnswer ? 1 : 0)),
    ...(hook === 'prerouting' ? fromOutside : []),
    ct(own.labels, first),
    lookup(set),
  ];
}

export const counter: Expression = expression('counter');

function guard(family: Family): readonly Expression[] {
  return guardExpressions(family === 4 ? 'ipv4' : 'ipv6');
}

function source(family: Family): Expression {
  return payload(networkHeader, family === 4 ? 12 : 8, addressSize(family), first);
}

function network(family: Family, prefix: number): Expression[] {
  const bytes = addressSize(family);
  if (prefix === bytes * 8) return [source(family)];
  const mask = Buffer.alloc(bytes);
  for (let bit = 0; bit < prefix; bit++) mask[bit >> 3]! |= 0x80 >> (bit & 7);
  return [source(family), masked(mask)];
}

function masked(mask: Buffer): Expression {
  const { bitwise } = expr;
  return expression('bitwise', {
    [bitwise.sreg]: first,
    [bitwise.dreg]: first,
    [bitwise.bytes]: mask.length,
    [bitwise.mask]: dataValue(mask),
    [bitwise.xor]: dataValue(Buffer.alloc(mask.length)),
  });
}

function payload(base: number, offset: number, bytes: number, dreg: number): Expression {
  const { payload: at } = expr;
  return expression('payload', {
    [at.dreg]: dreg,
    [at.base]: base,
    [at.offset]: offset,
    [at.bytes]: bytes,
  });
}

function meta(key: number, dreg: number): Expression {
  return expression('meta', { [expr.meta.dreg]: dreg, [expr.meta.key]: key });
}

function ct(key: number, dreg: number): Expression {
  return expression('ct', { [expr.ct.dreg]: dreg, [expr.ct.key]: key });
}

/** With a register, what the map has is put there; without, the packet must be in the set. */
function lookup(set: string, dreg?: number): Expression {
  return expression('lookup', {
    [expr.lookup.set]: Buffer.from(`${set}\0`),
    [expr.lookup.sreg]: first,
    ...(dreg === undefined ? {} : { [expr.lookup.dreg]: dreg }),
  });
}

function immediate(dreg: number, value: Buffer): Expression {
  return expression('immediate', {
    [expr.immediate.dreg]: dreg,
    [expr.immediate.data]: dataValue(value),
  });
}

function u32Le(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
