import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { formatEndpoint, type VirtualServiceRule } from '../../src/model/index.js';
import { kernelContract, type Subject } from '../kernel-contract/contract.js';
import type { TestNamespace } from '../support/namespace.js';
import { openNamespaceSubject } from '../support/namespace-subject.js';

describe('the Linux kernel', () => {
  kernelContract(async (): Promise<Subject> => {
    const { namespace, ...subject } = await openNamespaceSubject();
    return {
      ...subject,
      plantForeign: (rule) => {
        plantForeign(namespace, rule);
        return Promise.resolve();
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
