import { describe, expect, it } from 'vitest';
import { decodeFdb, encodeFdbDump, encodeFdbOp } from '../../../src/kernel/linux/fdb.js';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { Devices } from '../../../src/kernel/linux/rtnetlink.js';
import { errno } from '../../../src/kernel/index.js';
import type { FdbRule, Op } from '../../../src/model/index.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { rtnetlinkLayout } from '../../support/rtnetlink-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const devices = new Devices([
  { index: 2, name: 'eth0' },
  { index: 3, name: 'mesh1' },
  { index: 4, name: 'meshx1' },
  { index: 5, name: 'meshx6' },
]);
const to = (vtep: string): FdbRule => ({
  kind: 'fdb',
  device: 'meshx1',
  mac: '02:42:0a:00:00:07',
  vtep,
});
const ops: { name: string; verb: Op['verb']; rule: FdbRule }[] = [
  { name: 'add', verb: 'add', rule: to('192.168.5.2') },
  { name: 'add with an IPv6 VTEP', verb: 'add', rule: to('fd05::2') },
  { name: 'set', verb: 'set', rule: to('192.168.5.2') },
  { name: 'delete', verb: 'delete', rule: to('192.168.5.2') },
];

describe('encoding forwarding entries', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter();
      expect(encodeFdbOp(writer, verb, rule, 5, devices)).toBe(0);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const writer = new MessageWriter();
    encodeFdbDump(writer, 6);
    blocks.set('dump', describeMessages(writer.bytes(), rtnetlinkLayout));
    expectGolden(new URL('fdb.txt', golden), 'Requests about forwarding entries.', blocks);
  });

  it('writes nothing for an unknown device', () => {
    const writer = new MessageWriter();
    const rule = { ...to('192.168.5.2'), device: 'mesh9' };
    expect(encodeFdbOp(writer, 'add', rule, 5, devices)).toBe(errno.ENODEV);
    expect(writer.length).toBe(0);
  });
});

describe('decoding forwarding entries', () => {
  const file = new URL('fdb-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeFdb(body, devices));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodeFdb(body, devices));
  });
});
