/**
 * Policy rules, `ip rule`: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (linux/fib_rules.h).
 *
 *     [family u8 | destination length u8 | source length u8 | tos u8 |
 *      table u8 | reserved u16 | action u8 | flags u32 | attributes]
 *
 * Ours carry `routeProtocol`; requests to delete name it, so that they cannot hit another's.
 */
import {
  addressBits,
  familyOf,
  prefixLength,
  prefixOf,
  routeProtocol,
  type Family,
  type Op,
  type PolicyRule,
} from '../../model/index.js';
import { addressOf, u32Of, u8Of, type Attributes } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import { af, bytesOf, newFlags, rtm } from './rtnetlink.js';

const headerBytes = 12;
const fra = {
  destination: 1,
  source: 2,
  priority: 6,
  mark: 10,
  table: 15,
  mask: 16,
  protocol: 21,
} as const;
const actionLookup = 1; // FR_ACT_TO_TBL
const wholeMark = 0xffffffff;

/**
 * Writes the requests of one Op. The kernel tells rules apart by all they say: `add` fails with
 * EEXIST only for a rule that is the same in everything, and `set` deletes the one of this
 * priority and mark and adds the new one. `set` and `delete` fail with ENOENT when there is none.
 */
export function encodePolicyOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: PolicyRule,
  sequence: number,
): void {
  if (verb !== 'add') {
    writer.begin(rtm.deleteRule, flag.request, sequence);
    encodeHeader(writer, rule.family, 0, 0, 0);
    encodeIdentity(writer, rule);
    writer.end();
  }
  if (verb === 'delete') return;
  writer.begin(rtm.newRule, newFlags.add, sequence);
  const bits = (prefix: string | undefined): number =>
    prefix === undefined ? 0 : prefixLength(prefix);
  encodeHeader(writer, rule.family, bits(rule.to), bits(rule.from), actionLookup);
  encodeIdentity(writer, rule);
  writer.attributeU32(fra.table, rule.table);
  if (rule.from !== undefined) writer.attributeBytes(fra.source, bytesOf(rule.from));
  if (rule.to !== undefined) writer.attributeBytes(fra.destination, bytesOf(rule.to));
  writer.end();
}

export function encodePolicyDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getRule, flag.request | flag.dump, sequence);
  for (let i = 0; i < headerBytes; i += 4) writer.u32(0);
  writer.end();
}

/** The rule of a message body when it is ours, else undefined. */
export function decodePolicy(body: Buffer): PolicyRule | undefined {
  if (body.length < headerBytes) return undefined;
  const family = body[0] === af.inet ? 4 : body[0] === af.inet6 ? 6 : undefined;
  const attributes = attributesOf(body, headerBytes);
  const priority = u32Of(attributes, fra.priority);
  if (family === undefined || priority === undefined) return undefined;
  if (u8Of(attributes, fra.protocol) !== routeProtocol) return undefined;
  const from = prefixOfAttribute(attributes, fra.source, family, body[2]!);
  const to = prefixOfAttribute(attributes, fra.destination, family, body[1]!);
  const fwmark = u32Of(attributes, fra.mark);
  const fwmask = u32Of(attributes, fra.mask);
  return {
    kind: 'policy',
    family,
    priority,
    ...(fwmark === undefined ? {} : { fwmark }),
    ...(fwmask === undefined || fwmask === wholeMark ? {} : { fwmask }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    table: u32Of(attributes, fra.table) ?? body[4]!,
  };
}

function encodeHeader(
  writer: MessageWriter,
  family: Family,
  destinationBits: number,
  sourceBits: number,
  action: number,
): void {
  writer.u8(family === 4 ? af.inet : af.inet6);
  writer.u8(destinationBits);
  writer.u8(sourceBits);
  writer.u8(0);
  writer.u8(0); // table: in its attribute
  writer.u16(0);
  writer.u8(action);
  writer.u32(0);
}

function encodeIdentity(writer: MessageWriter, rule: PolicyRule): void {
  writer.attributeU32(fra.priority, rule.priority);
  writer.attributeU8(fra.protocol, routeProtocol);
  if (rule.fwmark === undefined) return;
  writer.attributeU32(fra.mark, rule.fwmark);
  writer.attributeU32(fra.mask, rule.fwmask ?? wholeMark);
}

function prefixOfAttribute(
  attributes: Attributes,
  type: number,
  family: Family,
  bits: number,
): string | undefined {
  const base = addressOf(attributes, type);
  if (base === undefined || familyOf(base) !== family || bits > addressBits(family)) {
    return undefined;
  }
  return prefixOf(base, bits);
}
