import { MeshError } from '../base/index.js';
import type { PublishedPort, Service } from '../model/index.js';
import { hash } from './vip-pool.js';

/** Where ports are taken from that a service leaves to us; Swarm's range. */
const range = { first: 30_000, count: 2_768 } as const;

/** A port that was chosen for a service: what it leads to, and which it is. */
export type ChosenPort = Pick<PublishedPort, 'protocol' | 'targetPort' | 'port'>;

/** Those of `asked` that are left to us, with what became of them in `service`. */
export function chosenPorts(asked: Service, service: Service): ChosenPort[] {
  return service.publish
    .filter((_, i) => asked.publish[i]?.port === 0)
    .map(({ protocol, targetPort, port }) => ({ protocol, targetPort, port }));
}

/** Without the ports that are left to us. */
export function givenPorts<S extends Service>(service: S): S {
  return { ...service, publish: service.publish.filter(({ port }) => port !== 0) };
}

/**
 * The published ports of a service, each left to us replaced by one that is free: as it was before,
 * else by what follows from its name, so that hosts with one file choose alike.
 * Errors: resource_exhausted.
 */
export function choosePorts(
  { name, publish }: Service,
  before: readonly ChosenPort[],
  isFree: (port: PublishedPort) => boolean,
): readonly PublishedPort[] {
  if (publish.every(({ port }) => port !== 0)) return publish;
  const chosen: PublishedPort[] = [];
  const isOurs = ({ protocol, port }: PublishedPort): boolean =>
    chosen.some((one) => one.protocol === protocol && one.port === port);
  for (const asked of publish) {
    if (asked.port !== 0) {
      chosen.push(asked);
      continue;
    }
    const had = before.filter(
      (one) => one.protocol === asked.protocol && one.targetPort === asked.targetPort,
    );
    const start = hash(`${name} ${asked.targetPort}/${asked.protocol}`);
    const candidates = [...had.map(({ port }) => port), ...inTurn(start)];
    const port = candidates.find((one) => {
      const candidate = { ...asked, port: one };
      return !isOurs(candidate) && isFree(candidate);
    });
    if (port === undefined) {
      const last = range.first + range.count - 1;
      const problem = `every ${asked.protocol} port from ${range.first} to ${last} is published`;
      throw new MeshError('resource_exhausted', `service ${name}: ${problem}`);
    }
    chosen.push({ ...asked, port });
  }
  return chosen;
}

function* inTurn(start: number): Generator<number> {
  for (let i = 0; i < range.count; i++) yield range.first + ((start + i) % range.count);
}
