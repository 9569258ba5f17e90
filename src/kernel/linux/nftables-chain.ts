/** Chains of tables (NFT_MSG_NEWCHAIN), those with a hook with policy accept. */
import type { NftBaseChain, NftPlainChain } from '../../model/index.js';
import { textOf, u32BeOf, type Attributes } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import { beginNft, nft } from './nftables-message.js';

const nfta = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const nftaHook = { number: 1, priority: 2 } as const;
const accept = 1;
/** NF_INET_* hooks, in their order. */
const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const types = ['filter', 'nat', 'route'] as const;

export function encodeChain(
  writer: MessageWriter,
  table: string,
  chain: NftBaseChain | NftPlainChain,
  sequence: number,
): void {
  beginNft(writer, nft.newChain, flag.request | flag.create | flag.exclusive, sequence);
  writer.attributeString(nfta.table, table);
  writer.attributeString(nfta.name, chain.name);
  if ('hook' in chain) {
    writer.beginNested(nfta.hook);
    writer.attributeU32Be(nftaHook.number, hooks.indexOf(chain.hook));
    writer.attributeU32Be(nftaHook.priority, chain.priority);
    writer.endNested();
    writer.attributeU32Be(nfta.policy, accept);
    writer.attributeString(nfta.type, chain.type);
  }
  writer.end();
}

type WithoutRules<Chain> = Omit<Chain, 'rules'>;

/** A chain without its rules. One we would not make says so in its name. */
export function decodeChain(
  attributes: Attributes,
): WithoutRules<NftBaseChain> | WithoutRules<NftPlainChain> | undefined {
  const name = textOf(attributes, nfta.name);
  if (name === undefined) return undefined;
  const hookAttributes = attributes.get(nfta.hook);
  if (hookAttributes === undefined) return { name };
  const nested = attributesOf(hookAttributes);
  const hook = hooks[u32BeOf(nested, nftaHook.number) ?? hooks.length];
  const type = types.find((each) => each === textOf(attributes, nfta.type));
  const policy = u32BeOf(attributes, nfta.policy);
  const priority = u32BeOf(nested, nftaHook.priority);
  if (hook === undefined || type === undefined || priority === undefined || policy !== accept) {
    return { name: `${name} (changed)` };
  }
  return { name, type, hook, priority: priority | 0 };
}
