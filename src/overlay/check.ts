import { FieldError } from '../base/index.js';
import {
  familyOf,
  parseAddress,
  parsePrefix,
  prefixBase,
  prefixContains,
  prefixLength,
  type Endpoint,
  type Network,
} from '../model/index.js';
import { ingressName, sealedVxlanPort, sealPrefix, vxlanPort } from './names.js';
import { sliceCount } from './slices.js';

export const vniMin = 4_096;
export const vniMax = 2 ** 24 - 1;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** One endpoint may serve this many. */
const servicesMax = 64;
const macPattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** A network as somebody wrote it: a user, or another node. Errors: FieldError. */
export function checkNetwork(value: unknown): Network {
  const { name, vni, subnets, port, mtu, internal, sealed } = fieldsOf(value);
  if (sealed === true && name === ingressName) {
    throw new FieldError('sealed', `the network ${ingressName} cannot be`);
  }
  return {
    name: checkName('name', name),
    vni: wholeNumber('vni', vni, vniMin, vniMax),
    subnets: checkSubnets(subnets),
    port: checkPort(port, sealed === true),
    ...(mtu === undefined ? {} : { mtu: wholeNumber('mtu', mtu, 1_280, 65_486) }),
    internal: internal === true,
    sealed: sealed === true,
  };
}

/** A sealed network shares its port with no other, so that the port alone tells what is sealed. */
function checkPort(value: unknown, isSealed: boolean): number {
  const usual = isSealed ? sealedVxlanPort : vxlanPort;
  const port = value === undefined ? usual : wholeNumber('port', value, 1_024, 49_151);
  if (isSealed === (port === sealedVxlanPort)) return port;
  throw new FieldError(
    'port',
    `${sealedVxlanPort} is that of sealed networks, which have no other`,
  );
}

/** What another node says of an endpoint. Errors: FieldError. */
export function checkEndpoint(value: unknown): Omit<Endpoint, 'name' | 'network' | 'node'> {
  const { vtep, addresses, mac, services, isEntry } = fieldsOf(value);
  if (typeof mac !== 'string' || !macPattern.test(mac))
    throw new FieldError('mac', 'expected a MAC');
  if (!Array.isArray(addresses) || addresses.length < 1 || addresses.length > 2) {
    throw new FieldError('addresses', 'expected one or two addresses');
  }
  return {
    vtep: checkAddress('vtep', vtep),
    addresses: addresses.map((address, i) => checkAddress(`addresses[${i}]`, address)),
    mac,
    services: checkServices(services ?? {}),
    isEntry: isEntry === true,
    isAway: false,
  };
}

/** Weights by name of the service. Errors: FieldError. */
export function checkServices(value: unknown): Record<string, number> {
  const weights = Object.entries(fieldsOf(value));
  if (weights.length > servicesMax) {
    throw new FieldError('services', `expected at most ${servicesMax}, got ${weights.length}`);
  }
  return Object.fromEntries(
    weights.map(([name, weight]) => [
      checkName('services', name),
      wholeNumber(`services.${name}`, weight, 0, 65_535),
    ]),
  );
}

export function checkName(field: string, value: unknown): string {
  if (typeof value === 'string' && namePattern.test(value)) return value;
  throw new FieldError(field, `expected 1-63 letters, digits, - . or _, got ${quote(value)}`);
}

export function checkAddress(field: string, value: unknown): string {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address !== undefined) return address;
  throw new FieldError(field, `expected an address, got ${quote(value)}`);
}

function checkSubnets(value: unknown): string[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) {
    throw new FieldError('subnets', 'expected one or two prefixes');
  }
  const subnets = value.map((one, i) => {
    const prefix = typeof one === 'string' ? parsePrefix(one) : undefined;
    if (prefix === undefined) {
      throw new FieldError(
        `subnets[${i}]`,
        `expected a prefix such as 10.64.0.0/24, got ${quote(one)}`,
      );
    }
    const [min, max] = familyOf(prefix) === 4 ? [8, 26] : [32, 120];
    wholeNumber(`subnets[${i}]: length`, prefixLength(prefix), min, max);
    const isTaken =
      prefixContains(sealPrefix, prefixBase(prefix)) ||
      prefixContains(prefix, prefixBase(sealPrefix));
    if (isTaken) throw new FieldError(`subnets[${i}]`, `overlaps ${sealPrefix}, which seals use`);
    sliceCount(prefix);
    return prefix;
  });
  if (subnets.length === 2 && familyOf(subnets[0]!) === familyOf(subnets[1]!)) {
    throw new FieldError('subnets', 'expected at most one per family');
  }
  return subnets;
}

function wholeNumber(field: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  throw new FieldError(field, `expected ${min}-${max}, got ${quote(value)}`);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FieldError('', `expected a mapping, got ${quote(value)}`);
}

function quote(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
