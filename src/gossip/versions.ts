import type { MemberState, Versions } from './messages.js';

/** From which memberlist protocol on a member understands what. */
export const understands = { streamPing: 3, nack: 4, checksum: 5 } as const;

/** What we speak; what is built upon membership has no versions unless its user says so. */
export const ourVersions: Versions = {
  protocolMin: 1,
  protocolMax: 5,
  protocol: 2,
  delegateMin: 0,
  delegateMax: 0,
  delegate: 0,
};

/** Whether a member that says so of itself can be taken up at all. */
export function isSane({ protocolMin, protocolMax }: Versions): boolean {
  return protocolMin > 0 && protocolMax > 0 && protocolMin <= protocolMax;
}

/** What of a member matters here. */
type Speaker = Pick<MemberState, 'node' | 'state' | 'versions'>;

/**
 * Why the members of these lists cannot all understand each other; undefined = they can. What each
 * speaks must be within what all understand: the largest minimum and the least maximum. The dead
 * do not count, nor those of which no versions are known.
 */
export function mismatch(lists: readonly (readonly Speaker[])[]): string | undefined {
  const protocol = { min: 0, max: 255 };
  const delegate = { min: 0, max: 255 };
  for (const members of lists)
    for (const { state, versions } of members) {
      if (versions === undefined || state !== 'alive') continue;
      protocol.min = Math.max(protocol.min, versions.protocolMin);
      protocol.max = Math.min(protocol.max, versions.protocolMax);
      delegate.min = Math.max(delegate.min, versions.delegateMin);
      delegate.max = Math.min(delegate.max, versions.delegateMax);
    }
  for (const members of lists)
    for (const { node, state, versions } of members) {
      if (versions === undefined || state === 'dead' || state === 'left') continue;
      const { protocol: p, delegate: d } = versions;
      if (p < protocol.min || p > protocol.max)
        return `${node} speaks protocol ${p}, all understand ${protocol.min} to ${protocol.max}`;
      if (d < delegate.min || d > delegate.max)
        return `${node} speaks delegate protocol ${d}, all understand ${delegate.min} to ${delegate.max}`;
    }
  return undefined;
}
