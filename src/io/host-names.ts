import { readFile, stat } from 'node:fs/promises';
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

/** The link that has this address, and its MTU in bytes; undefined when none has. */
export async function linkOf(
  address: string,
): Promise<{ readonly device: string; readonly mtu: number } | undefined> {
  for (const [link, all] of Object.entries(networkInterfaces())) {
    if (all?.some((one) => one.address === address) !== true) continue;
    return { device: link, mtu: Number(await readFile(`/sys/class/net/${link}/mtu`, 'utf8')) };
  }
  return undefined;
}

/** Tells a file from another one that has its path later; undefined when there is none. */
export async function fileIdentity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
