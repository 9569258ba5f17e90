/**
 * Rules of tables (NFT_MSG_NEWRULE). The comment lies in the rule's user data as `nft` has it:
 * [type u8 = 0 | length u8 | text with a zero byte].
 */
import type { NftRule } from '../../model/index.js';
import { textOf, type Attributes } from './attributes.js';
import { flag, type MessageWriter } from './message.js';
import { decodeExpressions, encodeExpression } from './nftables-expression.js';
import { beginNft, nft } from './nftables-message.js';
import { expressionsOf, statementsOf } from './nftables-statement.js';

const nfta = { table: 1, chain: 2, expressions: 4, userData: 7 } as const;
const commentType = 0;
/** NFTNL_UDATA_COMMENT_MAXLEN; longer ones `nft` does not show. Unit: bytes, zero byte included. */
export const nftCommentBytesMax = 128;

/** Names of where a rule belongs. */
export interface RulePlace {
  readonly table: string;
  readonly chain: string;
}

export function encodeRule(
  writer: MessageWriter,
  { table, chain }: RulePlace,
  rule: NftRule,
  sequence: number,
): void {
  beginNft(writer, nft.newRule, flag.request | flag.create | flag.append, sequence);
  writer.attributeString(nfta.table, table);
  writer.attributeString(nfta.chain, chain);
  writer.beginNested(nfta.expressions);
  for (const each of expressionsOf(rule.statements)) encodeExpression(writer, each);
  writer.endNested();
  writer.attributeBytes(nfta.userData, ruleComment(rule.comment));
  writer.end();
}

/** User data with a comment of at most 253 bytes. */
export function ruleComment(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([Buffer.of(commentType, bytes.length), bytes]);
}

export interface DecodedRule {
  readonly chain: string;
  readonly rule: NftRule;
}

/**
 * A rule and where it is. One with an expression that no statement of ours has gets none, and a
 * comment that says so: somebody else's, or ours after somebody changed it.
 */
export function decodeRule(attributes: Attributes): DecodedRule | undefined {
  const chain = textOf(attributes, nfta.chain);
  if (chain === undefined) return undefined;
  const comment = commentOf(attributes.get(nfta.userData));
  const list = attributes.get(nfta.expressions);
  const expressions = list === undefined ? undefined : decodeExpressions(list);
  const statements = expressions === undefined ? undefined : statementsOf(expressions);
  const rule =
    statements === undefined || comment === undefined
      ? { comment: `${comment ?? 'no comment'} (not made by meshd)`, statements: [] }
      : { comment, statements };
  return { chain, rule };
}

/** The comment of a rule's user data. */
export function commentOf(userData: Buffer | undefined): string | undefined {
  if (userData === undefined) return undefined;
  for (let at = 0; at + 2 <= userData.length; at += 2 + userData[at + 1]!) {
    if (userData[at] !== commentType) continue;
    const text = userData.toString('utf8', at + 2, at + 2 + userData[at + 1]!);
    return text.replace(/\0.*$/s, '');
  }
  return undefined;
}
