import { describe, expect, it } from 'vitest';
import { formatRuleSet, type Rule } from '../../../src/model/index.js';
import {
  compileEntry,
  compileIngressTask,
  compileNames,
  compileVip,
} from '../../../src/rules/index.js';
import { endpointAt, networkedService } from '../../support/networked.js';

/** Without the table, which is the same always. */
function lines(rules: readonly Rule[]): string[] {
  return formatRuleSet(rules.filter(({ kind }) => kind !== 'nft-table')).split('\n');
}

describe('the sandbox of a task', () => {
  const own = endpointAt(2, 'a', { isEntry: true });
  const other = endpointAt(18, 'b', { isEntry: true });

  it('asks for names at a port that is not taken for it', () => {
    const at = { address: '127.0.0.11', port: 53, boundPort: 63_053 };
    expect(lines(compileNames(at))).toEqual([
      'nft element meshd-names queries 127.0.0.11 . udp . 53 : 63053',
      'nft element meshd-names answers 127.0.0.11 . udp . 63053 : 53',
      'nft element meshd-names queries 127.0.0.11 . tcp . 53 : 63053',
      'nft element meshd-names answers 127.0.0.11 . tcp . 63053 : 53',
    ]);
  });

  it('answers by the entry that a call came in by, and calls the world by its own', () => {
    expect(lines(compileIngressTask('mesh-4096', own, [own, other]))).toEqual([
      'sysctl net/ipv4/conf/mesh-4096/rp_filter = 2',
      'sysctl net/ipv4/conf/mesh-4096/accept_local = 1',
      'sysctl net/ipv4/tcp_fwmark_accept = 1',
      'sysctl net/ipv4/fwmark_reflect = 1',
      'sysctl net/ipv6/fwmark_reflect = 1',
      'route 0.0.0.0/0 via 10.255.0.2 dev mesh-4096 table 254 metric 4096',
      'route ::/0 via fd6d::2 dev mesh-4096 table 254 metric 4096',
      'nft element meshd-task entries 02:4d:0a:ff:00:02 : 0x4dff0002',
      'route 0.0.0.0/0 via 10.255.0.2 dev mesh-4096 table 1308557314',
      'rule v4 1000: fwmark 0x4dff0002 lookup 1308557314',
      'route ::/0 via fd6d::2 dev mesh-4096 table 1308557314',
      'rule v6 1000: fwmark 0x4dff0002 lookup 1308557314',
      'nft element meshd-task entries 02:4d:0a:ff:00:12 : 0x4dff0012',
      'route 0.0.0.0/0 via 10.255.0.18 dev mesh-4096 table 1308557330',
      'rule v4 1000: fwmark 0x4dff0012 lookup 1308557330',
      'route ::/0 via fd6d::12 dev mesh-4096 table 1308557330',
      'rule v6 1000: fwmark 0x4dff0012 lookup 1308557330',
    ]);
  });

  it('has the VIPs of services as its own, with its own address as source', () => {
    const all = [endpointAt(3, 'a'), endpointAt(19, 'b', { services: { web: 0 } })];
    expect(lines(compileVip(networkedService(), all, all[0]!))).toEqual([
      'sysctl net/ipv4/vs/conn_reuse_mode = 1',
      'sysctl net/ipv4/vs/expire_nodest_conn = 1',
      'sysctl net/ipv4/vs/expire_quiescent_template = 1',
      'ipvs fwmark 2319450312 rr',
      '  10.255.0.3:0 masq weight=1',
      '  10.255.0.19:0 masq weight=0',
      'nft element meshd-task vips4 10.64.0.200 : 0x8a4000c8',
      'route local 10.64.0.200/32 dev lo src 10.255.0.3 table 255',
      'ipvs fwmark 2147483848/v6 rr',
      '  [fd6d::3]:0 masq weight=1',
      '  [fd6d::13]:0 masq weight=0',
      'nft element meshd-task vips6 fd00:64::c8 : 0x800000c8',
      'route local fd00:64::c8/128 dev lo src fd6d::3 table 255',
    ]);
  });

  it('has nothing of a service without VIP, nor of a family that it has not', () => {
    const one = endpointAt(3, 'a', { addresses: ['10.255.0.3'] });
    expect(compileVip(networkedService({ vips: [] }), [one], one)).toEqual([]);
    expect(lines(compileVip(networkedService(), [one], one)).join()).not.toContain('fd00:64');
  });
});

it('a host is an entry by its bridge', () => {
  const options = {
    device: 'meshb-4096',
    vxlanPort: 4_789,
    subnets: ['10.255.0.0/16'],
    own: ['10.255.0.7'],
    tasks: ['10.255.0.8'],
    internal: ['10.255.0.9'],
  };
  expect(lines(compileEntry(options))).toEqual([
    'route local ::1/128 dev meshb-4096 table 255 metric 4096',
    'sysctl net/ipv4/conf/meshb-4096/route_localnet = 1',
    'nft element meshd-ingress loopback4 127.0.0.0/8',
    'nft element meshd-ingress loopback6 ::1',
    'nft element meshd-ingress untracked udp . 4789 : 0x0',
    'nft element meshd-ingress inside4 10.255.0.0/16',
    'nft element meshd-ingress insiders4 10.255.0.7',
    'nft element meshd-ingress insiders4 10.255.0.8',
    'nft element meshd-ingress hairpin4 10.255.0.8 . 10.255.0.8',
    'nft element meshd-ingress internal4 10.255.0.9',
  ]);
});
