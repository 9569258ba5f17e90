import type { z } from 'zod';
import { parseAddress } from '../model/index.js';
import { duration, flag, integer, list, mapping, oneOfKinds, text } from './fields.js';
import { parseEndpoint } from './usable.js';

/** How names of services and tasks are answered: checked, every default filled in. */
export interface DnsConfig {
  /** Where processes of the host itself may ask. */
  readonly listen: readonly { readonly address: string; readonly port: number }[];
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
const serversMax = 8;

function addressAndPort(value: string): { address: string; port: number } | undefined {
  const address = parseAddress(value);
  return address === undefined ? parseEndpoint(value) : { address, port };
}

const upstream = oneOfKinds('an address, or address:port such as 192.0.2.53:53', {
  text: addressAndPort,
});

// What came to no address in particular would be answered from another one.
const listener = oneOfKinds(
  'an address of this host, or address:port, such as 127.0.0.11; not 0.0.0.0 or ::',
  {
    text: (value) => {
      const at = addressAndPort(value);
      return at === undefined || /^(0\.0\.0\.0|::)$/.test(at.address) ? undefined : at;
    },
  },
);

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

/** Read as milliseconds, like every duration. */
export const dnsTtl = duration(0, 3_600_000, 1_000);

export const dnsEntry = mapping({
  enabled: flag().optional(),
  listen: list(`a list of at most ${serversMax} addresses`, listener, {
    min: 0,
    max: serversMax,
  }).optional(),
  domain: text(
    'a domain name in lower case',
    new RegExp(`^(?=.{1,120}$)${label}(\\.${label})*$`),
  ).optional(),
  upstreams: list(`a list of at most ${serversMax} name servers`, upstream, {
    min: 0,
    max: serversMax,
  }).optional(),
  ttl: dnsTtl.optional(),
  queriesPerSecond: integer(0, 10_000_000, 'a number').optional(),
});

/** Undefined when it is switched off. */
export function completeDns(entry: z.infer<typeof dnsEntry>): DnsConfig | undefined {
  if (entry.enabled === false) return undefined;
  return {
    listen: entry.listen ?? [],
    // Reserved for private use (ICANN, 2024).
    domain: entry.domain ?? 'mesh.internal',
    ...(entry.upstreams === undefined ? {} : { upstreams: entry.upstreams }),
    ttlS: (entry.ttl ?? 5_000) / 1_000,
    queriesPerSecond: entry.queriesPerSecond ?? 10_000,
  };
}
