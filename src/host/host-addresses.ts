import type { HostAddress } from '../kernel/index.js';
import { OnLink } from '../rules/index.js';

/** The addresses that the host has without us. */
export class HostAddresses {
  /** Without loopback and link-local addresses, which others cannot answer to. */
  readonly onLink: OnLink;
  private readonly byAddress: ReadonlyMap<string, HostAddress>;

  constructor(addresses: readonly HostAddress[]) {
    this.onLink = new OnLink(addresses.filter(({ scope }) => scope === 'global'));
    this.byAddress = new Map(addresses.map((one) => [one.address, one]));
  }

  has(address: string): boolean {
    return this.byAddress.has(address);
  }

  /**
   * Why a service with these VIPs is kept out of the kernel: calls to the host itself would go to
   * the service. Undefined when nothing stands against it.
   */
  reasonAgainst(vips: readonly string[]): string | undefined {
    const taken = vips.map((vip) => this.byAddress.get(vip)).find((host) => host !== undefined);
    return taken === undefined ? undefined : `${taken.address} is an address of ${taken.device}`;
  }
}
