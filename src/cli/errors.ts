import { FieldError, MeshError, messageOf, type ErrorCode } from '../base/index.js';
import { printable } from './table.js';
import type { Terminal } from './terminal.js';

/** What scripts can trust; `meshctl --help` lists it. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  conflict: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command line itself is wrong. */
export class UsageError extends Error {}

/** A way to end without an error to print: everything has been said. */
export class Exit extends Error {
  constructor(readonly exitCode: ExitCode) {
    super(`exit ${exitCode}`);
  }
}

const exitCodeOf: Readonly<Record<ErrorCode, ExitCode>> = {
  invalid_argument: exitCodes.failed,
  not_found: exitCodes.notFound,
  already_exists: exitCodes.conflict,
  conflict: exitCodes.conflict,
  failed_precondition: exitCodes.conflict,
  aborted: exitCodes.conflict,
  permission_denied: exitCodes.failed,
  resource_exhausted: exitCodes.failed,
  unavailable: exitCodes.unreachable,
  deadline_exceeded: exitCodes.failed,
  data_loss: exitCodes.failed,
  internal: exitCodes.failed,
};

/** Prints `meshctl: CODE: message` and, where something can be done, `hint: ...`. */
export async function reportError(
  error: unknown,
  terminal: Terminal,
  socketPath: string,
): Promise<ExitCode> {
  const print = (code: string, message: string, hint?: string): void => {
    const lines = message.split('\n').map(printable).join('\n');
    terminal.stderr.write(`meshctl: ${code}: ${lines}\n`);
    if (hint !== undefined) terminal.stderr.write(`hint: ${hint}\n`);
  };
  if (error instanceof Exit) return error.exitCode;
  if (error instanceof UsageError) {
    print('usage', error.message, 'meshctl --help');
    return exitCodes.usage;
  }
  if (!(error instanceof MeshError)) {
    print('internal', messageOf(error));
    return exitCodes.failed;
  }
  const reason = error.code === 'unavailable' ? await terminal.probeSocket(socketPath) : undefined;
  if (reason !== undefined) {
    const { code, message, hint } = unreachable(reason, socketPath);
    print(code, message, hint);
    return exitCodes.unreachable;
  }
  print(error.code, error.message, hintOf(error));
  return exitCodeOf[error.code];
}

function unreachable(reason: string, path: string) {
  const message = `connect to ${path}`;
  switch (reason) {
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'permission_denied',
        message: `${message}: permission denied (${reason})`,
        hint: 'join the group meshd, or run meshctl as root: usermod -aG meshd $USER',
      };
    case 'ENOENT':
    case 'ECONNREFUSED':
      return {
        code: 'unavailable',
        message: `${message}: the daemon is not running (${reason})`,
        hint: 'systemctl start meshd; another socket: --socket PATH or MESHD_SOCKET',
      };
    default:
      return { code: 'unavailable', message: `${message}: ${reason}`, hint: undefined };
  }
}

function hintOf(error: MeshError): string | undefined {
  if (error instanceof FieldError) return undefined;
  if (error.code === 'not_found' && error.message.startsWith('service ')) {
    return 'meshctl service ls';
  }
  if (error.code === 'conflict') return 'somebody else changed it: read it again, then retry';
  return undefined;
}
