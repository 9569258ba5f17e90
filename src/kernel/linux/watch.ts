/**
 * What the kernel announces on its own, and which of it can concern us. Groups are numbers
 * (RTNLGRP_*, linux/rtnetlink.h; NFNLGRP_*, linux/netfilter/nfnetlink.h), not masks.
 *
 * Neighbor messages are not listened to: they come with every ARP exchange, and ours are
 * permanent. FDB entries come by the same group. Both are looked at in every full observation.
 */
import { attributesOf, type Message } from './message.js';
import { nft, ownNftAttributes } from './nftables-message.js';
import { af, rtm } from './rtnetlink.js';

/** Links, IPv4 and IPv6: addresses, routes, policy rules. */
export const routeGroups: readonly number[] = [1, 5, 7, 8, 9, 11, 19];
/** NFNLGRP_NFTABLES. */
export const nftablesGroups: readonly number[] = [7];

const wirelessAttribute = 11; // IFLA_WIRELESS
const cloned = 0x200; // RTM_F_CLONED
const routeFlagsAt = 8;
const routeHeaderBytes = 12;
const routeProtocolAt = 5;
const protocolKernel = 2; // RTPROT_KERNEL
const linkHeaderBytes = 16;
const addressHeaderBytes = 8;
const addressScopeAt = 3;
const scopeLink = 253; // RT_SCOPE_LINK

/** False for messages that change nothing we look at; true for all of which that is not sure. */
export function isInterestingRoute(message: Pick<Message, 'type' | 'body'>): boolean {
  const { type, body } = message;
  switch (type) {
    case rtm.newLink:
    case rtm.deleteLink:
      return isInterestingLink(body);
    case rtm.newRoute:
    case rtm.deleteRoute:
      return isInterestingRouteBody(body);
    case rtm.newAddress:
    case rtm.deleteAddress:
      // Those of link scope are neither rules nor sources; the kernel makes them as devices go up.
      return body.length < addressHeaderBytes || body[addressScopeAt] !== scopeLink;
    case rtm.newRule:
    case rtm.deleteRule:
      return true;
    default:
      return false;
  }
}

/** True for changes of our own tables; those of others come by the same group. */
export function isInterestingNft(message: Pick<Message, 'type' | 'body'>): boolean {
  if (message.type === nft.newGeneration) return false;
  return ownNftAttributes(message.body) !== undefined;
}

/**
 * Caches of IPv6 (path MTU, redirects) are announced like routes. Those that the kernel makes come
 * with an address or a device that is announced itself, and never with our port id.
 */
function isInterestingRouteBody(body: Buffer): boolean {
  if (body.length < routeHeaderBytes) return true;
  if (body[routeProtocolAt] === protocolKernel) return false;
  return (body.readUInt32LE(routeFlagsAt) & cloned) === 0;
}

/** Bridges tell of the learning state of their ports, wireless devices of every scan. */
function isInterestingLink(body: Buffer): boolean {
  if (body.length < linkHeaderBytes) return true;
  if (body[0] === af.bridge) return false;
  return !attributesOf(body, linkHeaderBytes).has(wirelessAttribute);
}
