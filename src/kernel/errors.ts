import { MeshError, type ErrorCode } from '../base/index.js';

/** errno values the kernel layer speaks of (asm-generic/errno*.h). */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113,
} as const;

const names = new Map<number, string>(Object.entries(errno).map(([name, value]) => [value, name]));

export function errnoName(value: number): string {
  return names.get(value) ?? `errno ${value}`;
}

/** A refusal by the kernel: what was asked, of which sandbox, and the errno. */
export class KernelError extends MeshError {
  readonly errno: number;

  constructor(action: string, value: number, detail?: string) {
    super(
      codeOf(value),
      `${action}: ${detail ?? explanations.get(value) ?? 'refused'} (${errnoName(value)})`,
    );
    this.name = 'KernelError';
    this.errno = value;
  }
}

/** True when the object is not there. IPVS says ESRCH where others say ENOENT (ip_vs_ctl.c). */
export function isNotFound(error: unknown): boolean {
  if (!(error instanceof KernelError)) return false;
  const { ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL } = errno;
  return [ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL].includes(error.errno as never);
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KernelError && error.errno === errno.EEXIST;
}

const explanations = new Map<number, string>([
  [errno.EPERM, 'CAP_NET_ADMIN is missing'],
  [errno.EACCES, 'permission denied'],
  [errno.ENOENT, 'not found'],
  [errno.ESRCH, 'not found'],
  [errno.ENODEV, 'no such device'],
  [errno.EEXIST, 'exists already'],
  [errno.EINVAL, 'the kernel refused an argument'],
  [errno.EBUSY, 'busy'],
  [errno.ENOMEM, 'the kernel has no memory for it'],
  [errno.ENOBUFS, 'the socket buffer overflowed'],
  [errno.EOPNOTSUPP, 'this kernel does not support it'],
  [errno.EPROTONOSUPPORT, 'this kernel has no such protocol'],
  [errno.EAFNOSUPPORT, 'this kernel has no such address family'],
  [errno.EADDRINUSE, 'another socket has the port'],
  [errno.EADDRNOTAVAIL, 'no such address'],
]);

function codeOf(value: number): ErrorCode {
  switch (value) {
    case errno.EPERM:
    case errno.EACCES:
      return 'permission_denied';
    case errno.ENOENT:
    case errno.ESRCH:
    case errno.ENODEV:
    case errno.EADDRNOTAVAIL:
      return 'not_found';
    case errno.EEXIST:
      return 'already_exists';
    case errno.EINVAL:
    case errno.ERANGE:
      return 'invalid_argument';
    case errno.EOPNOTSUPP:
    case errno.EPROTONOSUPPORT:
    case errno.EAFNOSUPPORT:
    case errno.EADDRINUSE:
      return 'failed_precondition';
    case errno.ENOMEM:
    case errno.ENOBUFS:
    case errno.ENOSPC:
      return 'resource_exhausted';
    case errno.EAGAIN:
    case errno.EBUSY:
      return 'unavailable';
    default:
      return 'internal';
  }
}
