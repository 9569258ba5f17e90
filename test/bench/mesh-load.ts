import { spawn, type ChildProcess } from 'node:child_process';
import type { LoadResult } from '../e2e/support/peers.js';
import { run, startUntil } from './command.js';
import { e2ePeer, peer } from './lab.js';
import { atEnd } from './mesh-hosts.js';
import { within } from './netns.js';
import { client } from './topology.js';

export interface LoadTarget {
  readonly address: string;
  readonly port: number;
}

/** Options of `peer load` (test/e2e/support/peer.c), without their dashes. */
type LoadOptions = Readonly<Record<string, number>>;

/** Answers with the task's name and who called; returns how to end it. */
export async function serveCounted(task: string, ports = [8_080]): Promise<() => void> {
  const argv = [peer(e2ePeer), 'serve', task, ...ports.map(String)];
  const stop = await startUntil(within(task, argv), 'ready');
  atEnd(stop);
  return stop;
}

/** Calls of the client, to their end. */
export async function callLoad(target: LoadTarget, options: LoadOptions): Promise<LoadResult> {
  return JSON.parse((await run(command(target, options))).stdout) as LoadResult;
}

/** Calls of the client until they are stopped. */
export class RunningLoad {
  private readonly child: ChildProcess;
  private text = '';

  constructor(target: LoadTarget, options: LoadOptions) {
    const [file, ...rest] = command(target, options);
    this.child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.text += text));
  }

  async stop(): Promise<LoadResult> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill();
    await ended;
    return JSON.parse(this.text) as LoadResult;
  }
}

function command({ address, port }: LoadTarget, options: LoadOptions): string[] {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return within(client, [peer(e2ePeer), 'load', ...words, address, String(port)]);
}
