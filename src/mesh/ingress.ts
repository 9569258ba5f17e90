import { messageOf, type Log } from '../base/index.js';
import type { LocalEndpoint, Service } from '../model/index.js';
import { defaultIngress, ingressEndpointName, ingressName } from '../overlay/index.js';
import type { MeshNetworks } from './networks.js';

/** The name of this node's own endpoint on the ingress network; no user can give it. */
const entryName = '.entry';

export interface IngressOptions {
  networks(): MeshNetworks;
  readonly log: Log;
  /** In force on this node, those of others too. */
  services(): Iterable<Service>;
}

/**
 * Who of this node is on the ingress network: the node itself as soon as anything is published in
 * the mesh, or a task here may call the world; and each of its tasks that may, or that serves a
 * published service.
 */
export class Ingress {
  private problemText = '';

  constructor(private readonly options: IngressOptions) {}

  /** Why tasks of this node are not reached by published ports, and do not reach the world. */
  get problem(): string | undefined {
    return this.problemText === '' ? undefined : this.problemText;
  }

  /** Brings it up to date; returns whether anything is another than before. */
  update(): boolean {
    const published = new Set<string>();
    for (const { name, publish } of this.options.services()) {
      if (publish.length > 0) published.add(name);
    }
    const wanted = this.members(published);
    try {
      const changed = this.settle(wanted, published.size > 0 || wanted.size > 0);
      this.problemText = '';
      return changed;
    } catch (error) {
      const text = messageOf(error);
      if (text !== this.problemText) this.options.log.error({ err: error }, `ingress: ${text}`);
      this.problemText = text;
      return false;
    }
  }

  /** Addresses on the ingress network of tasks that are on internal networks alone. */
  internalAddresses(): string[] {
    const open = this.openSandboxes();
    return this.current()
      .filter(({ isEntry, sandbox }) => !isEntry && !open.has(sandbox))
      .flatMap(({ addresses }) => addresses);
  }

  /** By sandbox, its weights in published services. */
  private members(published: ReadonlySet<string>): Map<string, Record<string, number>> {
    const members = new Map<string, Record<string, number>>();
    for (const { network, local } of this.options.networks().all()) {
      if (network.name === ingressName) continue;
      for (const { sandbox, services } of local) {
        const ours = Object.entries(services).filter(([name]) => published.has(name));
        if (network.internal && ours.length === 0) continue;
        members.set(sandbox, { ...members.get(sandbox), ...Object.fromEntries(ours) });
      }
    }
    return members;
  }

  private settle(
    members: ReadonlyMap<string, Record<string, number>>,
    isEntryWanted: boolean,
  ): boolean {
    const networks = this.options.networks();
    const wanted = new Map<string, LocalWish>();
    if (isEntryWanted) wanted.set(entryName, { sandbox: '', services: {}, isEntry: true });
    for (const [sandbox, services] of members) {
      wanted.set(ingressEndpointName(sandbox), { sandbox, services, isEntry: false });
    }
    let changed = false;
    for (const { name, services } of this.current()) {
      const wish = wanted.get(name);
      wanted.delete(name);
      if (wish !== undefined && sameWeights(wish.services, services)) continue;
      changed = true;
      if (wish === undefined) networks.detach(ingressName, name);
      else networks.change(ingressName, name, wish);
    }
    for (const [name, wish] of wanted) {
      if (networks.view(ingressName) === undefined) networks.adopt(defaultIngress);
      networks.attach({ network: ingressName, name, ...wish });
      changed = true;
    }
    return changed;
  }

  private current(): readonly LocalEndpoint[] {
    return this.options.networks().view(ingressName)?.local ?? [];
  }

  private openSandboxes(): Set<string> {
    const open = this.options
      .networks()
      .all()
      .filter(({ network }) => network.name !== ingressName && !network.internal);
    return new Set(open.flatMap(({ local }) => local.map(({ sandbox }) => sandbox)));
  }
}

type LocalWish = Pick<LocalEndpoint, 'sandbox' | 'services' | 'isEntry'>;

function sameWeights(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
