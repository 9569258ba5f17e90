import { encodeMessage, type Message } from '../../../src/catalog/index.js';
import type { Sim, SimNode } from './sim.js';

const captureMax = 200;

/**
 * A member that lies: it repeats what it overheard, forges, claims, holds rows back and sends
 * noise. It has no key but its own.
 */
export class Hostile {
  private readonly overheard: { readonly payload: Uint8Array; readonly message: Message }[] = [];

  constructor(
    private readonly sim: Sim,
    private readonly node: SimNode,
  ) {}

  hear(payload: Uint8Array, message: Message): void {
    const item = { payload, message };
    if (this.overheard.length < captureMax) this.overheard.push(item);
    else this.overheard[Math.floor(this.sim.random() * captureMax)] = item;
  }

  /** Answers a question of `from` with real rows, of which some are held back. */
  answer(from: SimNode, question: Message): void {
    if (question.type !== 'pull') return;
    const known = this.messages().flatMap((m) => (m.type === 'rows' ? m.sections : []));
    const sections = question.streams.flatMap(({ owner, network }) => {
      const section = known.findLast((s) => s.owner === owner && s.network === network);
      if (section === undefined) return [];
      const rows = section.rows.filter(() => this.sim.random() < 0.7);
      return [{ ...section, rows, base: 0, last: true }];
    });
    this.send(from, { type: 'rows', from: this.node.name, id: question.id, sections });
  }

  act(): void {
    const { random, nodes } = this.sim;
    const victim = nodes[Math.floor(random() * nodes.length)]!;
    const kind = random();
    if (kind < 0.3) this.repeat(victim);
    else if (kind < 0.6) this.forge(victim);
    else if (kind < 0.8) this.claim(victim);
    else this.noise(victim);
  }

  private repeat(victim: SimNode): void {
    const item = this.overheard[Math.floor(this.sim.random() * this.overheard.length)];
    if (item !== undefined) this.sim.deliver(this.node, victim, item.payload);
  }

  /** A new value under an old signature, and a head that leaves rows out. */
  private forge(victim: SimNode): void {
    const sections = this.messages().flatMap((m) =>
      m.type === 'rows' || m.type === 'news' ? m.sections : [],
    );
    const section = sections[Math.floor(this.sim.random() * sections.length)];
    if (section === undefined) return;
    const rows = section.rows.map((row) => {
      return { ...row, version: row.version + 1_000, value: Buffer.from('forged') };
    });
    const head = section.head && {
      ...section.head,
      version: section.head.version + 1_000,
      count: 0,
    };
    const epoch = section.epoch + (this.sim.random() < 0.5 ? 0 : 2 ** 20);
    const forged = { ...section, epoch, rows, ...(head === undefined ? {} : { head }) };
    this.send(victim, { type: 'news', sections: [forged] });
  }

  /** Has more of everybody than there is. */
  private claim(victim: SimNode): void {
    const owners = this.sim.nodes.map(({ name }) => {
      return { owner: name, epoch: 2 ** 40, version: 1_000_000 };
    });
    const networks = ['', 'blue'].map((network) => ({ network, owners }));
    this.send(victim, { type: 'digest', from: this.node.name, asks: true, networks });
  }

  private noise(victim: SimNode): void {
    const length = Math.floor(this.sim.random() * 300);
    const payload = Uint8Array.from({ length }, () => Math.floor(this.sim.random() * 256));
    payload[0] = 1;
    this.sim.deliver(this.node, victim, payload);
  }

  private messages(): Message[] {
    return this.overheard.map(({ message }) => message);
  }

  private send(to: SimNode, message: Message): void {
    this.sim.deliver(this.node, to, encodeMessage(message));
  }
}
