import { readFile } from 'node:fs/promises';
import {
  fromWireParts,
  methods,
  toWireApply,
  type ApplyResult,
  type Convergence,
  type ServiceChange,
  type ServiceState,
} from '../../api/index.js';
import { FieldError, MeshError, messageOf } from '../../base/index.js';
import type { Cli } from '../cli.js';
import { Exit, exitCodes } from '../errors.js';
import { readDurationMs } from '../arguments.js';
import { parseDocument } from '../document.js';
import { printable } from '../table.js';
import { formatPlan } from './diff.js';

export interface ApplyOptions {
  /** A path, `-` = stdin. */
  readonly file: string;
  readonly replaceAll?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
  readonly revision?: number;
}

/** meshctl service apply: the services of a file, all or none. */
export async function applyServices(cli: Cli, options: ApplyOptions): Promise<void> {
  const timeoutMs = readDurationMs('--timeout', options.timeout);
  const { services, single } = servicesOf(await readText(cli, options.file), options.file);
  const request = toWireApply({
    services,
    replaceAll: options.replaceAll ?? false,
    dryRun: options.dryRun ?? false,
    ...(options.revision === undefined ? {} : { expectedRevision: options.revision }),
    expectedRevisions: new Map(),
  });
  const result = await cli.call(methods.applyServices, request).catch((error: unknown) => {
    throw single ? withoutIndex(error) : error;
  });
  cli.answer(result, describe);
  if (options.wait !== true || options.dryRun === true) return;
  const { clock } = cli.terminal;
  const startedAt = clock.now();
  await waitForKernel(cli, result, timeoutMs);
  await waitForNodes(cli, timeoutMs - (clock.now() - startedAt));
}

async function readText(cli: Cli, file: string): Promise<string> {
  if (file === '-') return cli.terminal.readStdin();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new MeshError('not_found', `read ${file}: ${messageOf(error)}`);
  }
}

/** A mapping with `services`, a list of services, or a single one. */
function servicesOf(text: string, file: string): { services: unknown[]; single: boolean } {
  const value = parseDocument(text, file === '-' ? 'stdin' : file);
  if (Array.isArray(value)) return { services: value, single: false };
  const services = (value as { services?: unknown }).services;
  if (services === undefined) return { services: [value], single: true };
  if (!Array.isArray(services)) throw new FieldError('services', 'expected a list');
  return { services, single: false };
}

/** Who wrote one service wrote no list. */
function withoutIndex(error: unknown): unknown {
  if (!(error instanceof FieldError) || !error.field.startsWith('services[0].')) return error;
  const problem = error.message.slice(error.field.length + 2);
  return new FieldError(
    error.field.slice('services[0].'.length),
    problem.replaceAll('services[0].', ''),
  );
}

function describe({ revision, changes, plan }: ApplyResult): string {
  const lines = changes.map(({ name, change, vips }) => {
    const where = vips.length === 0 || change === 'removed' ? '' : ` at ${vips.join(', ')}`;
    return printable(`${name} ${plan === undefined ? change : `would be ${change}`}${where}`);
  });
  const end = plan === undefined ? `revision ${revision}\n` : `\n${formatPlan(plan)}`;
  return `${lines.map((line) => `${line}\n`).join('')}${end}`;
}

/** Errors: deadline_exceeded, failed_precondition when a conflict keeps a service out. */
async function waitForKernel(cli: Cli, result: ApplyResult, timeoutMs: number): Promise<void> {
  const waiting = new Map(result.changes.map((change) => [change.name, change]));
  const stop = new AbortController();
  let ended: 'timeout' | 'interrupt' | undefined;
  const end = (why: 'timeout' | 'interrupt') => (): void => {
    ended = why;
    stop.abort();
  };
  const cancelTimer = cli.terminal.clock.after(timeoutMs, end('timeout'));
  const cancelInterrupt = cli.terminal.onInterrupt(end('interrupt'));
  try {
    for await (const event of fromWireParts(cli.stream(methods.watchServices, {}, stop.signal))) {
      const states =
        event.type === 'snapshot' ? event.services : event.type === 'set' ? [event.service] : [];
      if (event.type === 'removed') waiting.delete(event.name);
      if (event.type === 'snapshot') forgetRemoved(waiting, states);
      for (const state of states) settle(waiting, state, result.revision);
      if (waiting.size === 0) return;
    }
  } finally {
    cancelTimer();
    cancelInterrupt();
  }
  const names = [...waiting.keys()].join(', ');
  if (ended === 'interrupt') {
    cli.note(`applied, but not yet seen in the kernel: ${names}\n`);
    throw new Exit(exitCodes.interrupted);
  }
  throw new MeshError('deadline_exceeded', `applied, but not in the kernel in time: ${names}`);
}

/** Between two questions. Unit: milliseconds. */
const askEveryMs = 50;

/** Until all live nodes have what was applied. Errors: deadline_exceeded. */
async function waitForNodes(cli: Cli, timeoutMs: number): Promise<void> {
  const { clock } = cli.terminal;
  const startedAt = clock.now();
  let version: number | undefined;
  for (;;) {
    const answer = await convergence(cli, version);
    if (answer === undefined || answer.lack.length === 0) return;
    version = answer.version;
    if (clock.now() - startedAt > timeoutMs) {
      const names = answer.lack.join(', ');
      throw new MeshError(
        'deadline_exceeded',
        `applied, but not in time in the kernels of ${names}`,
      );
    }
    await new Promise<void>((resolve) => clock.after(askEveryMs, resolve));
  }
}

/** Undefined on a host that stands alone. */
async function convergence(
  cli: Cli,
  version: number | undefined,
): Promise<Convergence | undefined> {
  try {
    return await cli.call(methods.getConvergence, version === undefined ? {} : { version });
  } catch (error) {
    if (error instanceof MeshError && error.code === 'failed_precondition') return undefined;
    throw error;
  }
}

function forgetRemoved(waiting: Map<string, ServiceChange>, states: readonly ServiceState[]): void {
  const present = new Set(states.map(({ spec }) => spec.name));
  for (const name of waiting.keys()) if (!present.has(name)) waiting.delete(name);
}

function settle(
  waiting: Map<string, ServiceChange>,
  { spec, revision, programmed, withheld }: ServiceState,
  applied: number,
): void {
  const change = waiting.get(spec.name);
  if (change === undefined) return;
  if (change.change !== 'unchanged' && revision < applied) return;
  if (withheld !== undefined) {
    throw new MeshError('failed_precondition', `service ${spec.name} is withheld: ${withheld}`);
  }
  if (programmed) waiting.delete(spec.name);
}
