/** The contract with virtual services by nftables: needs no IPVS. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLinuxKernel, type Kernel } from '../../src/kernel/index.js';
import { kernelContract } from '../kernel-contract/contract.js';
import { add, destination, dns4, of, service, web4 } from '../kernel-contract/rules.js';
import { TestNamespace } from '../support/namespace.js';
import { openNamespaceSubject } from '../support/namespace-subject.js';

/** What nftables cannot do, and what there is none of. */
const except = {
  'one-packet scheduling': 'connection tracking knows flows: refused',
  'direct routing': 'nftables can only translate: refused',
  'every tunnel': 'the same',
  'a tunnel needs its port': 'the same',
  'a service without our mark is foreign, and not given destinations by a vain add':
    'the table is ours alone: what others put into it is cleared away',
};

describe('the Linux kernel, balancing by nftables', () => {
  kernelContract(
    async () => ({
      ...(await openNamespaceSubject('nftables')),
      plantForeign: () => Promise.reject(new Error('there is no such thing')),
    }),
    except,
  );
});

describe('what it refuses', () => {
  let namespace: TestNamespace;
  let kernel: Kernel;

  beforeEach(async () => {
    namespace = new TestNamespace();
    kernel = await openLinuxKernel({ netns: namespace.path, balancer: 'nftables' });
  });
  afterEach(async () => {
    await kernel.close();
    await namespace.close();
  });

  it('is named', async () => {
    const bare = service(web4);
    const failures = await kernel.apply([
      add(bare),
      add(of(bare, destination('10.0.0.11', { forwarding: 'route' }))),
      add(service(dns4, { onePacket: true })),
    ]);
    expect(failures.map(({ error }) => error.message)).toEqual([
      'add destination 10.0.0.11:8080 route weight=1 of 10.96.0.1:80/tcp: forwarding route needs ' +
        'IPVS: nftables can only translate (masq) (EOPNOTSUPP)',
      'add ipvs 10.96.0.1:53/udp wrr ops: onePacket needs IPVS: nftables tracks flows (EOPNOTSUPP)',
    ]);
  });
});
