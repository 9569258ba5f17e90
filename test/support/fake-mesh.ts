import type {
  Convergence,
  KeyChange,
  MeshControl,
  MeshStatus,
  NodeKeys,
  NodeState,
  PathReport,
  PathState,
  PathVerdict,
  RowDifference,
} from '../../src/api/index.js';

const node = {
  address: '192.0.2.11:7946',
  state: 'alive',
  version: '0.1.0',
  isSelf: false,
  incarnation: 1,
  services: 2,
  converged: true,
} as const;

/** Of a way that carries everything. */
export const goodPath: PathState = {
  node: 'b',
  verdict: 'ok',
  mtu: 1_450,
  peerMtu: 1_450,
  rttMs: 0.5,
  sent: 1_204,
  lost: 3,
  smallLoss: 0,
  largeLoss: 0.0625,
  smallAgeMs: 800,
  largeAgeMs: 801,
};

const [first, second] = ['0123456789abcdef', 'fedcba9876543210'];

/** The other nodes, in memory. */
export class FakeMesh implements MeshControl {
  readonly asked: unknown[] = [];
  /** Nodes that do not have the newest services: one answer after the other, the last for ever. */
  lacking: (readonly string[])[] = [[]];
  differences: readonly RowDifference[] = [];
  keyProblem: string | undefined;
  pathStates: readonly PathState[] = [
    goodPath,
    { ...goodPath, node: 'c', verdict: 'lost out', lost: 60, smallLoss: 1, largeLoss: 1 },
  ];
  pathProblem: string | undefined;
  /** What others say of the way to this node. */
  readonly saidOfPath = new Map<string, PathVerdict | 'unknown question'>();
  statusExtras: Partial<MeshStatus> = {};

  nodes(): readonly NodeState[] {
    const { converged: _, ...self } = node;
    const { version: __, ...stranger } = self;
    return [
      { ...self, name: 'a', isSelf: true, services: 3 },
      this.withPath({ ...node, name: 'b', address: '192.0.2.12:7946', incarnation: 4 }),
      this.withPath({
        ...node,
        name: 'c',
        address: '[fd00::13]:7946',
        state: 'suspect',
        converged: false,
      }),
      { ...stranger, name: 'consul-1', address: '192.0.2.20:8301', services: 0 },
      { ...stranger, name: 'd', version: '0.1.0', state: 'failed', services: 0 },
    ];
  }

  paths(): PathReport {
    const { pathProblem: problem, pathStates: states } = this;
    return { port: 7_951, states, ...(problem === undefined ? {} : { problem }) };
  }

  askPath(node: string): Promise<PathVerdict | undefined> {
    const said = this.saidOfPath.get(node);
    if (said === 'unknown question') {
      return Promise.reject(new Error(`node ${node}: does not know the question "path"`));
    }
    return said === undefined ? Promise.reject(new Error('no answer')) : Promise.resolve(said);
  }

  private withPath(state: NodeState): NodeState {
    const path = this.pathStates.find(({ node: name }) => name === state.name);
    return path === undefined ? state : { ...state, path };
  }

  status(): MeshStatus {
    return {
      node: 'a',
      address: '192.0.2.11:7946',
      profile: 'lan',
      label: '',
      key: first,
      hasLeft: false,
      alive: 5,
      suspect: 0,
      failed: 0,
      left: 0,
      healthScore: 0,
      version: 17,
      lacking: [],
      lagMs: 0,
      lastLagMs: 212.4,
      unserved: [],
      rows: 12,
      rowBytes: 5_432,
      sentBytesPerS: 310.7,
      receivedBytesPerS: 298.2,
      streamBytesPerS: 0,
      conflicts: [],
      disputed: [],
      queues: [
        { name: 'broadcasts', value: 0 },
        { name: 'userBroadcasts', value: 2 },
      ],
      counters: [
        { name: 'packetsSent', value: 900 },
        { name: 'dropped', reason: 'undecryptable', value: 0 },
      ],
      ...this.statusExtras,
    };
  }

  forget(node: string): void {
    this.asked.push({ forget: node });
  }

  leave(): Promise<void> {
    this.asked.push('leave');
    return Promise.resolve();
  }

  changeKeys(change: KeyChange): Promise<readonly NodeKeys[]> {
    this.asked.push(change);
    const fingerprints = [first, second];
    const problem = this.keyProblem;
    return Promise.resolve([
      { node: 'a', fingerprints },
      problem === undefined
        ? { node: 'b', fingerprints }
        : { node: 'b', fingerprints: [], problem },
    ]);
  }

  compareWith(): Promise<readonly RowDifference[]> {
    return Promise.resolve(this.differences);
  }

  convergence(version = 17): Convergence {
    const lack = this.lacking.length > 1 ? this.lacking.shift()! : this.lacking[0]!;
    return { version, have: [], lack };
  }
}
