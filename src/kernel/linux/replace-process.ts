import { loadNative } from './native.js';

/**
 * The process goes on as the program at `path`, under its pid and with its environment. Does not
 * return. Errors: NativeError when the program cannot be executed.
 */
export function replaceProcess(path: string, argv: readonly string[]): never {
  return loadNative().replaceProcess(path, argv);
}
