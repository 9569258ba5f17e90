/**
 * Statements <-> expressions. What is read is trusted only as far as writing it again gives the
 * same expressions: so a rule that somebody changed is never taken for one of ours.
 */
import type { NftField, NftStatement } from '../../model/index.js';
import { textOf, u32BeOf } from './attributes.js';
import {
  chainOfVerdict,
  ctKey,
  dataValue,
  dataVerdict,
  expr,
  expression,
  metaKey,
  registerOf,
  sameExpression,
  verdictGoto,
  verdictRegister,
  type Expression,
} from './nftables-expression.js';
import {
  guardExpressions,
  guardsOf,
  loadExpressions,
  loadedFields,
  type Guard,
} from './nftables-field.js';
import { attributesOf } from './message.js';
import { nftaData } from './nftables-message.js';

export function expressionsOf(statements: readonly NftStatement[]): Expression[] {
  const guarded = new Set<Guard>();
  return statements.flatMap((statement) => {
    const needed = 'fields' in statement ? guardsOf(statement.fields) : [];
    const missing = needed.filter((guard) => !guarded.has(guard));
    for (const guard of missing) guarded.add(guard);
    return [...missing.flatMap(guardExpressions), ...ofStatement(statement)];
  });
}

/** Undefined when there are expressions that no statement of ours has. */
export function statementsOf(expressions: readonly Expression[]): NftStatement[] | undefined {
  const statements: NftStatement[] = [];
  for (let at = 0; at < expressions.length;) {
    const found = readStatement(expressions, at);
    if (found.length === 0) return undefined;
    if (found.statement !== undefined) statements.push(found.statement);
    at += found.length;
  }
  const again = expressionsOf(statements);
  return startsWith(expressions, 0, again) && again.length === expressions.length
    ? statements
    : undefined;
}

const first = registerOf(0);
const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
const typeLocal = 2; // RTN_LOCAL
const verdicts = { drop: 0, accept: 1, goto: verdictGoto } as const; // NF_DROP, NF_ACCEPT

const loadAddressType = expression('fib', {
  [expr.fib.dreg]: first,
  [expr.fib.result]: expr.fib.addressType,
  [expr.fib.flags]: expr.fib.ofDestination,
});
const loadMark = loadExpressions(['meta mark']);
const loadCtMark = loadExpressions(['ct mark']);
const setMark = expression('meta', { [expr.meta.key]: metaKey.mark, [expr.meta.sreg]: first });
const setPort = { 'th sport': writeTransport(0, 2), 'th dport': writeTransport(2, 2) } as const;
const setCtMark = expression('ct', { [expr.ct.key]: ctKey.mark, [expr.ct.sreg]: first });

/** Statements that say nothing but their type, and those of one protocol. */
const fixed: readonly (readonly [NftStatement, readonly Expression[]])[] = [
  [{ type: 'protocol', protocol: 'tcp' }, protocolIs(protocols.tcp)],
  [{ type: 'protocol', protocol: 'udp' }, protocolIs(protocols.udp)],
  [{ type: 'protocol', protocol: 'sctp' }, protocolIs(protocols.sctp)],
  [{ type: 'protocol', protocol: 'tcp', negate: true }, protocolIs(protocols.tcp, true)],
  [{ type: 'protocol', protocol: 'udp', negate: true }, protocolIs(protocols.udp, true)],
  [{ type: 'protocol', protocol: 'sctp', negate: true }, protocolIs(protocols.sctp, true)],
  [{ type: 'fib-local' }, [loadAddressType, compare(expr.cmp.equal, u32Host(typeLocal))]],
  [{ type: 'fib-elsewhere' }, [loadAddressType, compare(expr.cmp.unequal, u32Host(typeLocal))]],
  [
    { type: 'leaves-host' },
    [
      expression('meta', { [expr.meta.dreg]: first, [expr.meta.key]: metaKey.oiftype }),
      compare(expr.cmp.unequal, Buffer.of(0x04, 0x03)), // ARPHRD_LOOPBACK
    ],
  ],
  [
    { type: 'reply-direction' },
    [
      expression('ct', { [expr.ct.dreg]: first, [expr.ct.key]: ctKey.direction }),
      compare(expr.cmp.equal, Buffer.of(1)), // IP_CT_DIR_REPLY
    ],
  ],
  // Every user is at least 0: what counts is that a packet of no process has none, and ends the rule.
  [
    { type: 'socket-user' },
    [
      expression('meta', { [expr.meta.dreg]: first, [expr.meta.key]: metaKey.skuid }),
      toNetworkOrder(4),
      compare(expr.cmp.atLeast, u32Host(0)),
    ],
  ],
  [{ type: 'mark-from-ct-mark' }, [...loadCtMark, setMark]],
  [{ type: 'ct-mark-from-mark' }, [...loadMark, setCtMark]],
  [
    { type: 'mark-clear' },
    [
      expression('immediate', {
        [expr.immediate.dreg]: first,
        [expr.immediate.data]: dataValue(u32Host(0)),
      }),
      setMark,
    ],
  ],
  [{ type: 'notrack' }, [expression('notrack')]],
  [{ type: 'counter' }, [expression('counter')]],
  [{ type: 'masquerade' }, [expression('masq')]],
  [{ type: 'accept' }, [verdict(verdicts.accept)]],
  [{ type: 'drop' }, [verdict(verdicts.drop)]],
];

function ofStatement(statement: NftStatement): readonly Expression[] {
  switch (statement.type) {
    case 'lookup': {
      const flags: Record<number, number> =
        statement.negate === true ? { [expr.lookup.flags]: expr.lookup.inverted } : {};
      return [...loadExpressions(statement.fields), lookup(statement.set, flags)];
    }
    case 'mark-from-map':
      return [...fromMap(statement), setMark];
    case 'port-from-map':
      return [...fromMap(statement), setPort[statement.port]];
    case 'mark-is':
      return [...loadMark, ...maskedIs(statement)];
    case 'ct-mark-is':
      return [...loadCtMark, ...maskedIs(statement)];
    case 'device-group':
      return deviceGroup(statement);
    case 'protocol':
      return protocolIs(protocols[statement.protocol], statement.negate);
    case 'goto':
      return [goto(statement.chain)];
    case 'fib-local':
    case 'fib-elsewhere':
    case 'leaves-host':
    case 'reply-direction':
    case 'socket-user':
    case 'mark-from-ct-mark':
    case 'ct-mark-from-mark':
    case 'mark-clear':
    case 'notrack':
    case 'counter':
    case 'masquerade':
    case 'accept':
    case 'drop':
      return fixed.find(([{ type }]) => type === statement.type)![1];
  }
}

interface Read {
  /** Absent for a guard: the statement behind it has it again. */
  readonly statement?: NftStatement;
  /** How many expressions it takes; 0 = there is none of ours. */
  readonly length: number;
}

function readStatement(expressions: readonly Expression[], at: number): Read {
  for (const [statement, own] of fixed) {
    if (startsWith(expressions, at, own)) return { statement, length: own.length };
  }
  for (const guard of ['ipv4', 'ipv6', 'ethernet'] as const) {
    const own = guardExpressions(guard);
    if (startsWith(expressions, at, own)) return { length: own.length };
  }
  const group = readDeviceGroup(expressions[at]!, expressions[at + 1]);
  if (group !== undefined) return { statement: group, length: 2 };
  const goes = readGoto(expressions[at]!);
  if (goes !== undefined) return { statement: goes, length: 1 };
  const fields = loadedFields(expressions, at);
  const [next, behind] = expressions.slice(at + fields.length);
  if (next?.name === 'lookup') return readLookup(fields, next, behind);
  if (next?.name === 'bitwise' && behind?.name === 'cmp') {
    const type = fields[0] === 'ct mark' ? 'ct-mark-is' : 'mark-is';
    const mask = dataOf(next, expr.bitwise.mask);
    const value = dataOf(behind, expr.cmp.data);
    if (mask === undefined || value === undefined) return { length: 0 };
    return { statement: { type, mask, value }, length: fields.length + 2 };
  }
  return { length: 0 };
}

function readLookup(
  fields: readonly NftField[],
  { attributes }: Expression,
  behind: Expression | undefined,
): Read {
  const set = textOf(attributes, expr.lookup.set) ?? '';
  if (attributes.has(expr.lookup.dreg)) {
    const port = (['th sport', 'th dport'] as const).find(
      (one) => behind !== undefined && sameExpression(behind, setPort[one]),
    );
    const found = { fields, map: set } as const;
    const statement: NftStatement =
      port === undefined
        ? { type: 'mark-from-map', ...found }
        : { type: 'port-from-map', port, ...found };
    return { statement, length: fields.length + 2 };
  }
  const isNegated = u32BeOf(attributes, expr.lookup.flags) === expr.lookup.inverted;
  const statement = { type: 'lookup', fields, set } as const;
  return {
    statement: isNegated ? { ...statement, negate: true } : statement,
    length: fields.length + 1,
  };
}

type DeviceGroup = Extract<NftStatement, { type: 'device-group' }>;

function deviceGroup({ field, group, negate }: DeviceGroup): Expression[] {
  const { equal, unequal } = expr.cmp;
  return [
    expression('meta', { [expr.meta.dreg]: first, [expr.meta.key]: metaKey[field] }),
    compare(negate === true ? unequal : equal, u32Host(group)),
  ];
}

function readDeviceGroup(
  load: Expression,
  behind: Expression | undefined,
): DeviceGroup | undefined {
  if (load.name !== 'meta' || behind?.name !== 'cmp') return undefined;
  const key = u32BeOf(load.attributes, expr.meta.key);
  const field = (['iifgroup', 'oifgroup'] as const).find((one) => metaKey[one] === key);
  const group = dataOf(behind, expr.cmp.data);
  if (field === undefined || group === undefined) return undefined;
  const isNegated = u32BeOf(behind.attributes, expr.cmp.op) === expr.cmp.unequal;
  return { type: 'device-group', field, group, ...(isNegated ? { negate: true } : {}) };
}

function startsWith(
  expressions: readonly Expression[],
  at: number,
  wanted: readonly Expression[],
): boolean {
  return wanted.every((each, i) => {
    const other = expressions[at + i];
    return other !== undefined && sameExpression(other, each);
  });
}

function lookup(set: string, rest: Readonly<Record<number, number>>): Expression {
  return expression('lookup', {
    [expr.lookup.set]: Buffer.from(`${set}\0`),
    [expr.lookup.sreg]: first,
    ...rest,
  });
}

function fromMap({ fields, map }: { fields: readonly NftField[]; map: string }): Expression[] {
  return [...loadExpressions(fields), lookup(map, { [expr.lookup.dreg]: first })];
}

/** From the first register; no checksum is changed. */
function writeTransport(offset: number, bytes: number): Expression {
  const { payload } = expr;
  return expression('payload', {
    [payload.base]: 2, // NFT_PAYLOAD_TRANSPORT_HEADER
    [payload.offset]: offset,
    [payload.bytes]: bytes,
    [payload.sreg]: first,
    [payload.checksumType]: 0,
    [payload.checksumOffset]: 0,
    [payload.checksumFlags]: 0,
  });
}

function maskedIs({ mask, value }: { mask: number; value: number }): Expression[] {
  return [masked(u32Host(mask)), compare(expr.cmp.equal, u32Host(value))];
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

function compare(op: number, value: Buffer): Expression {
  const { cmp } = expr;
  return expression('cmp', { [cmp.sreg]: first, [cmp.op]: op, [cmp.data]: dataValue(value) });
}

function protocolIs(number: number, negate = false): Expression[] {
  const { equal, unequal } = expr.cmp;
  const relation = negate ? unequal : equal;
  return [...loadExpressions(['meta l4proto']), compare(relation, Buffer.of(number))];
}

/** As `nft` has it: numbers compare as in network order. */
function toNetworkOrder(bytes: number): Expression {
  const { byteorder } = expr;
  return expression('byteorder', {
    [byteorder.sreg]: first,
    [byteorder.dreg]: first,
    [byteorder.op]: byteorder.toNetwork,
    [byteorder.bytes]: bytes,
    [byteorder.size]: bytes,
  });
}

function verdict(code: number): Expression {
  const { immediate } = expr;
  return expression('immediate', {
    [immediate.dreg]: verdictRegister,
    [immediate.data]: dataVerdict(code),
  });
}

function goto(chain: string): Expression {
  const { immediate } = expr;
  return expression('immediate', {
    [immediate.dreg]: verdictRegister,
    [immediate.data]: dataVerdict(verdicts.goto, chain),
  });
}

function readGoto({ name, attributes }: Expression): NftStatement | undefined {
  if (name !== 'immediate') return undefined;
  const chain = chainOfVerdict(attributes.get(expr.immediate.data) ?? Buffer.alloc(0));
  return chain === undefined ? undefined : { type: 'goto', chain };
}

function u32Host(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Four bytes of data, in host order. */
function dataOf({ attributes }: Expression, type: number): number | undefined {
  const value = attributesOf(attributes.get(type) ?? Buffer.alloc(0)).get(nftaData.value);
  return value?.length === 4 ? value.readUInt32LE() : undefined;
}
