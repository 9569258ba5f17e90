import type { KeyChange, NodeKeys } from '../../src/api/index.js';
import { messageOf } from '../../src/base/index.js';
import { fingerprintOf, parseKey } from '../../src/gossip/index.js';
import type { SimMeshHost } from './mesh-host.js';

export interface OperatorOptions {
  /** The host to give the next command on; undefined = none is there. */
  readonly host: () => SimMeshHost | undefined;
  /** Waits a while before the next command; resolves to whether to go on. */
  readonly pause: () => Promise<boolean>;
  readonly note: (text: string) => void;
  /** A command is about to be given. */
  readonly begins: (change: KeyChange) => void;
  /** A command was not refused; what the nodes answered. */
  readonly done: (change: KeyChange, nodes: readonly NodeKeys[]) => void;
}

const roundsMax = 15;

/** Somebody who changes the keys of a mesh, step by step, with `meshctl key`. */
export class KeyOperator {
  constructor(private readonly options: OperatorOptions) {}

  /**
   * All nodes that are there shall have this key alone. Begins anew where an earlier try stopped.
   * A careful one goes on to the next step when all nodes have answered that they did the one
   * before; a hasty one leaves that to the nodes. True when all nodes have answered that it is so.
   */
  async rotateTo(key: string, isHasty: boolean): Promise<boolean> {
    const fingerprint = fingerprintOf(parseKey(key));
    for (let round = 0; round < roundsMax; round++) {
      const installed = await this.command({ action: 'install', key });
      if (!(await this.options.pause())) return false;
      const has = ({ fingerprints }: NodeKeys): boolean => fingerprints.includes(fingerprint);
      if (!isHasty && installed?.every(has) !== true) continue;
      const used = await this.command({ action: 'use', fingerprint });
      if (!(await this.options.pause())) return false;
      const uses = ({ fingerprints: [first] }: NodeKeys): boolean => first === fingerprint;
      if (!isHasty && used?.every(uses) !== true) continue;
      for (const other of await this.othersThan(fingerprint)) {
        await this.command({ action: 'remove', fingerprint: other });
      }
      if (!(await this.options.pause())) return false;
      const nodes = await this.command({ action: 'list' });
      if (nodes?.every((node) => uses(node) && node.fingerprints.length === 1) === true)
        return true;
    }
    return false;
  }

  private async othersThan(kept: string): Promise<Set<string>> {
    const nodes = (await this.command({ action: 'list' })) ?? [];
    const others = new Set(nodes.flatMap(({ fingerprints }) => fingerprints));
    others.delete(kept);
    return others;
  }

  /** undefined: refused, or the host it was given on is gone. */
  private async command(change: KeyChange): Promise<readonly NodeKeys[] | undefined> {
    const host = this.options.host();
    if (host?.control === undefined) return undefined;
    const { action, fingerprint } = change;
    const text = `${host.name}: key ${action}${fingerprint === undefined ? '' : ` ${fingerprint}`}`;
    this.options.begins(change);
    try {
      const nodes = await Promise.race([host.control.changeKeys(change), host.ended]);
      this.options.note(`${text}: ${nodes?.map(textOf).join(', ') ?? 'it is gone'}`);
      if (nodes === undefined) return undefined;
      this.options.done(change, nodes);
      return nodes;
    } catch (error) {
      this.options.note(`${text}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function textOf({ node, fingerprints, problem }: NodeKeys): string {
  return `${node} ${problem ?? fingerprints.map((one) => one.slice(0, 4)).join('+')}`;
}
