import type { Nodes } from '../cases/mesh-nodes.js';
import { print, type Report } from '../support/report.js';
import type { Scene } from '../support/scene.js';
import { addressOf, type Balancer } from '../support/topology.js';

/** By task, its node. */
export const webs = { 'web-1': 'lb2', 'web-2': 'lb3' } as const;
export const apis = { 'api-1': 'lb', 'api-2': 'lb3' } as const;
export type Web = keyof typeof webs;
export type Api = keyof typeof apis;

export const answerPattern = /^(web-\d) (\S+) asked (api-\d) (\S+)\n$/;

/** The guest's processor, when it is emulated, would do little but probe with `fast`. */
export const profile = process.env['LAB'] === undefined ? 'fast' : 'lan';

/** Three nodes, and what is told about them. */
export class Story {
  constructor(
    readonly scene: Scene,
    readonly nodes: Nodes,
    /** As of `performance.now()`. */
    private readonly begun: number,
  ) {}

  get report(): Report {
    return this.scene.report;
  }

  chapter(title: string): void {
    print(`\n== ${title} (${((performance.now() - this.begun) / 1000).toFixed(0)} s)`);
  }

  /** Runs meshctl on a node before the reader's eyes; resolves with what it printed. */
  async show(node: Balancer, ...words: string[]): Promise<string> {
    print(`  ${node}$ meshctl ${words.join(' ')}`);
    const { status, stdout, stderr } = await this.nodes[node].ctl(...words);
    this.report.note(stdout + stderr);
    if (status !== 0)
      this.report.claim(false, `meshctl ${words.join(' ')} works`, `status ${status}`);
    return stdout;
  }

  /** One call of the client to port 80 of a node; resolves with the answer. */
  async curl(node: Balancer, family: 4 | 6): Promise<string> {
    const address = addressOf(node, family);
    const url = `http://${family === 4 ? address : `[${address}]`}/`;
    const argv = ['curl', '-sg', '--max-time', '10', url];
    const { stdout } = await this.scene.topology.exec('client', argv, { mayFail: true });
    print(`  client$ curl ${url.padEnd(22)} -> ${stdout.trimEnd()}`);
    return stdout;
  }
}
