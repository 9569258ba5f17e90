import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { FieldError, MeshError, messageOf, type ErrorCode } from '../base/index.js';

/** The one table of codes: what each is on the wire. */
const statusOf: Readonly<Record<ErrorCode, status>> = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  // As for a transaction that lost: read again, then retry.
  conflict: status.ABORTED,
  failed_precondition: status.FAILED_PRECONDITION,
  permission_denied: status.PERMISSION_DENIED,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  aborted: status.ABORTED,
  data_loss: status.DATA_LOSS,
  internal: status.INTERNAL,
};

/** Statuses that no code of ours has; gRPC itself or another server sends them. */
const foreignStatuses = new Map<status, ErrorCode>([
  [status.CANCELLED, 'aborted'],
  [status.UNIMPLEMENTED, 'failed_precondition'],
  [status.UNAUTHENTICATED, 'permission_denied'],
  [status.OUT_OF_RANGE, 'invalid_argument'],
]);

const codeKey = 'meshd-code';
/** Binary, because names that users choose need not be ASCII. */
const fieldKey = 'meshd-field-bin';

/** HTTP/2 stacks refuse header lists of more than some 16 KiB. Unit: characters. */
const messageMax = 4_000;

/** The status of anything that was thrown; what is no MeshError is `internal`. */
export function toStatus(error: unknown): StatusObject {
  const code = error instanceof MeshError ? error.code : 'internal';
  const metadata = new Metadata();
  metadata.set(codeKey, code);
  if (error instanceof FieldError) metadata.set(fieldKey, Buffer.from(error.field));
  const message = messageOf(error);
  const details = message.length > messageMax ? `${message.slice(0, messageMax)} ...` : message;
  return { code: statusOf[code], details, metadata };
}

/** The error that `toStatus` was given, as far as the wire carries it. */
export function fromStatus(error: ServiceError): MeshError {
  const { code, details, metadata } = error;
  const field = metadata.get(fieldKey)[0];
  if (Buffer.isBuffer(field)) {
    const prefix = `${field.toString()}: `;
    const problem = details.startsWith(prefix) ? details.slice(prefix.length) : details;
    return new FieldError(field.toString(), problem);
  }
  return new MeshError(codeOf(code, metadata.get(codeKey)[0]), details, { cause: error });
}

function codeOf(value: status, named: unknown): ErrorCode {
  const codes = Object.entries(statusOf) as [ErrorCode, status][];
  const code =
    codes.find(([code]) => code === named) ?? codes.find(([, status]) => status === value);
  return code?.[0] ?? foreignStatuses.get(value) ?? 'internal';
}
