import type { Clock } from '../base/index.js';

/** setTimeout takes a signed 32-bit number and calls back at once beyond it: 24.8 days. */
const timeoutMaxMs = 2 ** 31 - 1;

/** The clock of this machine. Timers keep the process alive until they are cancelled. */
export const realClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      timer =
        restMs <= timeoutMaxMs
          ? setTimeout(callback, restMs)
          : setTimeout(() => wait(restMs - timeoutMaxMs), timeoutMaxMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
