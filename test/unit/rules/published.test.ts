import { describe, expect, it } from 'vitest';
import { formatRuleSet, ruleKey, type PublishedPort, type Rule } from '../../../src/model/index.js';
import {
  carriesCalls,
  compilePublished,
  publishedMatches,
  type IngressView,
} from '../../../src/rules/index.js';
import { endpointAt, networkedService, publishedPort } from '../../support/networked.js';

const view: IngressView = {
  local: [endpointAt(2, 'a')],
  remote: [endpointAt(18, 'b')],
  families: [4, 6],
  isTracked: true,
};

/** Without the table, which is the same always; for clients elsewhere, or on the host itself. */
function compiled(port: Partial<PublishedPort>, on: IngressView = view, inner = false): string[] {
  const service = networkedService({ publish: [publishedPort(port)] });
  const rules = compilePublished(service, on).filter((rule) => {
    return rule.kind !== 'nft-table' && isInner(rule) === inner;
  });
  return formatRuleSet(rules).split('\n');
}

function isInner(rule: Rule): boolean {
  if (rule.kind === 'virtual-service') return rule.by === 'nftables';
  return rule.kind === 'nft-element' && (rule.set === 'looped' || rule.set === 'inner');
}

const both = ['  10.255.0.18:8080 masq weight=1', '  10.255.0.2:8080 masq weight=1'];

describe('a published port', () => {
  it('is an element of a map to a mark, and a virtual service of that mark for each family', () => {
    expect(compiled({})).toEqual([
      'nft element meshd-ingress ports tcp . 80 : 0x4d010050',
      'ipvs fwmark 1291911248 rr',
      ...both,
      'ipvs fwmark 1291911248/v6 rr',
      '  [fd6d::12]:8080 masq weight=1',
      '  [fd6d::2]:8080 masq weight=1',
    ]);
  });

  it('is balanced by nftables for clients on the host: processes by loopback, and tasks', () => {
    expect(compiled({ source: 'snat' }, view, true)).toEqual([
      'nft element meshd-ingress looped tcp . 80 : 0x4d090050',
      'nft element meshd-ingress inner tcp . 80 : 0x4d090050',
      'ipvs fwmark 1292435536 rr',
      ...both,
      'ipvs fwmark 1292435536/v6 rr',
      '  [fd6d::12]:8080 masq weight=1',
      '  [fd6d::2]:8080 masq weight=1',
    ]);
  });

  it('is for processes of the host alone when it is bound to a loopback address', () => {
    expect(compiled({ bind: '127.0.0.1' })).toEqual(['']);
    expect(compiled({ bind: '127.0.0.1' }, view, true)).toEqual([
      'nft element meshd-ingress looped tcp . 80 : 0x4d090050',
      'ipvs fwmark 1292435536 rr',
      ...both,
    ]);
  });

  it('is one element and one service for a range that keeps its ports', () => {
    expect(compiled({ port: 8_000, targetPort: 8_000, count: 10_000 }).slice(0, 3)).toEqual([
      'nft element meshd-ingress ranges tcp . 8000-17999 : 0x4d011f40',
      'ipvs fwmark 1291919168 rr',
      '  10.255.0.18:0 masq weight=1',
    ]);
  });

  it('is one for each port of a range that is shifted', () => {
    const lines = compiled({ protocol: 'udp', port: 700, targetPort: 900, count: 2 });
    expect(lines.filter((line) => line.startsWith('nft'))).toEqual([
      'nft element meshd-ingress ports udp . 700 : 0x4d0202bc',
      'nft element meshd-ingress ports udp . 701 : 0x4d0202bd',
    ]);
    expect(lines).toContain('  10.255.0.2:901 masq weight=1');
  });

  it.each<[string, Partial<PublishedPort>, IngressView, string[]]>([
    ['policy any', {}, view, ['10.255.0.18', '10.255.0.2']],
    ['policy local', { policy: 'local' }, view, ['10.255.0.2']],
    ['policy local without any', { policy: 'local' }, { ...view, local: [] }, []],
    ['prefer-local', { policy: 'prefer-local' }, view, ['10.255.0.2']],
    [
      'prefer-local, draining here',
      { policy: 'prefer-local' },
      { ...view, local: [endpointAt(2, 'a', { services: { web: 0 } })] },
      ['10.255.0.18', '10.255.0.2'],
    ],
    ['mode host', { mode: 'host' }, view, ['10.255.0.2']],
  ])('%s', (_what, port, on, addresses) => {
    const lines = compiled(port, on).filter((line) => line.startsWith('  10.'));
    expect(lines.map((line) => line.trim().split(':')[0])).toEqual(addresses);
  });

  it('in mode host is not answered by a node without an endpoint', () => {
    expect(compiled({ mode: 'host' }, { ...view, local: [] })).toEqual(['']);
  });

  it('says which clients: prefixes within others are left out, addresses stand alone', () => {
    const allowFrom = ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.7/32', 'fd00::/8'];
    expect(compiled({ allowFrom }).filter((line) => /limited|allowed/.test(line))).toEqual([
      'nft element meshd-ingress limited 0x4d010050',
      'nft element meshd-ingress allowed4 10.0.0.0/8 . 0x4d010050',
      'nft element meshd-ingress allowed4 192.0.2.7 . 0x4d010050',
      'nft element meshd-ingress allowed6 fd00::/8 . 0x4d010050',
    ]);
  });

  it('is on one device of each node, for both families and nobody on the host itself', () => {
    expect(compiled({ device: 'eth1' })).toEqual([
      'nft element meshd-ingress devices eth1 . tcp . 80 : 0x4d010050',
      'ipvs fwmark 1291911248 rr',
      ...both,
      'ipvs fwmark 1291911248/v6 rr',
      '  [fd6d::12]:8080 masq weight=1',
      '  [fd6d::2]:8080 masq weight=1',
    ]);
    expect(compiled({ device: 'eth1' }, view, true)).toEqual(['']);
  });

  it('is on one address with bind, of its family alone', () => {
    expect(compiled({ bind: '192.0.2.1' })).toEqual([
      'nft element meshd-ingress bound4 192.0.2.1 . tcp . 80 : 0x4d010050',
      'ipvs fwmark 1291911248 rr',
      ...both,
    ]);
  });

  it('is masqueraded with source snat', () => {
    expect(compiled({ source: 'snat' })).toEqual(
      expect.arrayContaining([
        'sysctl net/ipv4/vs/conntrack = 1',
        'nft element meshd-ingress snat 0x4d010050',
        'nft element meshd-ingress snat 0x4d090050',
      ]),
    );
  });
});

describe('where IPVS carries it, connection tracking', () => {
  const spared = (port: Partial<PublishedPort>): string[] =>
    compiled(port, { ...view, isTracked: false })
      .filter((line) => /untracked|carried|answers|ranges/.test(line))
      .map((line) => line.replace('nft element meshd-ingress ', ''));
  it.each<[string, Partial<PublishedPort>, string[]]>([
    ['is spared calls and answers', {}, ['untracked tcp . 80 : 0x4d010050', 'answers 8080']],
    ['sees answers of UDP', { protocol: 'udp' }, ['untracked udp . 80 : 0x4d020050']],
    [
      'sees answers from ports that kernels give to callers',
      { targetPort: 50_051 },
      ['untracked tcp . 80 : 0x4d010050'],
    ],
    ['sees everything of source snat', { source: 'snat' }, []],
    [
      'sees answers of ranges',
      { targetPort: 80, count: 3 },
      ['ranges tcp . 80-82 : 0x4d010050', 'carried 0x4d010050'],
    ],
    [
      'is spared what is for some clients only',
      { allowFrom: ['10.0.0.0/8'] },
      ['ranges tcp . 80 : 0x4d010050', 'carried 0x4d010050', 'answers 8080'],
    ],
    ['sees everything of a loopback address', { bind: '127.0.0.1' }, []],
  ])('%s', (_, port, expected) => {
    expect(spared(port)).toEqual(expected);
  });
});

describe('endpoints of nodes that are not heard of', () => {
  const away = endpointAt(18, 'b', { isAway: true });
  const weights = (on: IngressView): string[] =>
    compiled({}, on).filter((line) => line.startsWith('  10.'));

  it('get no new connections while there is another one', () => {
    expect(weights({ ...view, remote: [away] })).toEqual([
      '  10.255.0.18:8080 masq weight=0',
      '  10.255.0.2:8080 masq weight=1',
    ]);
  });

  it('get them when there is nobody else', () => {
    const draining = endpointAt(2, 'a', { services: { web: 0 } });
    expect(weights({ ...view, local: [draining], remote: [away] })).toEqual([
      '  10.255.0.18:8080 masq weight=1',
      '  10.255.0.2:8080 masq weight=0',
    ]);
  });
});

it('names the virtual services that it may have', () => {
  const publish = [publishedPort(), publishedPort({ port: 700, targetPort: 900, count: 2 })];
  const marks = [...publishedMatches(networkedService({ publish }))].map((match) =>
    'fwmark' in match ? `${match.fwmark.toString(16)}/${match.family}` : '',
  );
  expect(marks).toEqual([
    '4d010050/4',
    '4d010050/6',
    '4d090050/4',
    '4d090050/6',
    '4d0102bc/4',
    '4d0102bc/6',
    '4d0902bc/4',
    '4d0902bc/6',
    '4d0102bd/4',
    '4d0102bd/6',
    '4d0902bd/4',
    '4d0902bd/6',
  ]);
});

describe('for load balancers in front of the hosts, a host', () => {
  const none = { ...view, local: [], remote: [] };
  const away = { ...view, local: [], remote: [endpointAt(18, 'b', { services: { shop: 0 } })] };
  it.each<[string, Partial<PublishedPort>, IngressView, boolean | undefined]>([
    ['carries calls to a task anywhere', {}, { ...view, local: [] }, true],
    ['does not when there is none', {}, none, false],
    ['does not when none takes new connections', {}, away, false],
    ['does with policy local when it has a task', { policy: 'local' }, view, true],
    ['else it does not', { policy: 'local' }, { ...view, local: [] }, false],
    ['does not with mode host when it has none', { mode: 'host' }, none, false],
    ['has nothing to say of a loopback address', { bind: '127.0.0.1' }, view, undefined],
  ])('%s', (_, port, on, expected) => {
    const service = networkedService({ publish: [publishedPort(port)] });
    const held = new Map(compilePublished(service, on).map((rule) => [ruleKey(rule), rule]));
    expect(carriesCalls(service, (key) => held.get(key))).toBe(expected);
  });
});
