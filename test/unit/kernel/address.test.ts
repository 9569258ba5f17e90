import { describe, expect, it } from 'vitest';
import {
  decodeAddress,
  encodeAddressDump,
  encodeAddressOp,
} from '../../../src/kernel/linux/address.js';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { Devices } from '../../../src/kernel/linux/rtnetlink.js';
import { errno } from '../../../src/kernel/index.js';
import type { AddressRule, Op } from '../../../src/model/index.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { rtnetlinkLayout } from '../../support/rtnetlink-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const devices = new Devices([
  { index: 1, name: 'lo' },
  { index: 2, name: 'eth0' },
  { index: 3, name: 'mesh0' },
  { index: 5, name: 'meshv1' },
]);
const on = (prefix: string): AddressRule => ({ kind: 'address', device: 'mesh0', prefix });
const ops: { name: string; verb: Op['verb']; rule: AddressRule }[] = [
  { name: 'add a VIP', verb: 'add', rule: on('10.96.0.1/32') },
  { name: 'add an address and its network', verb: 'add', rule: on('10.0.1.1/24') },
  { name: 'add an IPv6 VIP: a local route', verb: 'add', rule: on('fd96::1/128') },
  {
    name: 'add an IPv6 address alone',
    verb: 'add',
    rule: { ...on('fd96::1/128'), device: 'meshv1' },
  },
  { name: 'add an IPv6 address and its network', verb: 'add', rule: on('fd01::1/64') },
  { name: 'delete a VIP', verb: 'delete', rule: on('10.96.0.1/32') },
  { name: 'delete an IPv6 VIP', verb: 'delete', rule: on('fd96::1/128') },
];

describe('encoding addresses', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter();
      expect(encodeAddressOp(writer, verb, rule, 5, devices)).toBe(0);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const writer = new MessageWriter();
    encodeAddressDump(writer, 6);
    blocks.set('dump', describeMessages(writer.bytes(), rtnetlinkLayout));
    expectGolden(new URL('address.txt', golden), 'Requests about addresses.', blocks);
  });

  it.each([
    {
      name: 'an unknown device',
      verb: 'add' as const,
      rule: { ...on('10.96.0.1/32'), device: 'mesh9' },
      want: errno.ENODEV,
    },
    { name: 'set', verb: 'set' as const, rule: on('10.96.0.1/32'), want: errno.EOPNOTSUPP },
  ])('writes nothing for $name', ({ verb, rule, want }) => {
    const writer = new MessageWriter();
    expect(encodeAddressOp(writer, verb, rule, 5, devices)).toBe(want);
    expect(writer.length).toBe(0);
  });
});

describe('decoding addresses', () => {
  const file = new URL('address-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeAddress(body, devices));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodeAddress(body, devices));
  });
});
