import { describe, expect, it } from 'vitest';
import type { Rule } from '../../../src/model/index.js';
import {
  compileIngressTask,
  compileVip,
  explainCaller,
  explainServer,
  type CallerFacts,
  type KnownEndpoint,
  type Packet,
  type ServerFacts,
  type TaskCall,
} from '../../../src/rules/index.js';
import { endpointAt, networkedService } from '../../support/networked.js';
import { bookOf } from '../../support/rule-book.js';

/** Task t2 of node a and t18 of node b, on network front; their nodes are 1 and 17 on ingress. */
const t2 = endpointAt(2, 'a', { name: 't2', network: 'front', addresses: ['10.64.0.2'] });
const t18 = endpointAt(18, 'b', { name: 't18', network: 'front', addresses: ['10.64.0.18'] });
const entryA = endpointAt(1, 'a', { name: 'node a', isEntry: true });
const entryB = endpointAt(17, 'b', { name: 'node b', isEntry: true });
const endpoints: readonly KnownEndpoint[] = [t2, t18, entryA, entryB];
const web = networkedService();
const vip = web.vips[0]!;

const call: Packet = { source: '10.64.0.2', destination: vip, port: 8_080, protocol: 'tcp' };

interface Scene {
  readonly packet?: Partial<Packet>;
  readonly facts?: Partial<CallerFacts>;
  /** Of the tasks that serve. */
  readonly weight?: number;
  /** The sandbox has no default route. */
  readonly isCutOff?: boolean;
}

function sandboxRules(weight = 1): Rule[] {
  const serving = [t2, t18].map((one) => ({ ...one, services: { web: weight } }));
  return [
    ...compileVip(web, serving, t2),
    ...compileIngressTask('mesh-4096', entryA, [entryA, entryB]),
  ];
}

function caller({ packet = {}, facts = {}, weight = 1, isCutOff = false }: Scene) {
  const all = [t2, t18, entryA, entryB];
  const at = (address: string) => all.find(({ addresses }) => addresses.includes(address));
  const host = bookOf([
    { kind: 'neighbor', device: 'meshx-4097', address: '10.64.0.18', mac: t18.mac },
    { kind: 'fdb', device: 'meshx-4097', mac: t18.mac, vtep: '192.0.2.2' },
  ]);
  const ingress = { name: 'ingress', subnets: ['10.255.0.0/16'], addresses: ['10.255.0.3'] };
  return explainCaller(
    { ...call, ...packet },
    {
      book: bookOf(sandboxRules(weight)),
      name: 't2',
      node: 'a',
      networks: [
        {
          name: 'front',
          subnets: ['10.64.0.0/24'],
          addresses: t2.addresses,
          internal: false,
          isIngress: false,
        },
        { ...ingress, internal: false, isIngress: true },
      ],
      host: { book: host, nodeOf: (address) => at(address)?.node },
      endpointAt: (address) => endpoints.find((_, i) => all[i]!.addresses.includes(address)),
      networkAt: (address) => {
        if (address === vip) return { network: 'front', service: 'web' };
        return address.startsWith('10.65.') ? { network: 'back', service: 'db' } : undefined;
      },
      serviceName: () => 'web',
      describeDestination: (_, { address }) => `${at(address)!.name} on node ${at(address)!.node}`,
      boundBy: () => undefined,
      ...(isCutOff
        ? {}
        : { route: { device: 'mesh-4096', source: '10.255.0.3', gateway: '10.255.0.1' } }),
      ...facts,
    },
  );
}

const lines = ({ steps, outcome }: ReturnType<typeof caller>): string[] =>
  steps
    .map(({ title, detail }) => `${title}: ${detail}`)
    .concat(`${outcome.verdict}: ${outcome.text}`);

describe('a task that calls', () => {
  it('a VIP is balanced in its own sandbox, to itself or by VXLAN', () => {
    const said = caller({});
    expect(lines(said)).toEqual([
      'call: task t2 (10.64.0.2 on network front) calls 10.64.0.200:8080/tcp',
      'VIP: 10.64.0.200 is the VIP of web on network front: in the sandbox of t2 the packet gets mark 0x8a4000c8 (VIP of web)',
      'virtual service web: scheduler rr; it takes packets with mark 0x8a4000c8 (VIP of web)',
      'destination t2 on node a: 50 % of new connections',
      'destination t18 on node b: 50 % of new connections',
      'to t2: it is the caller itself: the packet never leaves its sandbox',
      'to t18 on node b: 10.64.0.18:8080 is elsewhere: by VXLAN (meshx-4097) to node b at 192.0.2.2',
      'balanced: web: goes to one of t2 on node a, t18 on node b',
    ]);
    expect(said.steps[1]!.rule).toBe(
      'nft element meshd-task vips4 10.64.0.200 : 0x8a4000c8\n' +
        'route local 10.64.0.200/32 dev lo src 10.64.0.2 table 255',
    );
    expect(said.next).toEqual([
      ...['10.64.0.2 a', '10.64.0.18 b'].map((text) => {
        const [address, node] = text.split(' ');
        const from = { source: '10.64.0.2', sourceName: 't2' };
        return { to: 'task', address, port: 8_080, protocol: 'tcp', ...from, node };
      }),
    ]);
    expect(said.after[0]!.detail).toContain('gives it the address 10.64.0.200 that was called');
  });

  it('another task goes straight to it', () => {
    const said = caller({ packet: { destination: '10.64.0.18' } });
    expect(said.outcome.text).toBe('it goes to t18 on node b, by its own address');
    expect(said.next).toMatchObject([{ to: 'task', address: '10.64.0.18', node: 'b' }]);
  });

  it('anybody else goes out by its node, from its address there', () => {
    const said = caller({ packet: { destination: '203.0.113.9' } });
    expect(said.leavesAs).toBe('10.255.0.3');
    expect(said.steps.at(-1)).toMatchObject({
      title: 'way out',
      rule: 'route 0.0.0.0/0 via 10.255.0.1 dev mesh-4096 table 254 metric 4096',
    });
  });

  it('a node by its address on the network ingress goes there', () => {
    expect(caller({ packet: { destination: '10.255.0.1' } }).leavesAs).toBe('10.255.0.3');
    const other = caller({ packet: { destination: '10.255.0.17' } });
    expect(other.next).toMatchObject([{ to: 'address', packet: { source: '10.255.0.3' } }]);
  });

  it('by a device of somebody else is nothing of ours', () => {
    const route = { device: 'eth0', gateway: '172.17.0.1' };
    const said = caller({ packet: { destination: '203.0.113.9' }, facts: { route } });
    expect(said.outcome.text).toBe(
      'it leaves by eth0, which is not of meshd: who made that decides',
    );
  });

  it.each<[string, Scene, string, RegExp]>([
    [
      'nobody serves',
      { facts: { book: bookOf(compileVip(web, [], t2)) } },
      'no task serves web: the caller is refused',
      /; meshctl endpoint attach front NAME --sandbox PATH --service web$/,
    ],
    [
      'all have weight 0',
      { weight: 0 },
      'every task of web has weight 0: the caller is refused',
      /; meshctl endpoint set front NAME --service web=1, on the node of the task$/,
    ],
    [
      'an address that nobody has',
      { packet: { destination: '10.64.0.99' } },
      'nobody on network front has the address 10.64.0.99: no ARP is answered for it',
      /; meshctl network inspect front shows who is there$/,
    ],
    [
      'the VIP of a network that it is not on',
      { packet: { destination: '10.65.0.200' } },
      '10.65.0.200 is the VIP of db on network back, which t2 is not on',
      /; attach t2 to back, or call a port that db publishes$/,
    ],
  ])('is refused: %s', (_what, scene, text, advice) => {
    const said = caller(scene);
    expect(said.outcome).toMatchObject({ verdict: 'refused', text });
    expect(said.steps.at(-1)!.detail).toMatch(advice);
  });

  it('has no way out of internal networks', () => {
    const network = { name: 'dark', subnets: ['10.64.0.0/24'], addresses: t2.addresses };
    const said = caller({
      packet: { destination: '203.0.113.9' },
      facts: { networks: [{ ...network, internal: true, isIngress: false }] },
      isCutOff: true,
    });
    expect(said.outcome.text).toBe('there is no way out: every network of t2 is internal (dark)');
  });
});

describe('the sandbox of a task that is called', () => {
  const arriving: TaskCall = {
    to: 'task',
    address: '10.255.0.3',
    port: 8_080,
    protocol: 'tcp',
    source: '198.51.100.7',
  };
  const listening = [{ protocol: 'tcp', address: '::', port: 8_080 }];

  const entry = { node: 'b', mac: entryB.mac, addresses: entryB.addresses };
  const byIngress: ServerFacts = {
    book: bookOf(sandboxRules()),
    name: 't2',
    sandbox: '/run/netns/t2',
    bridge: 'meshb-4096',
    network: 'ingress',
    port: { rule: 'link meshp-0 type veth up', kernel: 'holds' },
    listening,
  };

  function server(change: Partial<ServerFacts> = {}, to: Partial<TaskCall> = {}) {
    return explainServer({ ...arriving, ...to }, { ...byIngress, entry, ...change });
  }

  it('knows the entry, who listens, and the way back', () => {
    const { steps, outcome } = server();
    expect(outcome).toMatchObject({ verdict: 'passed', text: 't2 takes it' });
    expect(steps.map(({ title, detail }) => `${title}: ${detail}`)).toEqual([
      'into t2: by the bridge meshb-4096 of network ingress into its sandbox /run/netns/t2',
      'in by node b: the frame is from 02:4d:0a:ff:00:11, node b: its connection gets mark 0x4dff0011 (in by b)',
      'listener: a process of t2 takes [::]:8080/tcp',
      "answer: t2 sees 198.51.100.7; its answer gets the connection's mark 0x4dff0011 (in by b), which leads it to 10.255.0.17, node b on network ingress",
    ]);
    expect(steps.at(-1)!.rule).toBe(
      'rule v4 1000: fwmark 0x4dff0011 lookup 1308557329\n' +
        'route 0.0.0.0/0 via 10.255.0.17 dev mesh-4096 table 1308557329',
    );
  });

  it('answers tasks directly', () => {
    const { steps } = explainServer(
      { ...arriving, address: '10.64.0.2', source: '10.64.0.18', sourceName: 't18' },
      { ...byIngress, network: 'front' },
    );
    expect(steps.at(-1)!.detail).toBe(
      't2 sees 10.64.0.18 (t18) and answers it directly, by network front',
    );
  });

  it.each<[string, Partial<ServerFacts>, Partial<TaskCall>, string]>([
    [
      'nobody listens',
      { listening: [] },
      {},
      'no process of t2 takes 8080/tcp: its kernel refuses',
    ],
    [
      'another protocol',
      {},
      { protocol: 'udp' },
      'no process of t2 takes 8080/udp: its kernel refuses',
    ],
    [
      'another address',
      { listening: [{ protocol: 'tcp', address: '10.64.0.2', port: 8_080 }] },
      {},
      'a process of t2 takes 10.64.0.2:8080 alone, not 10.255.0.3:8080: its kernel refuses',
    ],
    [
      'an entry that it does not know',
      { entry: { node: 'c', mac: '02:4d:0a:ff:00:99', addresses: [] } },
      {},
      'the sandbox of t2 does not know node c as an entry: the packet is dropped',
    ],
    [
      'a host that is not on the network',
      { isMember: false },
      {},
      'the host of t2 takes no VXLAN from the node that sends it: the packet is dropped',
    ],
  ])('refuses: %s', (_what, change, to, text) => {
    const { steps, outcome } = server(change, to);
    expect(outcome).toMatchObject({ verdict: 'refused', text });
    expect(steps.at(-1)).toMatchObject({ kind: 'end' });
    expect(steps.at(-1)!.detail.length).toBeGreaterThan(text.length + 5);
  });

  it('says nothing of who listens where that cannot be told', () => {
    const kinds = server({}, { protocol: 'sctp' }).steps.map(({ kind }) => kind);
    expect(kinds).toEqual(['sandbox', 'entry', 'answer']);
  });
});
