import type {
  Convergence,
  KeyChange,
  MeshControl,
  MeshStatus,
  NodeKeys,
  NodeState,
  PathReport,
  PathVerdict,
  RowDifference,
} from '../api/index.js';
import { FieldError, MeshError, messageOf } from '../base/index.js';
import { fingerprintOf, parseKey, type MemberState } from '../gossip/index.js';
import { formatEndpoint } from '../model/index.js';
import { mirrored, pathVerdicts } from '../paths/index.js';
import { compareRows, rowList, type RowMark } from './catalog-diff.js';
import { checkKeyStep } from './key-steps.js';
import type { NodeKeyChange } from './keys.js';
import { versionOf } from './member-meta.js';
import type { MeshNode } from './mesh-node.js';
import { meshStatus } from './mesh-status.js';
import { Rates } from './rates.js';

const stateWords = { alive: 'alive', suspect: 'suspect', dead: 'failed', left: 'left' } as const;

/** Between two looks at the counters, and how many of them are kept. */
const rateIntervalMs = 1_000;
const rateSamples = 6;

/** What callers of the API see of the mesh, and do to it. */
export class Control implements MeshControl {
  private readonly rates = new Rates(rateIntervalMs, rateSamples);
  private cancel: () => void = () => undefined;

  constructor(private readonly node: MeshNode) {}

  start(): void {
    const { clock } = this.node.options;
    const { sentBytes, receivedBytes, streamBytes } = this.node.gossip.counters;
    this.rates.note(clock.now(), { sentBytes, receivedBytes, streamBytes });
    this.cancel = clock.after(rateIntervalMs, () => this.start());
  }

  stop(): void {
    this.cancel();
  }

  nodes(): NodeState[] {
    const { node } = this;
    const { lack } = node.catalog.acknowledged(node.catalog.version);
    const paths = new Map(node.paths().states.map((path) => [path.node, path]));
    return [...node.gossip.members()].sort(byName).map((member): NodeState => {
      const version = versionOf(member.meta);
      const isSelf = member.node === node.options.name;
      const path = paths.get(member.node);
      const isLive = member.state === 'alive' || member.state === 'suspect';
      return {
        name: member.node,
        address: formatEndpoint(member.at.address, member.at.port),
        state: stateWords[member.state],
        ...(version === undefined ? {} : { version }),
        isSelf,
        incarnation: member.incarnation,
        services: node.services.countOf(member.node),
        ...(isSelf || version === undefined || !isLive
          ? {}
          : { converged: !lack.includes(member.node) }),
        ...(path === undefined ? {} : { path }),
      };
    });
  }

  status(): MeshStatus {
    return meshStatus(this.node, this.nodes(), this.rates);
  }

  forget(name: string): void {
    const { catalog, options } = this.node;
    if (name === options.name) throw new FieldError('node', `${name} is this one`);
    if (!catalog.disputed.has(name)) {
      const problem = 'nobody uses this name with another key than its own';
      throw new MeshError('failed_precondition', `node ${name}: ${problem}`);
    }
    this.node.forgetKey(name);
  }

  leave(): Promise<void> {
    return this.node.leave();
  }

  /** Each step may be repeated, as after one that some nodes did not answer. */
  async changeKeys(change: KeyChange): Promise<NodeKeys[]> {
    const wanted = checked(change);
    if (wanted.action !== 'use' && wanted.action !== 'remove') return this.askKeys(wanted);
    const { action, fingerprint } = wanted;
    const nodes = await this.askKeys({ action: 'list' });
    checkKeyStep(action, fingerprint, nodes);
    const having = new Set(
      nodes
        .filter(({ fingerprints }) => fingerprints.includes(fingerprint))
        .map(({ node }) => node),
    );
    const told = await this.askKeys(wanted, ({ name }) => having.has(name));
    return [...told, ...nodes.filter(({ node }) => !having.has(node))].sort(byNode);
  }

  async compareWith(node: string): Promise<RowDifference[]> {
    if (node === this.node.options.name) throw new FieldError('node', `${node} is this one`);
    const theirs = (await this.node.questions.ask(node, 'rows', {})) as RowMark[];
    return compareRows(rowList(this.node.catalog.view()), theirs);
  }

  convergence(version = this.node.catalog.version): Convergence {
    return { version, ...this.node.catalog.acknowledged(version) };
  }

  paths(): PathReport {
    return this.node.paths();
  }

  async askPath(node: string): Promise<PathVerdict | undefined> {
    const answer = await this.node.questions.ask(node, 'path', this.node.options.name);
    const verdict = pathVerdicts.find((one) => one === answer);
    return verdict === undefined ? undefined : mirrored(verdict);
  }

  /** The same change on all live nodes, or those of them that are chosen. */
  private askKeys(
    change: NodeKeyChange,
    isChosen: (node: NodeState) => boolean = () => true,
  ): Promise<NodeKeys[]> {
    const live = this.nodes().filter(({ version, state }) => {
      return version !== undefined && (state === 'alive' || state === 'suspect');
    });
    const ask = async ({ name: node }: NodeState): Promise<NodeKeys> => {
      try {
        const answer = await this.node.questions.ask(node, 'keys', change);
        return { node, fingerprints: answer as string[] };
      } catch (error) {
        return { node, fingerprints: [], problem: messageOf(error) };
      }
    };
    return Promise.all(live.filter(isChosen).map(ask));
  }
}

/** Errors: FieldError. */
function checked({ action, key, fingerprint }: KeyChange): NodeKeyChange {
  switch (action) {
    case 'list':
      return { action };
    case 'install':
      try {
        fingerprintOf(parseKey(key ?? ''));
      } catch (error) {
        throw new FieldError('key', messageOf(error));
      }
      return { action, key: key! };
    case 'use':
    case 'remove':
      if (fingerprint !== undefined && /^[0-9a-f]{16}$/.test(fingerprint))
        return { action, fingerprint };
      throw new FieldError('fingerprint', 'expected 16 hexadecimal digits, as key ls shows them');
    default:
      throw new FieldError('action', 'expected list, install, use or remove');
  }
}

function byNode(a: NodeKeys, b: NodeKeys): number {
  return a.node < b.node ? -1 : 1;
}

function byName(a: MemberState, b: MemberState): number {
  return a.node < b.node ? -1 : 1;
}
