/** Why an operation failed. The set is closed: scripts and other programs match on it. */
export type ErrorCode =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'conflict'
  | 'failed_precondition'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'aborted'
  | 'data_loss'
  | 'internal';

/**
 * An error a user or a caller may act upon.
 *
 * The message is lower case, has no final period, and says what failed, on what, then why:
 * `add destination 10.0.0.11:80 to 10.96.0.1:80/tcp: service not found (ESRCH)`.
 */
export class MeshError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MeshError';
    this.code = code;
  }
}

/** A mistake in what the user wrote: names the field and, where there is one, the place. */
export class FieldError extends MeshError {
  /** Path of the field as the user would write it: `services[2].ports[0].port`. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super('invalid_argument', `${field}: ${problem}`);
    this.name = 'FieldError';
    this.field = field;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A broken invariant of our own: the process must not go on. Never reachable by input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
