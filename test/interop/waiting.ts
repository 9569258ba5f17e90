/** Lines as they come, and a way to wait for one. */
export class Lines {
  readonly all: string[] = [];
  private readonly waiting = new Set<() => void>();

  add(line: string): void {
    this.all.push(line);
    for (const look of this.waiting) look();
  }

  /** Resolves with the first line at or after place `from` that matches. */
  line(pattern: RegExp, from = 0, withinMs = 30_000): Promise<string> {
    return new Promise((resolve, reject) => {
      let place = from;
      const end = (): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
      };
      const look = (): void => {
        for (; place < this.all.length; place++) {
          const line = this.all[place]!;
          if (!pattern.test(line)) continue;
          end();
          resolve(line);
          return;
        }
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`no line ${pattern} in ${withinMs} ms, but:\n${this.all.join('\n')}`));
      }, withinMs);
      this.waiting.add(look);
      look();
    });
  }
}

/** Asks again until the answer is right; for what tells nobody when it changes. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  isRight: (answer: T) => boolean,
  withinMs = 30_000,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > endMs) {
      throw new Error(`${what}: not in ${withinMs} ms; last: ${JSON.stringify(answer)}`);
    }
    await new Promise((next) => setTimeout(next, 100));
  }
}
