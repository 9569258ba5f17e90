/*
 * What nodes of ours say by way of gossip, behind a message of serf (serf.ts): a byte of our own,
 * then the kind.
 */
const mark = 0x4d; // M

const kinds = { catalog: 1, question: 2, answer: 3 } as const;
export type UserMessageKind = keyof typeof kinds;

const names = new Map<number, UserMessageKind>(
  Object.entries(kinds).map(([name, byte]) => [byte, name as UserMessageKind]),
);

export function wrapUserMessage(kind: UserMessageKind, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([mark, kinds[kind]]), payload]);
}

/** Undefined for messages of others. The payload is a view. */
export function unwrapUserMessage(
  bytes: Uint8Array,
): { readonly kind: UserMessageKind; readonly payload: Uint8Array } | undefined {
  const kind = bytes[0] === mark ? names.get(bytes[1] ?? 0) : undefined;
  return kind === undefined ? undefined : { kind, payload: bytes.subarray(2) };
}
