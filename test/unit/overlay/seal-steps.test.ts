import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrivateKey } from '../../../src/model/index.js';
import {
  nextSealStep,
  provenKey,
  sealDevice,
  wayTo,
  type OwnSeal,
  type Seal,
  type SealMoment,
  type SealPeer,
  type SealView,
} from '../../../src/overlay/index.js';

const key = new PrivateKey(Buffer.alloc(32, 1));

function own(generation: number, isAnnounced = true, ageMs = 0): OwnSeal {
  return { generation, key, port: 7_948, isAnnounced, ageMs };
}

function seal(node: string, generation: number): Seal {
  return { generation, publicKey: `${node}${generation}`, address: '192.0.2.1', port: 7_948 };
}

function peer(node: string, generations: readonly number[], isAway = false): SealPeer {
  return { node, isAway, seals: generations.map((generation) => seal(node, generation)) };
}

const proven = (...keys: [string, number][]): ReadonlySet<string> =>
  new Set(
    keys.map(([node, generation]) => provenKey(sealDevice(generation), `${node}${generation}`)),
  );

const hour = 3_600_000;
const moment: SealMoment = {
  isWanted: true,
  proven: new Set(),
  isSettled: true,
  rotationMs: 12 * hour,
};

describe('the next step of a node', () => {
  const table: [string, Partial<SealView>, Partial<SealMoment>, string][] = [
    ['makes the first key of all', { latest: -1 }, {}, 'make 0'],
    ['begins where the others are', { latest: 7 }, {}, 'make 7'],
    ['has none without a sealed network', { latest: 7 }, { isWanted: false }, 'nothing'],
    ['drops what is not wanted any more', { own: [own(0)] }, { isWanted: false }, 'drop 0'],
    ['is content', { own: [own(0)], peers: [peer('b', [0])] }, {}, 'nothing'],
    ['gives an old key up', { own: [own(0, true, 12 * hour)] }, {}, 'make 1'],
    ['unless told not to', { own: [own(0, true, 99 * hour)] }, { rotationMs: Infinity }, 'nothing'],
    ['follows the others', { own: [own(0)], latest: 1, peers: [peer('b', [0, 1])] }, {}, 'make 1'],
    [
      'keeps what is sent by',
      { own: [own(0), own(1)], latest: 1, peers: [peer('b', [0, 1])] },
      { proven: proven(['b', 0]) },
      'nothing',
    ],
    [
      'waits for who has no new key yet',
      { own: [own(0), own(1)], latest: 1, peers: [peer('b', [0, 1]), peer('c', [0])] },
      { proven: proven(['b', 1]) },
      'nothing',
    ],
    [
      'withdraws what is not sent by',
      { own: [own(0), own(1)], latest: 1, peers: [peer('b', [0, 1])] },
      { proven: proven(['b', 0], ['b', 1]) },
      'withdraw 0',
    ],
    [
      'not before the kernel sends otherwise',
      { own: [own(0), own(1)], latest: 1, peers: [peer('b', [0, 1])] },
      { proven: proven(['b', 1]), isSettled: false },
      'nothing',
    ],
    [
      'listens on for who still sends by it',
      { own: [own(0, false), own(1)], latest: 1, peers: [peer('b', [0, 1])] },
      { proven: proven(['b', 1]) },
      'nothing',
    ],
    [
      'drops what nobody sends by',
      { own: [own(0, false), own(1)], latest: 1, peers: [peer('b', [1]), peer('c', [])] },
      {},
      'drop 0',
    ],
    [
      'waits for who is not heard of',
      { own: [own(0), own(1, true, hour - 1)], latest: 1, peers: [peer('b', [0], true)] },
      {},
      'nothing',
    ],
    [
      'but not for ever',
      { own: [own(0), own(1, true, hour)], latest: 1, peers: [peer('b', [0], true)] },
      {},
      'withdraw 0',
    ],
    [
      'waits for ever for who is there',
      { own: [own(0), own(1, true, 99 * hour)], latest: 1, peers: [peer('b', [0])] },
      {},
      'nothing',
    ],
    [
      'does one change after the other',
      { own: [own(0), own(1, true, 99 * hour)], latest: 2, peers: [peer('b', [0, 1])] },
      { proven: proven(['b', 0]) },
      'nothing',
    ],
    ['skips what is over', { own: [own(0)], latest: 5, peers: [peer('b', [5])] }, {}, 'make 5'],
    ['begins anew', { own: [own(1)], latest: 5, peers: [peer('b', [5])] }, {}, 'drop 1'],
    [
      'takes another step where its own key is in use',
      { own: [own(1)], latest: 5, peers: [peer('b', [5]), peer('c', [1])] },
      {},
      'make 4',
    ],
  ];
  it.each(table)('%s', (_, view, at, expected) => {
    const step = nextSealStep(
      { own: [], peers: [], latest: view.own?.at(-1)?.generation ?? -1, ...view },
      { ...moment, ...at },
    );
    expect(step === undefined ? 'nothing' : `${step.kind} ${step.generation}`).toBe(expected);
  });
});

/** Nodes that hear of each other late, in order; kernels that are late too. */
class Node {
  own: OwnSeal[] = [];
  /** What it was told of each other node. */
  readonly known = new Map<string, Seal[]>();
  readonly proven = new Set<string>();
  /** What its kernel does: the keys it takes packets of, and the generation that each gets. */
  held = new Map<number, ReadonlySet<string>>();
  ways = new Map<string, number>();

  constructor(readonly name: string) {}

  view(): SealView {
    const peers = Array.from(this.known, ([node, seals]) => ({ node, isAway: false, seals }));
    const all = [...this.own, ...peers.flatMap(({ seals }) => seals)];
    const latest = Math.max(-1, ...all.map(({ generation }) => generation));
    return { own: this.own, peers, latest };
  }

  program(): void {
    const view = this.view();
    this.held = new Map(
      this.own.map(({ generation }) => {
        const ofIt = view.peers.flatMap(({ seals }) =>
          seals.filter((s) => s.generation === generation),
        );
        return [generation, new Set(ofIt.map(({ publicKey }) => publicKey))];
      }),
    );
    this.ways = new Map(
      view.peers.flatMap((one) => {
        const way = wayTo(view, one, this.proven);
        return way === undefined ? [] : [[one.node, way]];
      }),
    );
  }

  isSettled(): boolean {
    const [held, ways] = [this.held, this.ways];
    this.program();
    const same = show(held) === show(this.held) && show(ways) === show(this.ways);
    [this.held, this.ways] = [held, ways];
    return same;
  }

  /** Returns whether it did anything. */
  step(rotate: boolean): boolean {
    const isSettled = this.isSettled();
    const next = nextSealStep(this.view(), {
      ...moment,
      proven: this.proven,
      isSettled,
      rotationMs: rotate ? 0 : Infinity,
    });
    if (next === undefined) return false;
    const { kind, generation } = next;
    if (kind === 'make') this.own = [...this.own, own(generation)];
    if (kind === 'drop') this.own = this.own.filter((one) => one.generation !== generation);
    if (kind === 'withdraw') {
      this.own = this.own.map((one) =>
        one.generation === generation ? own(generation, false) : one,
      );
    }
    return true;
  }

  announced(): Seal[] {
    return this.own
      .filter(({ isAnnounced }) => isAnnounced)
      .map(({ generation }) => seal(this.name, generation));
  }
}

function show(map: ReadonlyMap<unknown, unknown>): string {
  return JSON.stringify([...map].map(([k, v]) => [k, v instanceof Set ? [...v] : v]));
}

class Mesh {
  readonly nodes: Node[];
  /** By link, what was announced and is on its way. */
  private readonly underWay = new Map<string, Seal[][]>();
  private readonly told = new Map<string, string>();

  constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_, i) => new Node('abcd'[i]!));
  }

  announce(): void {
    for (const from of this.nodes) {
      const text = JSON.stringify(from.announced());
      if (this.told.get(from.name) === text) continue;
      this.told.set(from.name, text);
      for (const to of this.nodes) {
        if (to === from) continue;
        const link = `${from.name} ${to.name}`;
        this.underWay.set(link, [...(this.underWay.get(link) ?? []), from.announced()]);
      }
    }
  }

  deliver(from: Node, to: Node): boolean {
    const next = this.underWay.get(`${from.name} ${to.name}`)?.shift();
    if (next !== undefined) to.known.set(from.name, next);
    return next !== undefined;
  }

  /** Devices of one generation that know each other find each other. */
  shake(a: Node, b: Node): boolean {
    const before = a.proven.size + b.proven.size;
    for (const [generation, keys] of a.held) {
      const [keyOfA, keyOfB] = [`${a.name}${generation}`, `${b.name}${generation}`];
      if (!keys.has(keyOfB) || b.held.get(generation)?.has(keyOfA) !== true) continue;
      a.proven.add(provenKey(sealDevice(generation), keyOfB));
      b.proven.add(provenKey(sealDevice(generation), keyOfA));
    }
    return a.proven.size + b.proven.size > before;
  }

  /** Packets that are sent and not taken. */
  lost(): string[] {
    return this.nodes.flatMap((from) =>
      this.nodes.flatMap((to) => {
        const way = from.ways.get(to.name);
        if (from === to) return [];
        if (way === undefined) return [`${from.name} has no way to ${to.name}`];
        if (to.held.get(way)?.has(`${from.name}${way}`) === true) return [];
        return [`${from.name} sends to ${to.name} by ${way}`];
      }),
    );
  }

  /** Until nobody has anything to do. */
  settle(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const node of this.nodes) {
        node.program();
        isBusy = node.step(false) || isBusy;
        node.program();
      }
      this.announce();
      for (const from of this.nodes) {
        for (const to of this.nodes) while (this.deliver(from, to)) isBusy = true;
      }
      for (const a of this.nodes) {
        for (const b of this.nodes) isBusy = (a !== b && this.shake(a, b)) || isBusy;
      }
    }
  }
}

describe('keys of a mesh', () => {
  it('change without a packet lost, whatever comes late', () => {
    const act = fc.record({
      kind: fc.constantFrom('deliver', 'program', 'step', 'shake', 'rotate'),
      a: fc.nat(3),
      b: fc.nat(3),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.array(act, { minLength: 200, maxLength: 400 }),
        (count, acts) => {
          const mesh = new Mesh(count);
          mesh.settle();
          expect(mesh.lost()).toEqual([]);
          for (const { kind, a, b } of acts) {
            const [one, other] = [mesh.nodes[a % count]!, mesh.nodes[b % count]!];
            if (kind === 'deliver' && one !== other) mesh.deliver(one, other);
            if (kind === 'program') one.program();
            if (kind === 'step') one.step(false);
            if (kind === 'rotate') one.step(true);
            if (kind === 'shake' && one !== other) mesh.shake(one, other);
            mesh.announce();
            expect(mesh.lost()).toEqual([]);
          }
          mesh.settle();
          expect(mesh.lost()).toEqual([]);
          const generations = mesh.nodes.map((node) =>
            node.own.map(({ generation }) => generation),
          );
          expect(new Set(generations.map(String)).size).toBe(1);
          expect(generations[0]).toHaveLength(1);
        },
      ),
      { numRuns: 100 },
    );
  });
});
