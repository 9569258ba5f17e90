import { parseAddress, parsePrefix, type PublishedPort, type ServicePort } from '../model/index.js';
import { choice, integer, list, mapping, oneOfKinds, portNumber, wordOf } from './fields.js';
import { limits } from './tunables.js';

/*
 * Ports of a service, and ports that nodes publish for it, as they are written.
 */

const protocols = ['tcp', 'udp', 'sctp'] as const;
const portExpected =
  'a port 1-65535 such as 80/tcp, 443:8443 or 7000-7009/udp, or a mapping with port';

const portFields = {
  port: portNumber,
  targetPort: portNumber.optional(),
  protocol: choice(protocols).optional(),
};

interface PortEntry {
  port: number;
  targetPort?: number | undefined;
  protocol?: ServicePort['protocol'] | undefined;
  count?: number | undefined;
}

function portOf({ protocol, port, targetPort, count }: PortEntry): ServicePort {
  return { protocol: protocol ?? 'tcp', port, targetPort: targetPort ?? port, count: count ?? 1 };
}

export const port = oneOfKinds<ServicePort>(portExpected, {
  text: parsePort,
  number: (value) => parsePort(String(value)),
  mapping: mapping({ ...portFields, count: integer(1, limits.portCount).optional() }).transform(
    portOf,
  ),
});

/** What is published when nothing else is said. */
const usual = { mode: 'ingress', source: 'preserve', policy: 'any', allowFrom: [] } as const;

const clientPrefix = oneOfKinds('a prefix such as 10.0.0.0/8, or an address', {
  text: (value) => {
    const address = parseAddress(value);
    if (address === undefined) return parsePrefix(value);
    return `${address}/${address.includes(':') ? 128 : 32}`;
  },
});

const publishedExpected = `${portExpected}; auto:8080 for a port that is chosen`;

export const publishedPort = oneOfKinds<PublishedPort>(publishedExpected, {
  text: (value) => published(parseChosen(value) ?? parsePort(value)),
  number: (value) => published(parsePort(String(value))),
  mapping: mapping({
    ...portFields,
    port: oneOfKinds("a port 1-65535, or 'auto'", {
      number: (value) =>
        Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined,
      text: (value) => (value === 'auto' ? 0 : undefined),
    }),
    count: integer(1, 65_535).optional(),
    mode: choice(['ingress', 'host']).optional(),
    source: choice(['preserve', 'snat']).optional(),
    policy: choice(['any', 'prefer-local', 'local']).optional(),
    bind: oneOfKinds('an IPv4 or IPv6 address of a node', { text: parseAddress }).optional(),
    device: oneOfKinds('the name of a device, such as eth0', { text: deviceName }).optional(),
    allowFrom: list('a list of at most 64 prefixes', clientPrefix, { min: 0, max: 64 }).optional(),
  }).transform(({ mode, source, policy, bind, device, allowFrom, ...rest }): PublishedPort => {
    return {
      ...portOf(rest),
      mode: mode ?? usual.mode,
      source: source ?? usual.source,
      policy: policy ?? usual.policy,
      ...(bind === undefined ? {} : { bind }),
      ...(device === undefined ? {} : { device }),
      allowFrom: allowFrom ?? usual.allowFrom,
    };
  }),
});

/** Of Linux: at most 15 bytes, without white space and slashes (dev_valid_name). */
function deviceName(value: string): string | undefined {
  const isName = /^[^\s/:]+$/.test(value) && Buffer.byteLength(value) <= 15;
  return isName && value !== '.' && value !== '..' && value !== 'lo' ? value : undefined;
}

function published(port: ServicePort | undefined): PublishedPort | undefined {
  return port === undefined ? undefined : { ...port, ...usual };
}

/** Reads `80`, `80/tcp`, `443:8443`, `7000-7009:9000/udp`, `7000-7009:9000-9009`. */
function parsePort(value: string): ServicePort | undefined {
  const match = /^([0-9]+)(?:-([0-9]+))?(?::([0-9]+)(?:-([0-9]+))?)?(?:\/([a-z]+))?$/.exec(value);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? first);
  const target = Number(match[3] ?? first);
  const count = last - first + 1;
  const targetLast = Number(match[4] ?? target + count - 1);
  const protocol = wordOf(protocols, match[5] ?? 'tcp');
  if (protocol === undefined || first < 1 || target < 1 || first > 65_535) return undefined;
  if (target > 65_535 || count < 1 || targetLast - target + 1 !== count) return undefined;
  return { protocol, port: first, targetPort: target, count };
}

/** Reads `auto:8080` and `auto:8080/udp`: port 0 is one that is left to us. */
function parseChosen(value: string): ServicePort | undefined {
  const [, target] = /^auto:([0-9]+(?:\/[a-z]+)?)$/.exec(value) ?? [];
  const port = target === undefined ? undefined : parsePort(target);
  return port === undefined ? undefined : { ...port, port: 0 };
}
