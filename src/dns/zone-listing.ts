/** The names below the domain, and what is answered to each: a zone as a transfer would give it. */
import type { Service } from '../model/index.js';
import type { Asker } from './chain.js';
import type { Inquirer, TextRecord } from './inquiry.js';
import { encodeQuery } from './message.js';
import { recordType } from './record.js';
import { fullName, portsOf } from './zone.js';

/** Who has names on a network, or on none. */
export interface NameOwners {
  /** Sees that network alone. */
  readonly asker: Asker;
  readonly services: readonly Service[];
  /** Names of tasks. */
  readonly tasks: readonly string[];
}

interface ListedName {
  readonly name: string;
  readonly types: readonly number[];
  readonly asker: Asker;
}

const addressTypes = [recordType.A, recordType.AAAA];
const serviceTypes = [...addressTypes, recordType.SRV, recordType.TXT];

/**
 * Name by name, each asked for when it is its turn: whoever has left by then is not in it. In the
 * canonical order of names (RFC 4034, section 6.1), by which those of a network are together.
 */
export function* listZone(
  inquirer: Inquirer,
  owners: readonly NameOwners[],
): Generator<TextRecord, void, void> {
  const names = owners.flatMap((one) => [...namesOf(one)]);
  const sorted = names
    .map((listed) => ({ ...listed, key: orderKey(listed.name) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  for (const { name, types, asker } of sorted) {
    for (const type of types) {
      const query = encodeQuery(name, type);
      // Too long with the domain: nobody can ask for it.
      if (query === undefined) continue;
      // What is told in any order is listed in one.
      yield* [...inquirer.records(query, asker)].sort((a, b) => (a.data < b.data ? -1 : 1));
    }
  }
}

/** Each once, though several may have it. */
function namesOf({ asker, services, tasks }: NameOwners): Iterable<ListedName> {
  const view = asker.view();
  const network = view.networks[0]!;
  const listed = new Map<string, ListedName>();
  const add = (owner: string, types: readonly number[]): void => {
    const name = fullName(view, network, owner);
    if (!listed.has(name)) listed.set(name, { name, types, asker });
  };
  for (const service of services) {
    for (const name of [service.name, ...service.aliases]) {
      add(name, serviceTypes);
      add(`tasks.${name}`, addressTypes);
      for (const port of portsOf({ network, service })) {
        const [number, protocol] = port.split('/');
        add(`_${number}._${protocol}.${name}`, [recordType.SRV]);
      }
    }
  }
  for (const name of tasks) add(name, addressTypes);
  return listed.values();
}

function orderKey(name: string): string {
  return name.split('.').reverse().join('\0');
}
