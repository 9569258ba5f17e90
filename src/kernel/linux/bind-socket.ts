import { KernelError } from '../errors.js';
import { isNativeError, loadNative, type BindSocketOptions } from './native.js';

/**
 * A bound socket in a network namespace: a descriptor for `dgram` or `net`.
 * Errors: KernelError EADDRINUSE, EADDRNOTAVAIL, ENOENT (the namespace is gone) and others.
 */
export async function bindSocket(options: BindSocketOptions): Promise<number> {
  try {
    return await loadNative().bindSocket(options);
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const { type, address, port, netns = 'host' } = options;
    const what = `bind ${type} ${address} port ${port} in ${netns}`;
    throw new KernelError(what, error.errno, error.message);
  }
}
