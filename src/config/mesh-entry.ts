import type { z } from 'zod';
import { parseAddress } from '../model/index.js';
import { choice, list, mapping, oneOfKinds, text } from './fields.js';
import { parseEndpoint } from './usable.js';

/** memberlist's own default. */
export const gossipPort = 7946;

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
});

export function completeMesh(entry: z.infer<typeof meshEntry>): MeshConfig {
  return {
    ...(entry.node === undefined ? {} : { node: entry.node }),
    bind: entry.bind ?? { address: '0.0.0.0', port: gossipPort },
    ...(entry.advertise === undefined ? {} : { advertise: entry.advertise }),
    join: entry.join ?? [],
    keyFile: entry.keyFile ?? '/etc/meshd/gossip.keys',
    profile: entry.profile ?? 'lan',
    label: entry.label ?? '',
  };
}
