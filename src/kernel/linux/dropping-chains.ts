import type { DroppingChain } from '../port.js';
import { attributesOf, flag, MessageWriter } from './message.js';
import type { Sandbox } from './sandbox.js';

/** linux/netfilter/nfnetlink.h, nf_tables.h. */
const subsystem = 10 << 8;
const message = { newChain: subsystem | 3, getChain: subsystem | 4 } as const;
const attribute = { table: 1, name: 3, hook: 4, policy: 5 } as const;
const hookNumber = 1;
const policyDrop = 0;
const generalHeaderBytes = 4;

const families = new Map([
  [1, 'inet'],
  [2, 'ip'],
  [10, 'ip6'],
]);
const hooks = new Map([
  [1, 'input'],
  [2, 'forward'],
] as const);

/** Base chains of nf_tables, which iptables-nft makes too; the old iptables are not seen. */
export async function listDroppingChains(sandbox: Sandbox): Promise<DroppingChain[]> {
  const session = await sandbox.session('netfilter');
  const writer = new MessageWriter(64);
  writer.begin(message.getChain, flag.request | flag.dump, session.nextSequence());
  writer.u32(0); // nfgenmsg [family u8 = all | version u8 | resource u16]
  writer.end();
  const replies = await session.dump('list firewall chains', writer.bytes());
  return replies.flatMap(({ type, body }) => {
    const chain = type === message.newChain ? decodeDroppingChain(body) : undefined;
    return chain === undefined ? [] : [chain];
  });
}

/** Undefined for chains that do not drop, that hook elsewhere, and for garbage. */
export function decodeDroppingChain(body: Buffer): DroppingChain | undefined {
  if (body.length < generalHeaderBytes) return undefined;
  const family = families.get(body[0]!);
  const attributes = attributesOf(body, generalHeaderBytes);
  const policy = attributes.get(attribute.policy);
  const hookAttribute = attributes.get(attribute.hook);
  if (family === undefined || policy?.length !== 4 || hookAttribute === undefined) return undefined;
  const number = attributesOf(hookAttribute).get(hookNumber);
  if (policy.readUInt32BE() !== policyDrop || number?.length !== 4) return undefined;
  const hook = hooks.get(number.readUInt32BE() as 1 | 2);
  if (hook === undefined) return undefined;
  const name = [attribute.table, attribute.name].map((type) => textOf(attributes.get(type)));
  return { name: [family, ...name].join(' '), hook };
}

function textOf(bytes: Buffer | undefined): string {
  return bytes?.toString('utf8').replace(/\0+$/, '') ?? '?';
}
