import { describe, expect, it } from 'vitest';
import {
  decodeLink,
  encodeLinkDump,
  encodeLinkOp,
  encodeLoopbackUp,
} from '../../../src/kernel/linux/link.js';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { Devices } from '../../../src/kernel/linux/rtnetlink.js';
import { errno } from '../../../src/kernel/index.js';
import type { LinkRule, Op } from '../../../src/model/index.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { rtnetlinkLayout } from '../../support/rtnetlink-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const devices = new Devices([
  { index: 1, name: 'lo' },
  { index: 2, name: 'eth0' },
  { index: 3, name: 'mesh0', rule: { mac: '02:42:0a:01:00:01' } },
]);
const context = { devices, netnsFd: (path: string) => (path === '/run/netns/a' ? 9 : undefined) };

const dummy: LinkRule = { kind: 'link', name: 'mesh0', type: 'dummy', up: true };
const port: LinkRule = {
  kind: 'link',
  name: 'meshv1',
  type: 'veth',
  up: true,
  mtu: 1400,
  master: 'mesh0',
  peer: { name: 'eth1', netns: '/run/netns/a' },
};
const tunnel: LinkRule = {
  kind: 'link',
  name: 'meshx1',
  type: 'vxlan',
  up: true,
  vxlan: { vni: 4096, port: 4789, local: '192.168.5.1', proxy: false },
};
const withMacs: LinkRule = {
  kind: 'link',
  name: 'meshv2',
  type: 'veth',
  up: true,
  mac: '02:42:0a:01:00:02',
  peer: { name: 'mesh-e0', mac: '02:42:0a:01:00:03', netns: '/run/netns/a' },
};
const end: LinkRule = {
  kind: 'link',
  name: 'mesh-e0',
  type: 'veth-end',
  up: true,
  mtu: 1400,
  mac: '02:42:0a:01:00:03',
};
const ops: { name: string; verb: Op['verb']; rule: LinkRule }[] = [
  { name: 'add a dummy device', verb: 'add', rule: dummy },
  {
    name: 'add a bridge that stays down',
    verb: 'add',
    rule: { ...dummy, type: 'bridge', up: false },
  },
  {
    name: 'add a wireguard device',
    verb: 'add',
    rule: { ...dummy, type: 'wireguard', name: 'meshw-0', mtu: 1440 },
  },
  { name: 'add a veth pair with its other end elsewhere', verb: 'add', rule: port },
  { name: 'add a vxlan device over IPv4', verb: 'add', rule: tunnel },
  {
    name: 'add a vxlan device over IPv6',
    verb: 'add',
    rule: { ...tunnel, vxlan: { vni: 7, port: 8472, local: 'fd05::1', proxy: false } },
  },
  { name: 'set: up, size and master', verb: 'set', rule: port },
  { name: 'add a pair with MACs of both ends', verb: 'add', rule: withMacs },
  {
    name: 'add a vxlan device that answers for its neighbors',
    verb: 'add',
    rule: { ...tunnel, vxlan: { ...tunnel.vxlan!, proxy: true } },
  },
  { name: 'add the end of a pair: a change of what is there', verb: 'add', rule: end },
  { name: 'set the end of a pair', verb: 'set', rule: { ...end, up: false } },
  {
    name: 'set: another MAC',
    verb: 'set',
    rule: { ...dummy, mac: '02:42:0a:01:00:02' },
  },
  {
    name: 'set: the MAC that it has is not written',
    verb: 'set',
    rule: { ...dummy, mac: '02:42:0a:01:00:01' },
  },
  { name: 'set: down, out of its bridge', verb: 'set', rule: { ...tunnel, up: false } },
  { name: 'delete', verb: 'delete', rule: dummy },
];

describe('encoding links', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter(16);
      expect(encodeLinkOp(writer, verb, rule, 5, context)).toBe(0);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const loopback = new MessageWriter();
    encodeLoopbackUp(loopback, 5);
    blocks.set('the loopback device', describeMessages(loopback.bytes(), rtnetlinkLayout));
    const writer = new MessageWriter();
    encodeLinkDump(writer, 6);
    blocks.set('dump', describeMessages(writer.bytes(), rtnetlinkLayout));
    expectGolden(new URL('link.txt', golden), 'Requests about network devices.', blocks);
  });

  it.each([
    { name: 'an unknown master', rule: { ...port, master: 'mesh9' }, want: errno.ENODEV },
    {
      name: 'an unknown namespace',
      rule: { ...port, peer: { name: 'eth1', netns: '/run/netns/b' } },
      want: errno.ENOENT,
    },
  ])('writes nothing for $name', ({ rule, want }) => {
    const writer = new MessageWriter();
    expect(encodeLinkOp(writer, 'add', rule, 5, context)).toBe(want);
    expect(writer.length).toBe(0);
  });
});

describe('decoding links', () => {
  const file = new URL('link-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeLink(body, devices));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodeLink(body, devices));
  });
});
