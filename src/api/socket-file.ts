import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { MeshError, messageOf, type Log } from '../base/index.js';

/** Until it is handed to the group, nobody but its owner may connect. */
export const privateUmask = 0o177;

/** Owner and group may connect: that takes write permission (unix(7)). */
const socketMode = 0o660;

/**
 * Makes `path` free to listen on: makes its directory, removes the socket file of a dead daemon.
 * Errors: already_exists when a process listens there, failed_precondition when it is no socket.
 */
export async function claimSocketFile(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new MeshError(
      'failed_precondition',
      `listen on ${path}: the file exists and is no socket`,
    );
  }
  if (await isListening(path)) {
    throw new MeshError('already_exists', `listen on ${path}: another process listens there`);
  }
  unlinkSync(path);
}

/** Only "connection refused" proves that nobody is there; any other failure counts as somebody. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

/** Lets the members of `group` connect; without such a group only the owner may. */
export function shareSocketFile(path: string, group: string, log: Log): void {
  const gid = groupId(group);
  if (gid === undefined) {
    log.warn({ path, group }, 'no such group: only root can use the socket');
    return;
  }
  try {
    chownSync(path, -1, gid);
    chmodSync(path, socketMode);
  } catch (error) {
    log.warn({ path, group, error: messageOf(error) }, 'the group cannot use the socket');
  }
}

/** From /etc/group (group(5)); Node.js has no getgrnam. A number stands for itself. */
function groupId(group: string): number | undefined {
  if (/^[0-9]+$/.test(group)) return Number(group);
  let text: string;
  try {
    text = readFileSync('/etc/group', 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.split('\n').map((line) => line.split(':'));
  const id = fields.find(([name]) => name === group)?.[2];
  return id === undefined || !/^[0-9]+$/.test(id) ? undefined : Number(id);
}
