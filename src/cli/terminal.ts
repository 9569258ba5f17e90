import type { Clock } from '../base/index.js';

/** The process that meshctl runs in; tests have one of their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TerminalOutput;
  readonly stderr: TerminalOutput;
  readonly clock: Clock;
  readStdin(): Promise<string>;
  /** Calls back on Ctrl-C and SIGTERM; without a listener they end the process. */
  onInterrupt(callback: () => void): () => void;
  /** Calls back with every key, unechoed; only where stdin is a terminal. */
  onKey(callback: (key: string) => void): () => void;
  /** Why the daemon cannot be reached: `ECONNREFUSED`, ...; undefined when it can. */
  probeSocket(path: string): Promise<string | undefined>;
}

export interface TerminalOutput {
  write(text: string): unknown;
  readonly isTTY: boolean;
  /** 0 when unknown. */
  readonly columns: number;
  readonly rows: number;
}
