import type { Terminal } from './terminal.js';

/** Aborted by Ctrl-C or SIGTERM, for commands that run until then. */
export function interruptSignal(terminal: Terminal): AbortSignal {
  const controller = new AbortController();
  const stop = terminal.onInterrupt(() => {
    stop();
    controller.abort();
  });
  return controller.signal;
}
