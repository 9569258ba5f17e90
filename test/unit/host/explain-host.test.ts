import { describe, expect, it } from 'vitest';
import { openBook } from '../../../src/host/explain-book.js';
import { affinityOf, withCounters } from '../../../src/host/explain-counters.js';
import { NetworkNames } from '../../../src/host/explain-networks.js';
import type { Connection } from '../../../src/kernel/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import {
  ruleKey,
  type Endpoint,
  type LocalEndpoint,
  type Network,
  type Rule,
  type RuleSet,
  type VirtualServiceRule,
} from '../../../src/model/index.js';
import { bookOf } from '../../support/rule-book.js';
import { endpointAt, networkedService } from '../../support/networked.js';
import { HostBench, spec } from './bench.js';

const setOf = (...rules: readonly Rule[]): RuleSet =>
  new Map(rules.map((rule) => [ruleKey(rule), rule]));

const neighbor = (mac: string): Rule => {
  return { kind: 'neighbor', device: 'mesh-1', address: '10.64.0.2', mac };
};

describe('the rules of a sandbox', () => {
  const link: Rule = { kind: 'link', name: 'mesh-1', type: 'dummy', up: true };
  const [wanted, other] = [neighbor('02:4d:00:00:00:01'), neighbor('02:4d:00:00:00:02')];

  async function opened(inKernel: readonly Rule[], held: RuleSet, desired = setOf(link, wanted)) {
    const kernel = new FakeKernel();
    await kernel.apply(inKernel.map((target) => ({ verb: 'add', target })));
    return openBook({ kernel, desired, held });
  }

  it('are those of the kernel now, whatever it held', async () => {
    const book = await opened([link, other], setOf(link, wanted));
    expect(book.stateOf('link mesh-1')).toBe('holds');
    expect(book.stateOf(ruleKey(wanted))).toBe('differs');
    expect(book.rules.get(ruleKey(wanted))).toEqual(other);
  });

  it('and those that it lacks', async () => {
    const book = await opened([link], setOf(link, wanted));
    expect(book.stateOf(ruleKey(wanted))).toBe('lacks');
    expect(book.rules.get(ruleKey(wanted))).toEqual(wanted);
  });

  it('are what it was seen to hold where reading it all would take long', async () => {
    const many = Array.from({ length: 20_001 }, (_, i): Rule => {
      return {
        kind: 'address',
        device: 'mesh0',
        prefix: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`,
      };
    });
    const book = await opened([], setOf(...many, wanted), setOf(...many, wanted));
    expect(book.stateOf(ruleKey(wanted))).toBe('holds');
  });
});

describe('affinity', () => {
  const rule: VirtualServiceRule = {
    kind: 'virtual-service',
    match: { fwmark: 0x4d010050, family: 4 },
    scheduler: 'rr',
    schedulerFlags: [],
    affinityTimeoutS: 300,
    affinityPrefix: 24,
    onePacket: false,
    destinations: [],
  };
  const template: Connection = {
    protocol: 'ip',
    client: '192.0.2.0',
    clientPort: 0,
    virtual: '77.1.0.80',
    virtualPort: 0,
    destination: '10.255.0.2',
    destinationPort: 8080,
    state: 'NONE',
    expiresS: 40,
  };
  const packet = {
    source: '192.0.2.7',
    destination: '192.0.2.1',
    port: 80,
    protocol: 'tcp',
  } as const;

  it('to a mark is found by the network of the client', async () => {
    const kernel = new FakeKernel();
    kernel.connectionTable = [template];
    const boundBy = await affinityOf(packet, bookOf([rule]), kernel);
    const bound = { address: '10.255.0.2', port: 8080, by: 'affinity for another 40 s' };
    expect(boundBy(rule)).toEqual(bound);
    expect(boundBy({ ...rule, match: { fwmark: 1, family: 4 } })).toBeUndefined();
    expect(boundBy({ ...rule, affinityTimeoutS: 0 })).toBeUndefined();
    const stranger = await affinityOf({ ...packet, source: '192.0.3.7' }, bookOf([rule]), kernel);
    expect(stranger(rule)).toBeUndefined();
  });

  it('says of a virtual service that is gone that the kernel lacks it', async () => {
    const step = { kind: 'service', title: 'web', detail: '', countersOf: rule } as const;
    const [told] = await withCounters([step], new FakeKernel());
    expect(told).toEqual({ kind: 'service', title: 'web', detail: '', kernel: 'lacks' });
    // IPVS does not count what nftables carries beside it.
    const beside = { ...step, countersOf: { ...rule, by: 'nftables' } } as const;
    const [uncounted] = await withCounters([beside], new FakeKernel());
    expect(uncounted).toEqual({ kind: 'service', title: 'web', detail: '' });
  });
});

describe('names on networks', () => {
  const networkOf = (name: string, subnet: string): Network => {
    return { name, vni: 1, subnets: [subnet], port: 4789, internal: false, sealed: false };
  };
  const local = (endpoint: Endpoint, sandbox: string): LocalEndpoint => ({ ...endpoint, sandbox });
  const task = endpointAt(2, 'a', { name: 'task-1f', services: { web: 1 } });
  const names = new NetworkNames(
    [
      {
        network: networkOf('front', '10.64.0.0/24'),
        local: [
          local(
            endpointAt(2, 'a', { name: 'web-1', network: 'front', addresses: ['10.64.0.2'] }),
            '/run/netns/web-1',
          ),
        ],
        remote: [
          endpointAt(18, 'b', { name: 'web-2', network: 'front', addresses: ['10.64.0.18'] }),
        ],
      },
      {
        network: networkOf('ingress', '10.255.0.0/16'),
        local: [local(task, '/run/netns/web-1'), local(endpointAt(1, 'a', { isEntry: true }), '')],
        remote: [endpointAt(18, 'b'), endpointAt(17, 'b', { isEntry: true })],
      },
    ],
    [networkedService({ vips: ['10.64.0.200'] })],
  );

  it.each([
    ['10.64.0.2', 'web-1', 'a'],
    ['10.64.0.18', 'web-2', 'b'],
    // On ingress under the name that people gave; of another node it is not known.
    ['10.255.0.2', 'web-1', 'a'],
    ['10.255.0.18', '10.255.0.18', 'b'],
    ['10.255.0.17', 'node b', 'b'],
  ])('%s is %s', (address, name, node) => {
    expect(names.endpointAt(address)).toMatchObject({ name, node });
  });

  it('know a task with all of its networks, the VIPs, and nodes', () => {
    const { name, networks } = names.taskAt('10.255.0.2')!;
    expect(name).toBe('web-1');
    expect(networks.map((one) => `${one.name} ${one.addresses[0]!}`)).toEqual([
      'front 10.64.0.2',
      'ingress 10.255.0.2',
    ]);
    expect(names.networkAt('10.64.0.200')).toEqual({ network: 'front', service: 'web' });
    expect(names.networkAt('10.64.0.99')).toEqual({ network: 'front' });
    expect(names.networkAt('192.0.2.1')).toBeUndefined();
    expect(names.taskAt('10.255.0.1')).toBeUndefined();
    expect(names.entryAddress('a', '192.0.2.1')).toBe('10.255.0.1');
    expect(names.vtepOf('b')).toBe('192.0.2.2');
  });
});

it('a service that is kept out of the kernel says why', async () => {
  const bench = new HostBench();
  bench.kernel.hostAddresses = [
    { device: 'eth0', address: '10.96.0.1', prefixLength: 24, scope: 'global' },
  ];
  await bench.start();
  await bench.apply(spec('web vip=10.96.0.1', '10.0.0.11 name=web-1'));
  const { outcome, steps } = await bench.backend.explain({
    source: '192.0.2.7',
    destination: '10.96.0.1',
    port: 80,
    protocol: 'tcp',
  });
  expect(outcome).toMatchObject({
    verdict: 'refused',
    text: 'web is kept out of the kernel: 10.96.0.1 is an address of eth0',
  });
  expect(steps.at(-1)!.detail).toContain('meshctl service inspect web');
});
