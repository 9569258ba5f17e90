import { formatRule, type LinkRule, type Op } from '../../model/index.js';
import { u32Of } from './attributes.js';
import { decodeLink } from './link.js';
import { attributesOf, type Message } from './message.js';
import { Devices, rtm } from './rtnetlink.js';

const indexAt = 4; // In messages of links and of addresses.
const routeHeaderBytes = 12;
const routeDevice = 4; // RTA_OIF

/**
 * The devices of ours as our own Ops left them. Announcements of a device say who caused them only
 * since Linux 6.2, and never when it goes up or down, becomes a port, or takes its addresses along;
 * so those of our own doing are known by what they say.
 */
export class OwnLinks {
  private readonly left = new Map<string, LinkRule>();
  /** Made, but not yet announced as `left` says: first they are down, and port of no bridge. */
  private readonly unfinished = new Set<string>();
  /** Indexes; the kernel does not soon give them again. */
  private readonly deleted = new Set<number>();
  /** Names by index of what Ops spoke of. */
  private readonly names = new Map<number, string>();

  /** Before the Op goes to the kernel; `devices` are those that are there. */
  note(verb: Op['verb'], rule: LinkRule, devices: Devices): void {
    const { name, master } = rule;
    const index = devices.indexOf(name);
    const masterIndex = master === undefined ? undefined : devices.indexOf(master);
    if (masterIndex !== undefined) this.names.set(masterIndex, master!);
    this.unfinished.delete(name);
    if (verb === 'delete') {
      this.left.delete(name);
      if (index !== undefined) this.deleted.add(index);
      return;
    }
    this.left.set(name, rule);
    if (index !== undefined) this.deleted.delete(index);
    // The end of a pair is there before its rule is: `add` takes the steps that `set` takes.
    const isMade = verb === 'add' && index === undefined;
    if (isMade || rule.type === 'veth-end') this.unfinished.add(name);
  }

  /**
   * False for what our own Ops did to a device of ours, true for all of which that is not sure.
   * Wants to be told of what carries our port id too (`isOwn`).
   */
  isNews({ type, body }: Pick<Message, 'type' | 'body'>, isOwn: boolean): boolean {
    if (this.speaksOfDeleted(type, body)) return false;
    const isKnown = type === rtm.newLink && this.isOfOurDoing(body);
    return !isOwn && !isKnown;
  }

  private speaksOfDeleted(type: number, body: Buffer): boolean {
    if (this.deleted.size === 0 || body.length < indexAt + 4) return false;
    switch (type) {
      case rtm.newLink:
      case rtm.deleteLink:
      case rtm.deleteAddress:
        return this.deleted.has(body.readUInt32LE(indexAt));
      case rtm.deleteRoute:
        return this.deleted.has(u32Of(attributesOf(body, routeHeaderBytes), routeDevice) ?? 0);
      default:
        return false;
    }
  }

  private isOfOurDoing(body: Buffer): boolean {
    const names = [...this.names].map(([index, name]) => ({ index, name }));
    const seen = decodeLink(body, new Devices(names));
    const left = seen && this.left.get(seen.name);
    if (seen === undefined || left === undefined) return false;
    if (seen.rule !== undefined && isAs(left, seen.rule)) {
      this.unfinished.delete(seen.name);
      return true;
    }
    return this.unfinished.has(seen.name) && isOnTheWayTo(left, seen.rule);
  }
}

/** A size or MAC that was not asked for is the kernel's choice. */
function isAs({ mtu: size, mac: own, ...left }: LinkRule, seen: LinkRule): boolean {
  const mtu = size ?? seen.mtu;
  const mac = own ?? seen.mac;
  const wanted = {
    ...left,
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
  };
  return formatRule(wanted) === formatRule(seen);
}

/** What a veth device is to us is noted on it last: before, it is no rule of ours. */
function isOnTheWayTo(left: LinkRule, seen: LinkRule | undefined): boolean {
  if (seen === undefined) return left.type === 'veth' || left.type === 'veth-end';
  const { master: _none, ...rest } = left;
  if (left.type !== 'veth-end') return isAs({ ...rest, up: seen.up }, seen);
  const { mtu: _size, mac: _own, ...end } = rest;
  return isAs({ ...end, up: seen.up }, seen);
}
