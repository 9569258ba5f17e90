import { KernelError, errno } from '../errors.js';
import { messagesOf, type Message } from './message.js';
import type { OwnLinks } from './own-links.js';
import type { NativeSocket, ProtocolName, Sandbox } from './sandbox.js';
import { isInterestingNft, isInterestingRoute, nftablesGroups, routeGroups } from './watch.js';

/**
 * Calls back for changes of links, addresses, routes, policy rules and our nftables tables that our
 * own Ops did not cause. Announcements that were lost count as such a change: of a very large
 * batch our own may be among them. A kernel without netfilter announces nothing of it, and that is
 * all. The returned function stops it.
 * Errors: KernelError when a socket cannot be opened.
 */
export async function watchSandbox(
  sandbox: Sandbox,
  ownLinks: OwnLinks,
  changed: () => void,
): Promise<() => Promise<void>> {
  const sockets: NativeSocket[] = [];
  const stop = async (): Promise<void> => {
    for (const socket of sockets.splice(0)) await socket.close();
  };
  const listen = async (
    protocol: ProtocolName,
    groups: readonly number[],
    isNews: (message: Message, isOwn: boolean) => boolean,
  ): Promise<void> => {
    const socket = await sandbox.listen(protocol, groups);
    sockets.push(socket);
    const concernsUs = (message: Message): boolean =>
      isNews(message, sandbox.isOwnPort(protocol, message.portId));
    socket.listen((messages, overrun) => {
      if (overrun || hasAny(messages, concernsUs)) changed();
    });
  };
  try {
    await listen('route', routeGroups, (each, isOwn) => {
      return isInterestingRoute(each) && ownLinks.isNews(each, isOwn);
    });
    await listen('netfilter', nftablesGroups, (each, isOwn) => !isOwn && isInterestingNft(each));
  } catch (error) {
    if (!isWithoutNetfilter(error)) {
      await stop();
      throw error;
    }
  }
  return stop;
}

/** True for the refusal of a netfilter socket by a kernel that has none. */
export function isWithoutNetfilter(error: unknown): boolean {
  return error instanceof KernelError && error.errno === errno.EPROTONOSUPPORT;
}

/** Looks at all of them: what is news may depend on what was seen before. */
function hasAny(messages: Buffer, wanted: (message: Message) => boolean): boolean {
  let found = false;
  for (const message of messagesOf(messages)) if (wanted(message)) found = true;
  return found;
}
