import { KernelError, errno } from '../errors.js';
import { messagesOf, type Message } from './message.js';
import type { Sandbox } from './sandbox.js';
import { isInterestingNft, isInterestingRoute, nftablesGroups, routeGroups } from './watch.js';

type Interest = (message: Pick<Message, 'type' | 'body'>) => boolean;

/**
 * Calls back for changes that the sandbox's own sessions did not ask for. The returned function
 * stops it. A kernel without nf_tables announces nothing of it, and that is all.
 */
export async function watchSandbox(
  sandbox: Sandbox,
  changed: () => void,
): Promise<() => Promise<void>> {
  const stopRoutes = await listen(sandbox, 'route', routeGroups, isInterestingRoute, changed);
  try {
    const groups = nftablesGroups;
    const stopTables = await listen(sandbox, 'netfilter', groups, isInterestingNft, changed);
    return async () => {
      await stopRoutes();
      await stopTables();
    };
  } catch (error) {
    if (isWithoutNetfilter(error)) return stopRoutes;
    await stopRoutes();
    throw error;
  }
}

/** True for the refusal of a netfilter socket by a kernel that has none. */
export function isWithoutNetfilter(error: unknown): boolean {
  return error instanceof KernelError && error.errno === errno.EPROTONOSUPPORT;
}

async function listen(
  sandbox: Sandbox,
  protocol: 'route' | 'netfilter',
  groups: readonly number[],
  interest: Interest,
  changed: () => void,
): Promise<() => Promise<void>> {
  const ownPort = await sandbox.portId(protocol);
  const socket = await sandbox.listen(protocol, groups);
  socket.listen((messages, overrun) => {
    if (overrun || hasForeign(messages, ownPort, interest)) changed();
  });
  return () => socket.close();
}

function hasForeign(messages: Buffer, ownPort: number, interest: Interest): boolean {
  for (const message of messagesOf(messages)) {
    if (senderOf(messages, message) !== ownPort && interest(message)) return true;
  }
  return false;
}

/** nlmsg_pid, the last word of the header: whose request caused the change. */
function senderOf(messages: Buffer, { body }: Message): number {
  return messages.readUInt32LE(body.byteOffset - messages.byteOffset - 4);
}
