import type { z } from 'zod';
import { parseAddress } from '../model/index.js';
import { duration, integer, list, mapping, oneOfKinds, text } from './fields.js';
import { parseEndpoint } from './usable.js';

/** How names of services and tasks are answered: checked, every default filled in. */
export interface DnsConfig {
  /** Below which every name of the mesh has a full form. */
  readonly domain: string;
  /** Asked for all other names; absent = the name servers of the host. */
  readonly upstreams?: readonly { readonly address: string; readonly port: number }[];
  /** How long an answer may be kept. Unit: seconds. */
  readonly ttlS: number;
  /** Answered of one source by UDP; 0 = all. */
  readonly queriesPerSecond: number;
}

const port = 53;
const upstreamsMax = 8;

const upstream = oneOfKinds('an address, or address:port such as 192.0.2.53:53', {
  text: (value) => {
    const address = parseAddress(value);
    return address === undefined ? parseEndpoint(value) : { address, port };
  },
});

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

/** Read as milliseconds, like every duration. */
export const dnsTtl = duration(0, 3_600_000, 1_000);

export const dnsEntry = mapping({
  domain: text(
    'a domain name in lower case',
    new RegExp(`^(?=.{1,120}$)${label}(\\.${label})*$`),
  ).optional(),
  upstreams: list(`a list of at most ${upstreamsMax} name servers`, upstream, {
    min: 0,
    max: upstreamsMax,
  }).optional(),
  ttl: dnsTtl.optional(),
  queriesPerSecond: integer(0, 10_000_000, 'a number').optional(),
});

export function completeDns(entry: z.infer<typeof dnsEntry>): DnsConfig {
  return {
    // Reserved for private use (ICANN, 2024).
    domain: entry.domain ?? 'mesh.internal',
    ...(entry.upstreams === undefined ? {} : { upstreams: entry.upstreams }),
    ttlS: (entry.ttl ?? 5_000) / 1_000,
    queriesPerSecond: entry.queriesPerSecond ?? 10_000,
  };
}
