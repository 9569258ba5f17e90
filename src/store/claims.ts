import { MeshError } from '../base/index.js';
import { formatMatch, type PublishedPort, type Service, type ServiceSpec } from '../model/index.js';

/** VIPs and ports as they will be once the services in `moving` have let go of theirs. */
export class Claims {
  private readonly newListeners = new Map<Listener, string>();
  private readonly newVips = new Set<string>();
  private readonly moving: ReadonlySet<string>;

  constructor(
    private readonly listeners: ReadonlyMap<Listener, string>,
    private readonly holders: ReadonlyMap<string, ReadonlySet<string>>,
    moving: readonly string[],
  ) {
    this.moving = new Set(moving);
  }

  isTaken(vip: string): boolean {
    if (this.newVips.has(vip)) return true;
    for (const name of this.holders.get(vip) ?? []) if (!this.moving.has(name)) return true;
    return false;
  }

  /** Nobody else gets these from a pool. */
  take(vips: readonly string[]): void {
    for (const vip of vips) this.newVips.add(vip);
  }

  /** True when every port of `spec` is free on `vip`. */
  isFree(spec: ServiceSpec, vip: string): boolean {
    for (const listener of listenersOf({ ...spec, vips: [vip] })) {
      if ((this.holderOf(listener) ?? spec.name) !== spec.name) return false;
    }
    return true;
  }

  /** True when `name` may publish the port. */
  isFreePort(name: string, { protocol, port }: PublishedPort): boolean {
    return (this.holderOf(publishedAt(protocol, port)) ?? name) === name;
  }

  /** Errors: conflict. */
  claim(spec: ServiceSpec, vips: readonly string[]): void {
    for (const listener of listenersOf({ ...spec, vips })) {
      const holder = this.holderOf(listener) ?? spec.name;
      if (holder !== spec.name) {
        const problem = `${formatListener(listener)} belongs to service ${holder}`;
        throw new MeshError('conflict', `service ${spec.name}: ${problem}`);
      }
      this.newListeners.set(listener, spec.name);
    }
    this.take(vips);
  }

  private holderOf(listener: Listener): string | undefined {
    const old = this.listeners.get(listener);
    const stays = old !== undefined && !this.moving.has(old);
    return this.newListeners.get(listener) ?? (stays ? old : undefined);
  }
}

/**
 * Where a service listens: `10.96.0.1:80/tcp`; on a network `10.64.0.200`, and a number for each
 * published port, of which there may be tens of thousands.
 */
export type Listener = string | number;

export function* listenersOf(service: Service): Generator<Listener> {
  if (service.network !== undefined) {
    yield* service.vips;
    for (const { protocol, port, count } of service.publish) {
      for (let i = 0; i < count; i++) yield publishedAt(protocol, port + i);
    }
    return;
  }
  for (const address of service.vips) {
    for (const { protocol, port, count } of service.ports) {
      for (let i = 0; i < count; i++) yield formatMatch({ protocol, address, port: port + i });
    }
  }
}

/** `published 80/tcp`, and others as they are. */
export function formatListener(listener: Listener): string {
  if (typeof listener === 'string') return listener;
  return `published ${listener % portsOfProtocol}/${protocols[Math.floor(listener / portsOfProtocol)]!}`;
}

const protocols = ['tcp', 'udp', 'sctp'] as const;
const portsOfProtocol = 0x10000;

function publishedAt(protocol: PublishedPort['protocol'], port: number): number {
  return protocols.indexOf(protocol) * portsOfProtocol + port;
}
