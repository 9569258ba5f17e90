import { describe, expect, it } from 'vitest';
import { ruleKey, type PublishedPort, type Rule } from '../../../src/model/index.js';
import { compilePublished, explain, OnLink, type Packet } from '../../../src/rules/index.js';
import { endpointAt, networkedService, publishedPort } from '../../support/networked.js';

const call: Packet = {
  source: '198.51.100.7',
  destination: '192.0.2.1',
  port: 80,
  protocol: 'tcp',
};

/** What is said of a call, where one task is here and one on node b. */
function told(
  port: Partial<PublishedPort>,
  packet: Partial<Packet> = {},
  isServed = true,
): string[] {
  const here = endpointAt(2, 'a');
  const there = endpointAt(18, 'b');
  const rules: Rule[] = [
    ...compilePublished(networkedService({ publish: [publishedPort(port)] }), {
      local: isServed ? [here] : [],
      remote: isServed ? [there] : [],
      families: [4, 6],
    }),
    { kind: 'neighbor', device: 'meshx-4096', address: there.addresses[0]!, mac: there.mac },
    { kind: 'fdb', device: 'meshx-4096', mac: there.mac, vtep: there.vtep },
  ];
  const { steps, outcome } = explain(
    { ...call, ...packet },
    {
      rules: new Map(rules.map((rule) => [ruleKey(rule), rule])),
      onLink: new OnLink([]),
      isLocal: (address) => address === '192.0.2.1',
      serviceName: () => 'web',
      describeDestination: (_, { address }) => address,
    },
  );
  return [...steps.map(({ title, detail }) => `${title}: ${detail}`), outcome.text];
}

describe('the way of a packet to a published port', () => {
  it('leads by a mark to a virtual service, by a tunnel or the bridge to a task, and back', () => {
    expect(told({})).toEqual([
      'published port: 198.51.100.7 calls 192.0.2.1:80/tcp, which this node answers; the packet gets mark 0x4d010050',
      'virtual service web: scheduler rr',
      'destination 10.255.0.18: 50 % of new connections',
      'destination 10.255.0.2: 50 % of new connections',
      "to 10.255.0.18:8080: by VXLAN to the node at 192.0.2.2, and there by the bridge into the task's sandbox",
      'to 10.255.0.2:8080: the task is on this node: by the bridge into its sandbox',
      "answer: the task sees 198.51.100.7, the client's own address; it answers through the node that the call came in by, which this one is, and which gives the answer the address that was called",
      'web: goes to one of 10.255.0.18, 10.255.0.2',
    ]);
  });

  it('ends for clients that are not allowed', () => {
    expect(told({ allowFrom: ['10.0.0.0/8'] }).at(-1)).toBe(
      'allowFrom does not name 198.51.100.7: the packet is dropped',
    );
    expect(told({ allowFrom: ['198.51.100.0/24'] }).at(-1)).toContain('web: goes to');
  });

  it('ends when nobody serves', () => {
    expect(told({}, {}, false).at(-1)).toBe(
      'no task serves web for this node: the client is refused',
    );
  });

  it('says who is seen with source snat', () => {
    expect(told({ source: 'snat' }).at(-2)).toContain('the task sees this node (source: snat)');
  });

  it.each<[string, Partial<PublishedPort>, Partial<Packet>]>([
    ['another port', {}, { port: 81 }],
    ['another protocol', {}, { protocol: 'udp' }],
    ['an address that it is not bound to', { bind: '192.0.2.2' }, {}],
    ['beyond a range', { port: 8_000, targetPort: 8_000, count: 100 }, { port: 8_100 }],
  ])('is none for %s', (_what, port, packet) => {
    expect(told(port, packet).at(-1)).toContain('is no VIP of this host');
  });
});
