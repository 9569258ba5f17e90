/**
 * How fields of packets get into registers. In family inet, a field of one IP version needs a
 * check of `meta nfproto` before it, and one of Ethernet a check of `meta iiftype`, each once per
 * rule; `nft list` hides them.
 */
import type { NftField } from '../../model/index.js';
import {
  ctKey,
  dataValue,
  expr,
  expression,
  metaKey,
  registerOf,
  sameExpression,
  type Expression,
} from './nftables-expression.js';
import { paddedBytes } from './nftables-message.js';

/** What a field takes for granted. */
export type Guard = 'ipv4' | 'ipv6' | 'ethernet';

interface Load {
  readonly bytes: number;
  readonly guard?: Guard;
  readonly to: (register: number) => Expression;
}

const linkHeader = 0;
const networkHeader = 1;
const transportHeader = 2;
const directionOriginal = Buffer.of(0);

const loads: Readonly<Record<NftField, Load>> = {
  'ip saddr': payload(networkHeader, 12, 4, 'ipv4'),
  'ip daddr': payload(networkHeader, 16, 4, 'ipv4'),
  'ip6 saddr': payload(networkHeader, 8, 16, 'ipv6'),
  'ip6 daddr': payload(networkHeader, 24, 16, 'ipv6'),
  'ether saddr': payload(linkHeader, 6, 6, 'ethernet'),
  'th sport': payload(transportHeader, 0, 2),
  'th dport': payload(transportHeader, 2, 2),
  '@th,96,24': payload(transportHeader, 12, 3),
  iifname: meta(metaKey.iifname, 16),
  oifname: meta(metaKey.oifname, 16),
  'meta l4proto': meta(metaKey.l4proto, 1),
  'meta mark': meta(metaKey.mark, 4),
  'ct mark': ct(ctKey.mark, 4),
  'ct original ip daddr': ct(ctKey.destinationIp, 4, 'ipv4'),
  'ct original ip6 daddr': ct(ctKey.destinationIp6, 16, 'ipv6'),
};

const fieldNames = Object.keys(loads) as NftField[];

const guards: Readonly<Record<Guard, readonly Expression[]>> = {
  ipv4: check(metaKey.nfproto, Buffer.of(2)), // NFPROTO_IPV4
  ipv6: check(metaKey.nfproto, Buffer.of(10)), // NFPROTO_IPV6
  ethernet: check(metaKey.iiftype, Buffer.of(1, 0)), // ARPHRD_ETHER
};

/** What all of the fields take for granted. */
export function guardsOf(fields: readonly NftField[]): readonly Guard[] {
  const guarded = fields.map((field) => loads[field].guard).filter((guard) => guard !== undefined);
  return [...new Set(guarded)];
}

export function guardExpressions(guard: Guard): readonly Expression[] {
  return guards[guard];
}

/** Loads one field behind the other, from the first register on. */
export function loadExpressions(fields: readonly NftField[]): Expression[] {
  let slot = 0;
  return fields.map((field) => {
    const { bytes, to } = loads[field];
    const loaded = to(registerOf(slot));
    slot += slotsOf(bytes);
    return loaded;
  });
}

/** The fields that the expressions from `start` on load, as many as they are. */
export function loadedFields(expressions: readonly Expression[], start: number): NftField[] {
  const fields: NftField[] = [];
  let slot = 0;
  for (const each of expressions.slice(start)) {
    const register = registerOf(slot);
    const field = fieldNames.find((name) => sameExpression(loads[name].to(register), each));
    if (field === undefined) break;
    fields.push(field);
    slot += slotsOf(loads[field].bytes);
  }
  return fields;
}

function slotsOf(bytes: number): number {
  return paddedBytes(bytes) / 4;
}

function payload(base: number, offset: number, bytes: number, guard?: Guard): Load {
  const { payload: at } = expr;
  const to = (dreg: number): Expression =>
    expression('payload', {
      [at.dreg]: dreg,
      [at.base]: base,
      [at.offset]: offset,
      [at.bytes]: bytes,
    });
  return { bytes, to, ...(guard === undefined ? {} : { guard }) };
}

function meta(key: number, bytes: number): Load {
  return {
    bytes,
    to: (dreg) => expression('meta', { [expr.meta.dreg]: dreg, [expr.meta.key]: key }),
  };
}

function ct(key: number, bytes: number, guard?: Guard): Load {
  const direction = guard === undefined ? {} : { [expr.ct.direction]: directionOriginal };
  const to = (dreg: number): Expression =>
    expression('ct', { [expr.ct.dreg]: dreg, [expr.ct.key]: key, ...direction });
  return { bytes, to, ...(guard === undefined ? {} : { guard }) };
}

function check(key: number, value: Buffer): Expression[] {
  return [
    expression('meta', { [expr.meta.key]: key, [expr.meta.dreg]: registerOf(0) }),
    expression('cmp', {
      [expr.cmp.sreg]: registerOf(0),
      [expr.cmp.op]: expr.cmp.equal,
      [expr.cmp.data]: dataValue(value),
    }),
  ];
}
