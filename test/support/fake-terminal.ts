import { realClock } from '../../src/io/index.js';
import type { Terminal, TerminalOutput } from '../../src/cli/index.js';
import { epoch } from './fake-states.js';

class Capture implements TerminalOutput {
  text = '';
  isTTY = false;
  columns = 0;
  rows = 0;
  private readonly waiting: { pattern: RegExp; resolve: () => void }[] = [];

  write(text: string): void {
    this.text += text;
    for (const each of [...this.waiting]) {
      if (!each.pattern.test(this.text)) continue;
      this.waiting.splice(this.waiting.indexOf(each), 1);
      each.resolve();
    }
  }

  /** Resolves when what was written matches. */
  until(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ pattern, resolve }));
  }
}

/** A process without a process: what it prints is kept, what it is sent comes from the test. */
export class FakeTerminal implements Terminal {
  readonly stdout = new Capture();
  readonly stderr = new Capture();
  env: Record<string, string | undefined> = {};
  stdin = '';
  unreachable: string | undefined;
  /** Timers are real, the time of day is ten seconds after all that the samples say. */
  readonly clock = { ...realClock, wallMs: () => epoch + 10_000 };
  private readonly interrupts = new Set<() => void>();
  private readonly keys = new Set<(key: string) => void>();

  readStdin(): Promise<string> {
    return Promise.resolve(this.stdin);
  }

  onInterrupt(callback: () => void): () => void {
    this.interrupts.add(callback);
    return () => void this.interrupts.delete(callback);
  }

  onKey(callback: (key: string) => void): () => void {
    this.keys.add(callback);
    return () => void this.keys.delete(callback);
  }

  probeSocket(): Promise<string | undefined> {
    return Promise.resolve(this.unreachable);
  }

  interrupt(): void {
    for (const callback of [...this.interrupts]) callback();
  }

  press(key: string): void {
    for (const callback of [...this.keys]) callback(key);
  }
}
