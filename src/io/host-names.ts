import { hostname, networkInterfaces } from 'node:os';
import type { Family } from '../model/index.js';

/** The name of this host, without its domain. */
export function hostName(): string {
  return hostname().split('.')[0]!;
}

/**
 * An address of this host that other hosts may reach, of the first family that has one.
 * `isOurs`: names of interfaces that carry addresses of the mesh itself.
 */
export function reachableAddress(
  families: readonly Family[],
  isOurs: (link: string) => boolean,
): string | undefined {
  const addresses = Object.entries(networkInterfaces()).flatMap(([link, all]) =>
    isOurs(link) ? [] : (all ?? []),
  );
  for (const family of families) {
    const found = addresses.find((one) => {
      return (
        !one.internal &&
        one.family === `IPv${family}` &&
        !/^(fe[89ab].:|169\.254\.)/i.test(one.address)
      );
    });
    if (found !== undefined) return found.address;
  }
  return undefined;
}
