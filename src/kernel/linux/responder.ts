import { loadNative, type MissedQuery, type Responder } from './native.js';

/** Answers queries for names on a thread of its own. Errors: NativeError when it has no thread. */
export function openResponder(missed: (queries: readonly MissedQuery[]) => void): Responder {
  const native = loadNative();
  return new native.Responder(missed);
}
