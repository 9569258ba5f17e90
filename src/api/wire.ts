/**
 * One message type on the wire. The messages of mesh.proto mirror the interfaces of backend.ts
 * name by name (`in_bytes_per_s` is `inBytesPerS`), so one pair of functions serves them all:
 * the compiler checks that each value fits its message, round-trip tests that nothing is lost.
 */
export interface Codec<T> {
  readonly encode: (value: T) => Buffer;
  /** Errors: Error when the bytes are not such a message. */
  readonly decode: (bytes: Uint8Array) => T;
}

/** A generated message class that can hold a T. */
interface MessageType<T> {
  readonly encode: (message: Writable<T>) => { finish(): Uint8Array };
  readonly decode: (bytes: Uint8Array) => object;
}

/** The generated types know no readonly; encoding changes nothing. */
type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

export function mirrored<T>(type: MessageType<T>): Codec<T> {
  return {
    encode: (value) => {
      const bytes = type.encode(value as Writable<T>).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode: (bytes) => plain(type.decode(bytes)) as T,
  };
}

interface Long {
  toNumber(): number;
}

/**
 * A decoded message as plain data: defaults filled in, absent optional fields left out, 64-bit
 * integers as numbers. Those above 2^53 lose their last digits; no count of ours gets there.
 */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if ('toNumber' in value) return (value as Long).toNumber();
  // The defaults are properties of the prototype, in the order of mesh.proto.
  const prototype = Object.getPrototypeOf(value) as object;
  const entries: [string, unknown][] = [];
  for (const key of new Set([...Object.keys(prototype), ...Object.keys(value)])) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== null && field !== undefined) entries.push([key, plain(field)]);
  }
  return Object.fromEntries(entries);
}
