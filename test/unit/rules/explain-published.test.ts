import { describe, expect, it } from 'vitest';
import type { Endpoint, PublishedPort, Rule } from '../../../src/model/index.js';
import {
  compilePublished,
  explain,
  OnLink,
  type ExplainFacts,
  type Packet,
} from '../../../src/rules/index.js';
import { endpointAt, networkedService, publishedPort } from '../../support/networked.js';
import { bookOf } from '../../support/rule-book.js';

const call: Packet = {
  source: '198.51.100.7',
  destination: '192.0.2.1',
  port: 80,
  protocol: 'tcp',
};

interface Scene {
  readonly port?: Partial<PublishedPort>;
  readonly packet?: Partial<Packet>;
  /** Where one task is here, on node a, and one on node b. */
  readonly local?: readonly Endpoint[];
  readonly remote?: readonly Endpoint[];
  readonly facts?: Partial<ExplainFacts>;
  readonly lacking?: readonly string[];
}

const here = endpointAt(2, 'a', { name: 'h' });
const there = endpointAt(18, 'b', { name: 't' });

function explained({ port = {}, packet = {}, lacking = [], ...scene }: Scene) {
  const { local = [here], remote = [there] } = scene;
  const published = publishedPort(port);
  const rules: Rule[] = [
    ...compilePublished(networkedService({ publish: [published] }), {
      local,
      remote,
      families: [4, 6],
      isTracked: false,
    }),
    { kind: 'neighbor', device: 'meshx-4096', address: there.addresses[0]!, mac: there.mac },
    { kind: 'fdb', device: 'meshx-4096', mac: there.mac, vtep: there.vtep },
  ];
  const endpoints = [...local, ...remote];
  const at = (address: string): Endpoint | undefined =>
    endpoints.find(({ addresses }) => addresses.includes(address));
  return explain(
    { ...call, ...packet },
    {
      book: bookOf(rules, lacking),
      node: 'a',
      onLink: new OnLink([]),
      isLocal: (address) => address === '192.0.2.1',
      serviceName: () => 'web',
      describeDestination: (_, { address }) => `${at(address)!.name} on node ${at(address)!.node}`,
      nodeOf: (address) => at(address)?.node,
      boundBy: () => undefined,
      networkAt: () => undefined,
      withheldAt: () => undefined,
      publisherOf: (one) =>
        one.port === published.port && one.protocol === 'tcp'
          ? { name: 'web', network: 'front', port: published, endpoints }
          : undefined,
      entryAddress: '10.255.0.1',
      ...scene.facts,
    },
  );
}

function told(scene: Scene): string[] {
  const { steps, after, outcome } = explained(scene);
  return [...steps, ...after]
    .map(({ title, detail }) => `${title}: ${detail}`)
    .concat(`${outcome.verdict}: ${outcome.text}`);
}

describe('the way of a packet to a published port', () => {
  it('leads by a mark to a virtual service, by a tunnel or the bridge to a task, and back', () => {
    expect(told({})).toEqual([
      'published port: 198.51.100.7 calls 192.0.2.1:80/tcp, published by web; the packet gets mark 0x4d010050 (published 80/tcp)',
      'virtual service web: scheduler rr; it takes packets with mark 0x4d010050 (published 80/tcp)',
      'destination t on node b: 50 % of new connections',
      'destination h on node a: 50 % of new connections',
      'to t on node b: 10.255.0.18:8080 is elsewhere: by VXLAN (meshx-4096) to node b at 192.0.2.2',
      'to h on node a: 10.255.0.2:8080 is on this node: by the bridge into its sandbox',
      'answer: it comes back to node a, which the call came in by, gets the address 192.0.2.1 that was called, and goes to 198.51.100.7',
      'balanced: web: goes to one of t on node b, h on node a',
    ]);
  });

  it('goes on with the tasks, who see the client', () => {
    const task = { to: 'task', port: 8080, protocol: 'tcp', source: '198.51.100.7' };
    expect(explained({}).next).toEqual([
      { ...task, address: '10.255.0.18', node: 'b' },
      { ...task, address: '10.255.0.2', node: 'a' },
    ]);
    const hidden = explained({ port: { source: 'snat' } });
    expect(hidden.next[0]).toMatchObject({ source: '10.255.0.1' });
    expect(hidden.after[0]!.detail).toContain('whom the task did not see (source: snat)');
  });

  it('of a task that is led to itself has the address of its node', () => {
    const caller = { name: 'h', addresses: ['10.255.0.2'] };
    const { steps, next } = explained({ facts: { caller }, packet: { source: '10.255.0.2' } });
    expect(steps[0]!.detail).toMatch(/^h \(10\.255\.0\.2\) calls 192\.0\.2\.1:80\/tcp/);
    expect(next).toMatchObject([{ source: '10.255.0.2' }, { source: '10.255.0.1' }]);
  });

  it('of a process of the node by loopback has a mark of its own', () => {
    const loopback = { source: '127.0.0.1', destination: '127.0.0.1' };
    const isLocal = (address: string): boolean => address === '127.0.0.1';
    const { steps, next } = explained({ packet: loopback, facts: { isLocal } });
    expect(steps[0]!.rule).toBe('nft element meshd-ingress looped tcp . 80 : 0x4d090050');
    expect(next).toMatchObject([{ source: '10.255.0.1' }, { source: '10.255.0.1' }]);
  });

  it('of a process of the node is allowed whatever allowFrom says', () => {
    const scene = { port: { allowFrom: ['10.0.0.0/8'] }, packet: { source: '192.0.2.1' } };
    expect(explained(scene).outcome.verdict).toBe('balanced');
  });

  it('says what the kernel lacks', () => {
    const lacking = ['nft element meshd-ingress untracked tcp . 80'];
    expect(explained({ lacking }).steps.map(({ kernel }) => kernel)).toEqual([
      ...['lacks', 'holds', undefined, undefined, 'holds', undefined],
    ]);
  });

  it.each<[string, Scene, string]>([
    [
      'clients that are not allowed',
      { port: { allowFrom: ['10.0.0.0/8'] } },
      'refused: allowFrom of web does not name 198.51.100.7: the packet is dropped',
    ],
    [
      'no task at all',
      { local: [], remote: [] },
      'refused: no task serves web: the client is refused',
    ],
    [
      'weight 0 everywhere',
      { local: [endpointAt(2, 'a', { services: { web: 0 } })], remote: [] },
      'refused: every task of web has weight 0: the client is refused',
    ],
    [
      'policy local without a task here',
      { port: { policy: 'local' }, local: [] },
      'refused: policy: local, and no task of web is on node a: the client is refused',
    ],
    [
      'mode host without a task here',
      { port: { mode: 'host' }, local: [] },
      'refused: mode: host, and no task of web is on node a: the client is refused',
    ],
    [
      'an address that it is not bound to',
      { port: { bind: '192.0.2.2' } },
      'refused: web answers at 192.0.2.2 alone (bind)',
    ],
  ])('ends with %s, and says what to do', (_what, scene, expected) => {
    const said = told(scene);
    expect(said.at(-1)).toBe(expected);
    const advice: Record<string, RegExp> = {
      allowFrom: /add its prefix to allowFrom/,
      'no task serves': /meshctl endpoint attach front NAME --sandbox PATH --service web$/,
      weight: /meshctl endpoint set NETWORK NAME --service web=1/,
      'policy: local': /call node b, or let web be answered by all nodes$/,
      'mode: host': /call node b, or publish it with mode: ingress$/,
      bind: /call 192\.0\.2\.2:80, or take bind away$/,
    };
    const key = Object.keys(advice).find((word) => expected.includes(word))!;
    expect(said.at(-2)).toMatch(/^refused: /);
    expect(said.at(-2)).toMatch(advice[key]!);
  });

  it('goes on for clients that are allowed', () => {
    const said = told({ port: { allowFrom: ['198.51.100.0/24'] } });
    expect(said[1]).toBe('clients: allowFrom has 198.51.100.0/24, which 198.51.100.7 is in');
    expect(said.at(-1)).toContain('web: goes to');
  });

  it.each<[string, Scene]>([
    ['another port', { packet: { port: 81 } }],
    ['another protocol', { packet: { protocol: 'udp' } }],
    [
      'beyond a range',
      { port: { port: 8_000, targetPort: 8_000, count: 100 }, packet: { port: 8_100 } },
    ],
  ])('is none for %s', (_what, scene) => {
    expect(told(scene).at(-1)).toBe('passed: a process of node a answers, or nobody does');
  });
});

describe('a task of the node that calls', () => {
  const caller = { name: 'h', addresses: ['10.255.0.2'] };
  const packet = { source: '10.255.0.2', destination: '203.0.113.9' };
  const outward = { device: 'eth0', source: '192.0.2.1' };

  it('reaches the world as its node', () => {
    const { next, outcome } = explained({ packet, facts: { caller, outward } });
    expect(outcome).toMatchObject({
      verdict: 'passed',
      text: 'h reaches 203.0.113.9 as 192.0.2.1',
    });
    expect(next).toEqual([{ to: 'address', packet: { ...call, ...packet, source: '192.0.2.1' } }]);
  });

  it.each<[string, Partial<ExplainFacts>, string]>([
    [
      'on internal networks alone',
      {
        outward,
        book: bookOf([
          { kind: 'nft-element', table: 'meshd-ingress', set: 'internal4', key: ['10.255.0.2'] },
        ]),
      },
      'every network of h is internal: what it sends to the world is dropped; attach it to a network that is not internal',
    ],
    [
      'where the host has no route',
      {},
      'this node has no route to 203.0.113.9: what h sends there is dropped; give the host a route',
    ],
    [
      'a VIP of a network that it is not on',
      { networkAt: () => ({ network: 'front', service: 'web' }) },
      'h is not on network front: only tasks that are reach it; attach the caller to front, or call a port that web publishes, on any node',
    ],
  ])('does not %s', (_what, facts, expected) => {
    const said = explained({ packet, facts: { caller, ...facts } });
    expect(said.steps.at(-1)).toMatchObject({ kind: 'end', title: 'refused', detail: expected });
  });
});
