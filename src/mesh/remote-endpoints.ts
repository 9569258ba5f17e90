import type { Endpoint } from '../model/index.js';

/** What identifies an endpoint of another node. */
type Name = Pick<Endpoint, 'node' | 'network' | 'name'>;

/** Endpoints of other nodes: as these say or, until they have said it, as the earlier run knew. */
export class RemoteEndpoints {
  /** By network, by `owner name`. */
  private readonly byNetwork = new Map<string, Map<string, Endpoint>>();
  /** What only the earlier run knew. */
  private readonly unheard = new Set<Endpoint>();

  constructor(saved: readonly Endpoint[]) {
    for (const endpoint of saved) {
      this.put(endpoint);
      this.unheard.add(endpoint);
    }
  }

  *all(): Generator<Endpoint> {
    for (const endpoints of this.byNetwork.values()) yield* endpoints.values();
  }

  on(network: string): Endpoint[] {
    return [...(this.byNetwork.get(network)?.values() ?? [])];
  }

  put(endpoint: Endpoint): void {
    const endpoints = this.byNetwork.get(endpoint.network) ?? new Map<string, Endpoint>();
    endpoints.set(keyOf(endpoint), endpoint);
    this.byNetwork.set(endpoint.network, endpoints);
  }

  delete(name: Name): void {
    this.byNetwork.get(name.network)?.delete(keyOf(name));
  }

  /** Forgets what only the earlier run knew, where `which` says so; returns the networks touched. */
  forgetUnheard(which: (endpoint: Endpoint) => boolean): Set<string> {
    const touched = new Set<string>();
    for (const endpoint of this.unheard) {
      if (!which(endpoint)) continue;
      this.unheard.delete(endpoint);
      const isKnownOnlyFromThen =
        this.byNetwork.get(endpoint.network)?.get(keyOf(endpoint)) === endpoint;
      if (!isKnownOnlyFromThen) continue;
      this.delete(endpoint);
      touched.add(endpoint.network);
    }
    return touched;
  }
}

function keyOf({ node, name }: Name): string {
  return `${node} ${name}`;
}
