import { openLinuxKernel, type DataPath } from '../../src/kernel/index.js';
import type { Rule } from '../../src/model/index.js';
import type { NetworkSubject } from '../kernel-contract/network-contract.js';
import { TestNamespace } from './namespace.js';

/** The Linux kernel in a namespace of its own, for the contract. */
export async function openNamespaceSubject(
  balancer: DataPath['kind'] = 'ipvs',
): Promise<NetworkSubject & { readonly namespace: TestNamespace; vanish(): Promise<void> }> {
  const namespace = new TestNamespace();
  const kernel = await openLinuxKernel({ netns: namespace.path, balancer });
  let isGone = false;
  let added = 8;
  let other: TestNamespace | undefined;
  const vanish = async (): Promise<void> => {
    if (!isGone) await namespace.close();
    isGone = true;
  };
  return {
    namespace,
    kernel,
    changeAddress: () => {
      namespace.ip(`address add 127.0.0.${++added}/32 dev lo`);
      return Promise.resolve();
    },
    makeFarEnd: (name) => {
      other ??= new TestNamespace();
      other.ip(`link add near type veth peer name ${name} netns ${namespace.name}`);
      return Promise.resolve();
    },
    take: (rule) => {
      namespace.run(takingCommand(rule));
      return Promise.resolve();
    },
    vanish,
    close: async () => {
      await kernel.close();
      await vanish();
      await other?.close();
    },
  };
}

function takingCommand(rule: Rule): string {
  if (rule.kind === 'loopback') return 'ip link set lo down';
  if (rule.kind === 'link') return `ip link delete ${rule.name}`;
  if (rule.kind === 'address') return `ip address delete ${rule.prefix} dev ${rule.device}`;
  if (rule.kind === 'policy') return `ip -${rule.family} rule delete priority ${rule.priority}`;
  if (rule.kind === 'nft-table') return `nft delete table inet ${rule.name}`;
  throw new Error(`no command takes a ${rule.kind}`);
}
