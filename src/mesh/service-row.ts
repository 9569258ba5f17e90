import { messageOf } from '../base/index.js';
import { checkSpec, writeSpec } from '../config/index.js';
import type { Service } from '../model/index.js';
import type { Declaration } from './settle.js';

/** Catalog rows of services have this in front of the name. */
const keyPrefix = 'service/';

export function serviceKey(name: string): string {
  return `${keyPrefix}${name}`;
}

/** The service that a catalog key names; undefined for rows of another kind. */
export function serviceOfKey(key: string): string | undefined {
  return key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : undefined;
}

/** A service as a row: JSON, in the shape of the configuration file, with what the node adds. */
interface RowDocument {
  readonly claim: number;
  readonly spec: unknown;
  /** Addresses of destinations that drain. */
  readonly draining?: readonly string[];
}

export function encodeServiceRow(claim: number, service: Service): Uint8Array {
  const draining = service.destinations.filter((one) => one.draining).map(({ address }) => address);
  const document: RowDocument = {
    claim,
    spec: writeSpec(service),
    ...(draining.length === 0 ? {} : { draining }),
  };
  return Buffer.from(JSON.stringify(document));
}

/** What `owner` asks for, or why the row is not understood: another node's word is checked like a user's. */
export function decodeServiceRow(
  owner: string,
  name: string,
  value: Uint8Array,
): Declaration | { readonly problem: string } {
  try {
    const { claim, spec, draining } = JSON.parse(Buffer.from(value).toString()) as RowDocument;
    if (!Number.isSafeInteger(claim) || claim < 0) throw new Error('claim: expected a number');
    const checked = checkSpec(spec, `service ${name} of node ${owner}`, {});
    if (checked.name !== name) throw new Error(`it names itself ${checked.name}`);
    if (checked.vips.length === 0 && checked.endpointMode === 'vip') {
      throw new Error('vip: expected an address');
    }
    return { owner, claim, service: withDraining(checked, new Set(draining ?? [])) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function withDraining(service: Service, draining: ReadonlySet<string>): Service {
  if (draining.size === 0) return service;
  const destinations = service.destinations.map((one) =>
    draining.has(one.address) ? { ...one, draining: true } : one,
  );
  return { ...service, destinations };
}
