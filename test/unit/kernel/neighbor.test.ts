import { describe, expect, it } from 'vitest';
import {
  decodeNeighbor,
  encodeNeighborDump,
  encodeNeighborOp,
} from '../../../src/kernel/linux/neighbor.js';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { Devices } from '../../../src/kernel/linux/rtnetlink.js';
import { errno } from '../../../src/kernel/index.js';
import type { NeighborRule, Op } from '../../../src/model/index.js';
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
const of = (address: string): NeighborRule => ({
  kind: 'neighbor',
  device: 'mesh1',
  address,
  mac: '02:42:0a:00:00:07',
});
const ops: { name: string; verb: Op['verb']; rule: NeighborRule }[] = [
  { name: 'add', verb: 'add', rule: of('10.0.0.7') },
  { name: 'add an IPv6 neighbor', verb: 'add', rule: of('fd01::7') },
  { name: 'set', verb: 'set', rule: of('10.0.0.7') },
  { name: 'delete', verb: 'delete', rule: of('10.0.0.7') },
];

describe('encoding neighbors', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter();
      expect(encodeNeighborOp(writer, verb, rule, 5, devices)).toBe(0);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const writer = new MessageWriter();
    encodeNeighborDump(writer, 6);
    blocks.set('dump', describeMessages(writer.bytes(), rtnetlinkLayout));
    expectGolden(new URL('neighbor.txt', golden), 'Requests about neighbors.', blocks);
  });

  it('writes nothing for an unknown device', () => {
    const writer = new MessageWriter();
    const rule = { ...of('10.0.0.7'), device: 'mesh9' };
    expect(encodeNeighborOp(writer, 'add', rule, 5, devices)).toBe(errno.ENODEV);
    expect(writer.length).toBe(0);
  });
});

describe('decoding neighbors', () => {
  const file = new URL('neighbor-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeNeighbor(body, devices));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodeNeighbor(body, devices));
  });
});
