import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { decodeElements } from '../../../src/kernel/linux/nftables-element.js';
import type { Expression } from '../../../src/kernel/linux/nftables-expression.js';
import { nft, ownNftAttributes } from '../../../src/kernel/linux/nftables-message.js';
import { expressionsOf, statementsOf } from '../../../src/kernel/linux/nftables-statement.js';
import { NftTablesReader } from '../../../src/kernel/linux/nftables-table.js';
import { encodeNftElementOp, encodeNftTableOp } from '../../../src/kernel/linux/nftables.js';
import type { NftStatement } from '../../../src/model/index.js';
import { readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { vocabulary, vocabularyElements } from '../../support/nft-vocabulary.js';
import { table } from '../../support/nft-table.js';
import { nftablesLayout } from '../../support/nftables-layout.js';
import { expectNoThrow } from '../../support/random-bytes.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const setsByName = new Map(vocabulary.sets.map((set) => [set.name, set]));
const rules = [...vocabulary.chains, ...table.chains].flatMap((chain) => chain.rules);
const statements = rules.flatMap((rule) => rule.statements);

it('is encoded as in the golden file', () => {
  const blocks = new Map<string, string>();
  const add = (name: string, encode: (writer: MessageWriter) => void): void => {
    const writer = new MessageWriter(16);
    encode(writer);
    blocks.set(name, describeMessages(writer.bytes(), nftablesLayout));
  };
  add('add the table', (writer) => encodeNftTableOp(writer, 'add', vocabulary, 5));
  for (const rule of vocabularyElements) {
    add(`add ${rule.set} ${rule.key.join(' . ')}`, (writer) => {
      expect(encodeNftElementOp(writer, 'add', rule, 5, setsByName)).toBe(0);
    });
  }
  const about = 'Requests about the nftables table of test/support/nft-vocabulary.ts.';
  expectGolden(new URL('nft-vocabulary.txt', golden), about, blocks);
});

describe('replies of a kernel', () => {
  const captured = readCaptured(new URL('nft-vocabulary-replies.txt', golden));
  const types: Record<string, number> = {
    table: nft.newTable,
    set: nft.newSet,
    chain: nft.newChain,
    rule: nft.newRule,
    elements: nft.newElement,
  };
  const typeOf = (name: string): number => types[name.split(' ')[0]!]!;

  it('give the table and its elements back', () => {
    const reader = new NftTablesReader();
    for (const { name, body } of captured) reader.add(typeOf(name), body);
    expect(reader.tables()).toEqual([vocabulary]);
    const found = vocabulary.sets.flatMap((set) => {
      const own = captured.filter(({ name }) => name === `elements ${set.name}`);
      const attributes = own.map(({ body }) => ownNftAttributes(body)!);
      return decodeElements(attributes, vocabulary.name, set);
    });
    const inOrder = (each: unknown): string => JSON.stringify(each);
    expect(found.map(inOrder).toSorted()).toEqual(vocabularyElements.map(inOrder).toSorted());
  });

  it('survive anything', () => {
    const samples = captured.filter(({ name }) => typeOf(name) === nft.newRule);
    expectNoThrow(
      samples.map(({ body }) => body),
      (body) => {
        const reader = new NftTablesReader();
        reader.add(nft.newTable, captured[0]!.body);
        reader.add(nft.newRule, body);
        return reader.tables();
      },
    );
  });
});

describe('statements', () => {
  it('come back in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...statements), { maxLength: 8 }), (list) => {
        expect(statementsOf(expressionsOf(list))).toEqual(list);
      }),
    );
  });

  it('are told from what differs in one byte of one attribute', () => {
    for (const rule of rules) {
      for (const changed of variants(expressionsOf(rule.statements))) {
        expect(statementsOf(changed)).not.toEqual(rule.statements);
      }
    }
  });

  it('are told from what lacks an expression, or has one twice', () => {
    for (const { statements: list } of rules) {
      const all = expressionsOf(list);
      all.forEach((each, i) => {
        expect(statementsOf(all.toSpliced(i, 1))).not.toEqual(list);
        expect(statementsOf(all.toSpliced(i, 0, each))).not.toEqual(list);
      });
    }
  });

  it('compare equal whatever was counted', () => {
    const counted: NftStatement[] = [{ type: 'protocol', protocol: 'tcp' }, { type: 'counter' }];
    const kernels = expressionsOf(counted).map((each) =>
      each.name === 'counter' ? { ...each, attributes: new Map([[1, Buffer.alloc(8, 7)]]) } : each,
    );
    expect(statementsOf(kernels)).toEqual(counted);
  });
});

/** The same expressions but for one byte. */
function* variants(expressions: readonly Expression[]): Generator<Expression[]> {
  for (const [i, { name, attributes }] of expressions.entries()) {
    for (const [type, payload] of attributes) {
      for (const at of payload.keys()) {
        // The zero byte at the end of a name and what pads data say nothing.
        if (at >= payload.length - padding(name, type, payload)) break;
        const changed = Buffer.from(payload);
        changed[at]! ^= 0x11;
        const other = { name, attributes: new Map(attributes).set(type, changed) };
        yield [...expressions.slice(0, i), other, ...expressions.slice(i + 1)];
      }
    }
  }
}

function padding(name: string, type: number, payload: Buffer): number {
  if (name === 'lookup' && type === 1) return 1;
  const isData = ['cmp', 'bitwise', 'immediate'].includes(name) && payload.length > 4;
  return isData ? payload.length - payload.readUInt16LE() : 0;
}
