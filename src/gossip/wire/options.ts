import { type Keyring } from './keyring.js';
import { type Label, labelOf } from './label.js';
import { randomNonce, type SealVersion } from './seal.js';

/** How a cluster wraps its messages. */
export interface WireOptions {
  readonly label: Label;
  /** Absent = plain text. */
  readonly keyring: Keyring | undefined;
  /** Whether plain text is refused; only with a keyring. */
  readonly verifyIncoming: boolean;
  /** Whether we seal; only with a keyring. Both false while a live cluster is given keys. */
  readonly verifyOutgoing: boolean;
  /** Whether we compress; what others compress is always read. */
  readonly compress: boolean;
  /** 0 for members of protocol version 1; both are always read. */
  readonly sealVersion: SealVersion;
  /** 12 bytes, never the same twice with one key. */
  readonly nonce: () => Uint8Array;
}

/** What is not given is as memberlist has it: no label, no keys, compressed. Errors: invalid_argument. */
export function wireOptions(
  given: Partial<Omit<WireOptions, 'label'>> & { readonly label?: string },
): WireOptions {
  return {
    keyring: undefined,
    verifyIncoming: true,
    verifyOutgoing: true,
    compress: true,
    sealVersion: 1,
    nonce: randomNonce,
    ...given,
    label: labelOf(given.label ?? ''),
  };
}
