/** Looks for keys where none may be. */
export class Secrets {
  private readonly needles: Buffer[] = [];

  constructor(private readonly found: (problem: string) => void) {}

  add(key: Buffer): void {
    // Inside of a longer text the padding is missing.
    const text = key.toString('base64').replace(/=+$/, '');
    this.needles.push(key, Buffer.from(text), Buffer.from(key.toString('hex')));
  }

  look(bytes: Uint8Array): void {
    const hay = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const needle of this.needles) {
      if (hay.includes(needle)) this.found(`a key in the clear: ${hay.toString('latin1')}`);
    }
  }
}
