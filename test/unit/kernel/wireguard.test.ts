import { describe, expect, it } from 'vitest';
import { MessageWriter, headerBytes } from '../../../src/kernel/linux/message.js';
import {
  WireguardEncoder,
  decodeDevice,
  isLive,
  type HeldDevice,
  type HeldPeer,
} from '../../../src/kernel/linux/wireguard-codec.js';
import { formatEndpoint, type WireguardPeerRule } from '../../../src/model/index.js';
import { device, keyOf, peer } from '../../kernel-contract/wireguard-cases.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { wireguardFamilyId, wireguardLayout } from '../../support/wireguard-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const held: HeldPeer = {
  rule: { ...peer, allowedIps: ['10.0.0.0/24', 'fd00::2/128'] },
  handshakeAtS: 0,
  receivedBytes: 0,
  sentBytes: 0,
};
const fd05 = { address: 'fd05::2', port: 51820 };

const requests: Record<string, (encoder: WireguardEncoder) => void> = {
  dump: (encoder) => encoder.dump(1, 'meshw-0'),
  'give a device its key': (encoder) => encoder.device(2, device, device.privateKey!.reveal()),
  'change a device, but not its key': (encoder) =>
    encoder.device(3, { ...device, port: 51822, fwmark: 0x6d }, undefined),
  'take the key of a device': (encoder) => encoder.clearDevice(4, 'meshw-0'),
  'add a peer': (encoder) => encoder.peer(5, peer),
  'add a peer that comes to us, with prefixes of both families': (encoder) => {
    const { endpoint: _none, ...rest } = peer;
    encoder.peer(6, { ...rest, allowedIps: ['10.0.0.0/24', 'fd00::2/128'], keepaliveS: 25 });
  },
  'change where a peer is': (encoder) => encoder.peer(7, { ...held.rule, endpoint: fd05 }, held),
  'change a peer that is alive': (encoder) =>
    encoder.peer(8, { ...held.rule, endpoint: fd05, keepaliveS: 25 }, held, true),
  'give a peer one more prefix': (encoder) =>
    encoder.peer(9, { ...held.rule, allowedIps: [...held.rule.allowedIps, 'fd00::/64'] }, held),
  'leave a peer one of its prefixes': (encoder) => encoder.peer(10, peer, held),
  'remove a peer': (encoder) => encoder.removePeer(11, peer),
};

function encoded(write: (encoder: WireguardEncoder) => void): Buffer {
  const writer = new MessageWriter();
  write(new WireguardEncoder(wireguardFamilyId, writer));
  return Buffer.from(writer.bytes());
}

function decoded(...bodies: Buffer[]): HeldDevice {
  const found: HeldDevice = { peers: new Map() };
  for (const body of bodies) decodeDevice(body, 'meshw-0', found);
  return found;
}

it('requests are as in the golden file', () => {
  const blocks = new Map<string, string>();
  for (const [name, write] of Object.entries(requests)) {
    blocks.set(name, describeMessages(encoded(write), wireguardLayout));
  }
  const about = 'Requests about wireguard devices. The private key is 32 bytes of 1.';
  expectGolden(new URL('wireguard.txt', golden), about, blocks);
});

describe('decoding devices', () => {
  const file = new URL('wireguard-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => {
      const { rule, peers } = decoded(body);
      return { rule, peers: [...peers.values()] };
    });
  });

  it('says what `wg show meshw-0 dump` says of the same device', () => {
    const { body } = captured.find(({ name }) => name === 'with a session')!;
    const { rule, peers } = decoded(body);
    const lines = [[rule!.publicKey, rule!.port, `0x${rule!.fwmark!.toString(16)}`].join('\t')];
    for (const one of peers.values()) lines.push(asShown(one));
    // wireguard-tools 1.0.20210914, without the private key and preshared keys.
    expect(lines.join('\n').replaceAll('\t', ' ')).toBe(
      `
pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk= 51820 0x6d
zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= 192.168.5.2:51821 10.0.0.0/24,fd00::2/128 1795292766 180 272 25
Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yI= (none) (none) 0 0 0 off
rAGyIJ6GNU+4UyN7XeD0+rE8f8v0M6YcAZNpYX/s8Qs= [fd05::2]:51820 fd00::4/128 0 0 0 off`.trim(),
    );
  });

  it('has no place for the private key', () => {
    const { body } = captured.find(({ name }) => name === 'without peers')!;
    expect(Object.keys(decoded(body).rule!)).toEqual([
      'kind',
      'device',
      'publicKey',
      'port',
      'fwmark',
    ]);
  });

  it('puts a peer together whose prefixes come in several messages', () => {
    const part = (rule: WireguardPeerRule): Buffer =>
      encoded((encoder) => encoder.peer(1, rule)).subarray(headerBytes);
    const { endpoint: _none, ...rest } = peer;
    const third = { ...rest, publicKey: keyOf(3).publicKey };
    const { peers } = decoded(
      part({ ...peer, keepaliveS: 25, allowedIps: ['fd00::2/128'] }),
      part({ ...rest, allowedIps: ['fd00::4/128', 'fd00::3/128'] }),
      part({ ...third, allowedIps: ['10.0.0.0/24'] }),
    );
    const allowedIps = ['fd00::2/128', 'fd00::3/128', 'fd00::4/128'];
    expect([...peers.values()].map(({ rule }) => rule)).toEqual([
      { ...peer, keepaliveS: 25, allowedIps },
      { ...third, allowedIps: ['10.0.0.0/24'] },
    ]);
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decoded(body));
  });
});

/** Seconds since a handshake at second 1000. */
it.each([
  [0, true],
  [179, true],
  [180, false],
  [1_000_000, false],
  // Another clock set it, or it was set back meanwhile.
  [-5, true],
])('a session of %i s: alive %s', (ageS, isAlive) => {
  expect(isLive({ ...held, handshakeAtS: 1000 }, 1000 + ageS)).toBe(isAlive);
  expect(isLive(held, ageS)).toBe(false);
});

function asShown({ rule, handshakeAtS, receivedBytes, sentBytes }: HeldPeer): string {
  const { publicKey, endpoint, allowedIps, keepaliveS } = rule;
  const where = endpoint === undefined ? '(none)' : formatEndpoint(endpoint.address, endpoint.port);
  const allowed = allowedIps.join(',') || '(none)';
  const keepalive = keepaliveS ?? 'off';
  return [publicKey, where, allowed, handshakeAtS, receivedBytes, sentBytes, keepalive].join('\t');
}
