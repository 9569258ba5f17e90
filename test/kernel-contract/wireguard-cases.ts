import {
  PrivateKey,
  type LinkRule,
  type WireguardPeerRule,
  type WireguardRule,
} from '../../src/model/index.js';
import type { Case } from './cases.js';
import { bridge } from './network-cases.js';
import { add, remove, set } from './rules.js';

/** The same in every run; of a number that is easy to tell apart. */
export const keyOf = (byte: number): PrivateKey => new PrivateKey(new Uint8Array(32).fill(byte));

const [own, other] = [keyOf(1), keyOf(2)];
/** `X25519(32 bytes of 1, 9)`, as `wg pubkey` prints it, and so on. */
const [ownName, otherName, thirdName] = [1, 2, 3].map((byte) => keyOf(byte).publicKey);

export const link: LinkRule = { kind: 'link', name: 'meshw-0', type: 'wireguard', up: false };
export const device: WireguardRule = {
  kind: 'wireguard',
  device: link.name,
  publicKey: own.publicKey,
  privateKey: own,
  port: 51820,
};
const second = { ...link, name: 'meshw-1' };
export const peer: WireguardPeerRule = {
  kind: 'wireguard-peer',
  device: link.name,
  publicKey: other.publicKey,
  endpoint: { address: '127.0.0.2', port: 51821 },
  allowedIps: ['fd00::2/128'],
};
const third: WireguardPeerRule = {
  kind: 'wireguard-peer',
  device: link.name,
  publicKey: keyOf(3).publicKey,
  allowedIps: ['10.0.0.0/24', 'fd00::2/128', 'fd00::3/128'],
};

const down = 'link meshw-0 type wireguard mtu 1420 down';
const plain = `wireguard meshw-0 key ${ownName} port 51820`;
const plainPeer = `wireguard peer ${otherName} dev meshw-0 endpoint 127.0.0.2:51821 allowed fd00::2/128`;

const devices: Case[] = [
  {
    name: 'a device has its rule from its first key on',
    steps: [
      { ops: [add(device), set(device)], refused: ['0 ENODEV', '1 ENODEV'], holds: '' },
      {
        ops: [add(link), set(device), remove(device)],
        refused: ['1 ENOENT', '2 ENOENT'],
        holds: down,
      },
      {
        ops: [add(device), add(device)],
        refused: ['1 EEXIST'],
        holds: `${down}\n${plain}`,
      },
      {
        ops: [set({ ...device, port: 51822, fwmark: 0x6d })],
        holds: `${down}\nwireguard meshw-0 key ${ownName} port 51822 fwmark 0x6d`,
      },
      {
        ops: [set({ ...device, publicKey: other.publicKey, privateKey: other })],
        holds: `${down}\nwireguard meshw-0 key ${otherName} port 51820`,
      },
      { ops: [remove(device), remove(device)], refused: ['1 ENOENT'], holds: down },
      { ops: [add(device), remove(link)], holds: '' },
    ],
  },
  {
    name: 'a device takes no public key without its private one',
    steps: [
      {
        ops: [
          add(link),
          add({ ...device, publicKey: other.publicKey }),
          add({ ...device, privateKey: undefined } as never),
        ],
        refused: ['1 EINVAL', '2 EINVAL'],
        holds: down,
      },
    ],
  },
  {
    name: 'devices of other types have no keys and peers',
    steps: [
      {
        ops: [
          add(bridge),
          add({ ...device, device: bridge.name }),
          add({ ...peer, device: bridge.name }),
        ],
        refused: ['1 EOPNOTSUPP', '2 EOPNOTSUPP'],
        holds: 'link meshb type bridge mtu 1500 up',
      },
    ],
  },
];

const peers: Case[] = [
  {
    name: 'a peer needs its device, exists once, goes with the device',
    steps: [
      { ops: [add(peer)], refused: ['0 ENODEV'], holds: '' },
      {
        ops: [add(link), set(peer), remove(peer), add(peer), add(peer)],
        refused: ['1 ENOENT', '2 ENOENT', '4 EEXIST'],
        holds: `${down}\n${plainPeer}`,
      },
      {
        ops: [
          add(device),
          set({
            ...peer,
            endpoint: { address: '::1', port: 51822 },
            allowedIps: ['fd00::2/128', '10.0.0.0/24'],
            keepaliveS: 25,
          }),
        ],
        holds: `
${down}
${plain}
wireguard peer ${otherName} dev meshw-0 endpoint [::1]:51822 allowed 10.0.0.0/24,fd00::2/128 keepalive 25s`,
      },
      { ops: [set(peer)], holds: `${down}\n${plain}\n${plainPeer}` },
      { ops: [remove(peer)], holds: `${down}\n${plain}` },
      { ops: [add(peer), remove(link)], holds: '' },
    ],
  },
  {
    name: 'a peer stays where it is unless told otherwise',
    steps: [
      {
        ops: [add(link), add(peer), set({ ...peer, endpoint: undefined } as never)],
        holds: `${down}\n${plainPeer}`,
      },
      {
        ops: [set({ ...peer, allowedIps: [] })],
        holds: `
${down}
wireguard peer ${otherName} dev meshw-0 endpoint 127.0.0.2:51821 allowed none`,
      },
    ],
  },
  {
    name: 'a prefix belongs to the last peer of the device to ask for it',
    steps: [
      {
        ops: [add(link), add(second), add(peer), add({ ...peer, device: second.name }), add(third)],
        holds: `
${down}
link meshw-1 type wireguard mtu 1420 down
wireguard peer ${otherName} dev meshw-0 endpoint 127.0.0.2:51821 allowed none
wireguard peer ${otherName} dev meshw-1 endpoint 127.0.0.2:51821 allowed fd00::2/128
wireguard peer ${thirdName} dev meshw-0 allowed 10.0.0.0/24,fd00::2/128,fd00::3/128`,
      },
      {
        ops: [set(peer), remove(second)],
        holds: `
${down}
${plainPeer}
wireguard peer ${thirdName} dev meshw-0 allowed 10.0.0.0/24,fd00::3/128`,
      },
      {
        ops: [set({ ...third, allowedIps: ['fd00::3/128'] })],
        holds: `
${down}
${plainPeer}
wireguard peer ${thirdName} dev meshw-0 allowed fd00::3/128`,
      },
    ],
  },
  {
    name: 'a device is no peer of its own',
    steps: [
      {
        ops: [add(link), add(device), add({ ...peer, publicKey: own.publicKey })],
        refused: ['2 EINVAL'],
        holds: `${down}\n${plain}`,
      },
      {
        ops: [add(peer), set({ ...device, publicKey: other.publicKey, privateKey: other })],
        holds: `${down}\nwireguard meshw-0 key ${otherName} port 51820`,
      },
    ],
  },
];

export const wireguardCases: readonly Case[] = [...devices, ...peers];
