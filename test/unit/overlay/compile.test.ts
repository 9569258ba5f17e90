import { describe, expect, it } from 'vitest';
import { formatRuleSet, type Endpoint, type LocalEndpoint } from '../../../src/model/index.js';
import {
  checkNetwork,
  compileEndpoint,
  compileNetwork,
  macOf,
  mtuProblem,
  portName,
  vxlanName,
} from '../../../src/overlay/index.js';

const underlay = { node: 'a', vtep: '192.0.2.1', mtu: 1_500 };
const blue = checkNetwork({ name: 'blue', vni: 4_096, subnets: ['10.64.0.0/24', 'fd00:64::/112'] });

function endpoint(name: string, node: string, number: number): Endpoint {
  const addresses = [`10.64.0.${number}`, `fd00:64::${number}`];
  const vtep = `192.0.2.${node === 'a' ? 1 : 2}`;
  const who = { name, network: 'blue', node, services: {}, isEntry: false, isAway: false };
  return { ...who, vtep, addresses, mac: macOf(addresses[0]!) };
}

const web: LocalEndpoint = { ...endpoint('web', 'a', 2), sandbox: '/run/netns/web' };

describe('what the kernels hold of a network', () => {
  it('is a bridge, a tunnel, a port for each endpoint here, and entries for those elsewhere', () => {
    const all = compileNetwork(blue, underlay, [web], [endpoint('db', 'b', 18)]);
    const rules = all.filter(({ kind }) => !kind.startsWith('nft'));
    expect(formatRuleSet(rules).split('\n')).toEqual([
      'link meshb-4096 type bridge mtu 1450 up',
      'link meshx-4096 type vxlan id 4096 dstport 4789 local 192.0.2.1 nolearning proxy mtu 1450 master meshb-4096 up',
      `link ${portName(4_096, 'web')} type veth peer mesh-4096 mac 02:4d:0a:40:00:02 netns /run/netns/web mtu 1450 master meshb-4096 up`,
      'fdb 02:4d:0a:40:00:12 dev meshx-4096 dst 192.0.2.2',
      'neigh 10.64.0.18 dev meshx-4096 lladdr 02:4d:0a:40:00:12',
      'neigh fd00:64::18 dev meshx-4096 lladdr 02:4d:0a:40:00:12',
    ]);
  });

  it('takes VXLAN from those who are on it alone', () => {
    const all = [endpoint('db', 'b', 18), endpoint('cache', 'b', 19)];
    const rules = compileNetwork(blue, underlay, [web], all);
    expect(formatRuleSet(rules.filter(({ kind }) => kind === 'nft-element')).split('\n')).toEqual([
      'nft element meshd-vxlan ports 4789',
      'nft element meshd-vxlan members4 192.0.2.2',
    ]);
  });

  it('has the host on it as an entry, by the bridge itself', () => {
    const entry = { ...endpoint('.entry', 'a', 3), isEntry: true, sandbox: '' };
    const rules = compileNetwork(blue, underlay, [entry], []);
    expect(formatRuleSet(rules).split('\n').slice(0, 3)).toEqual([
      'link meshb-4096 type bridge mac 02:4d:0a:40:00:03 mtu 1450 group 109 up',
      'addr 10.64.0.3/24 dev meshb-4096',
      'addr fd00:64::3/112 dev meshb-4096',
    ]);
  });

  it('is an interface with addresses in the sandbox', () => {
    expect(formatRuleSet(compileEndpoint(blue, underlay, web)).split('\n')).toEqual([
      'link lo up',
      'link mesh-4096 type veth-end mac 02:4d:0a:40:00:02 mtu 1450 up',
      'addr 10.64.0.2/24 dev mesh-4096',
      'addr fd00:64::2/112 dev mesh-4096',
    ]);
  });

  it('has a group of its own on the ingress network', () => {
    const [, link] = compileEndpoint({ ...blue, name: 'ingress' }, underlay, web);
    expect(link).toMatchObject({ type: 'veth-end', group: 109 });
  });

  it.each([
    ['IPv4 underlay', underlay, {}, undefined],
    [
      'more than the underlay leaves',
      underlay,
      { mtu: 1_451 },
      'mtu 1451: the underlay leaves 1450',
    ],
    ['IPv6 in a small underlay', { ...underlay, mtu: 1_300 }, {}, 'mtu 1250: IPv6 needs 1280'],
    [
      'over IPv6',
      { ...underlay, vtep: 'fd00::1' },
      { mtu: 1_450 },
      'mtu 1450: the underlay leaves 1430',
    ],
  ])('%s', (_, under, extra, problem) => {
    expect(mtuProblem({ ...blue, ...extra }, under)).toBe(problem);
  });

  it('has names that fit into a device name', () => {
    for (const name of [vxlanName(2 ** 24 - 1), portName(2 ** 24 - 1, 'x'.repeat(63))]) {
      expect(name.length).toBeLessThanOrEqual(15);
    }
  });
});
