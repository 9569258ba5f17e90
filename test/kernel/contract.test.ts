import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { openLinuxKernel } from '../../src/kernel/index.js';
import { formatEndpoint, type VirtualServiceRule } from '../../src/model/index.js';
import { kernelContract, type Subject } from '../kernel-contract/contract.js';
import { TestNamespace } from '../support/namespace.js';

describe('the Linux kernel', () => {
  kernelContract(async (): Promise<Subject> => {
    const namespace = new TestNamespace();
    const kernel = await openLinuxKernel({ netns: namespace.path });
    let isGone = false;
    const close = async (): Promise<void> => {
      if (!isGone) await namespace.close();
      isGone = true;
    };
    return {
      kernel,
      plantForeign: (rule) => {
        plantForeign(namespace, rule);
        return Promise.resolve();
      },
      changeAddress: () => {
        namespace.ip('address add 127.0.0.9/32 dev lo');
        return Promise.resolve();
      },
      vanish: close,
      close: async () => {
        await kernel.close();
        await close();
      },
    };
  });
});

/** By ipvsadm, which knows nothing of our mark. */
function plantForeign(namespace: TestNamespace, rule: VirtualServiceRule): void {
  const { match } = rule;
  if ('fwmark' in match) throw new Error('not needed');
  const endpoint = formatEndpoint(match.address, match.port);
  namespace.run(`ipvsadm -A -t ${endpoint} -s ${rule.scheduler}`);
  for (const { address, port, weight } of rule.destinations) {
    const server = formatEndpoint(address, port);
    namespace.run(`ipvsadm -a -t ${endpoint} -r ${server} -m -w ${weight}`);
  }
}

execFileSync('modprobe', ['ip_vs']);
