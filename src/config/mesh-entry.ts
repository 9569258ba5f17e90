import type { z } from 'zod';
import { parseAddress } from '../model/index.js';
import { choice, durationReader, integer, list, mapping, oneOfKinds, text } from './fields.js';
import { parseEndpoint } from './usable.js';

/** memberlist's own default. */
export const gossipPort = 7946;

/**
 * Beside gossip's, and below the ports that Linux gives out by itself (32768-60999), in which
 * WireGuard's usual 51820 lies: another program might have got it. The next one is ours too.
 */
const sealPort = 7948;
/** Behind the one of VXLAN inside seals. */
const probePort = 7951;
const sealRotationMs = 12 * 3_600_000;

const profiles = ['lan', 'wan', 'local', 'fast'] as const;
/** How soon gossip notices what, and what it costs (src/gossip/profiles.ts). */
export type MeshProfile = (typeof profiles)[number];

/** How the host takes part in a mesh: checked, every default filled in. */
export interface MeshConfig {
  /** Unique in the mesh; absent = the host's name. */
  readonly node?: string;
  /** Port 0 = any that is free. */
  readonly bind: { readonly address: string; readonly port: number };
  /** Where other members reach this one; absent = an address of the host. */
  readonly advertise?: { readonly address: string; readonly port?: number };
  /** Members to ask for the others. */
  readonly join: readonly { readonly address: string; readonly port: number }[];
  /** Keys in base64, one a line, the primary one first; `none` = gossip in the clear. */
  readonly keyFile: string;
  readonly profile: MeshProfile;
  /** Keeps meshes of one network apart; empty = none. */
  readonly label: string;
  /** First of two UDP ports between hosts of sealed networks. Range 1-65534. */
  readonly sealPort: number;
  /** Age at which keys of sealed networks give way to new ones; absent = never. Unit: ms. */
  readonly sealRotationMs?: number;
  /** UDP port on the network `ingress` by which nodes try whether packets get through. */
  readonly probePort: number;
}

const addressAndPort = 'an address, or address:port such as 192.0.2.1:7946 or [fd00::1]:7946';

/** The port of gossip where none is given. */
export function parseMember(value: string): { address: string; port: number } | undefined {
  const address = parseAddress(value);
  return address === undefined ? parseEndpoint(value) : { address, port: gossipPort };
}

const member = oneOfKinds(addressAndPort, { text: parseMember });
const listener = oneOfKinds(addressAndPort, {
  text: (value) => parseMember(value) ?? parseEndpoint(value, 0),
});

const advertised = oneOfKinds<{ address: string; port?: number }>(addressAndPort, {
  text: (value) => {
    const address = parseAddress(value);
    return address === undefined ? parseEndpoint(value) : { address };
  },
});

const readRotation = durationReader(600_000, 8_760 * 3_600_000, 1);
const rotation = oneOfKinds<number | 'off'>('a duration 10m-8760h such as 30m or 12h, or off', {
  text: (value) => (value === 'off' ? value : readRotation(value)),
  number: readRotation,
  // YAML 1.1 has it for a word.
  boolean: (value) => (value ? undefined : 'off'),
});

/** Members to join: more would not make a join likelier. */
const joinMax = 64;

export const meshEntry = mapping({
  node: text('1-63 letters, digits, - . or _', /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/).optional(),
  bind: listener.optional(),
  advertise: advertised.optional(),
  join: list(`a list of at most ${joinMax} members`, member, { min: 0, max: joinMax }).optional(),
  keyFile: text('an absolute path, or none', /^(none|\/[^\0\n]{0,4094})$/).optional(),
  profile: choice(profiles).optional(),
  label: text('1-63 visible characters', /^[\x21-\x7e]{1,63}$/).optional(),
  sealPort: integer(1, 65_534, 'a port').optional(),
  sealRotation: rotation.optional(),
  probePort: integer(1, 65_535, 'a port').optional(),
});

export function completeMesh(entry: z.infer<typeof meshEntry>): MeshConfig {
  const rotationMs = entry.sealRotation ?? sealRotationMs;
  return {
    ...(entry.node === undefined ? {} : { node: entry.node }),
    bind: entry.bind ?? { address: '0.0.0.0', port: gossipPort },
    ...(entry.advertise === undefined ? {} : { advertise: entry.advertise }),
    join: entry.join ?? [],
    keyFile: entry.keyFile ?? '/etc/meshd/gossip.keys',
    profile: entry.profile ?? 'lan',
    label: entry.label ?? '',
    sealPort: entry.sealPort ?? sealPort,
    ...(rotationMs === 'off' ? {} : { sealRotationMs: rotationMs }),
    probePort: entry.probePort ?? probePort,
  };
}
