import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createApiClient, methods, toWireApply } from '../../src/api/index.js';
import { realClock } from '../../src/io/index.js';
import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { QueryFile, type Load } from './dns-load.js';
import {
  addressOf,
  memoryKb,
  missingPrograms,
  nameOf,
  openProber,
  startServers,
  type NameServer,
} from './dns-servers.js';
import { emit, type Figure } from './figure.js';
import { untilIdle } from './netns.js';
import { median, percentile } from './stats.js';

const few = 10;
const many = 10_000;
const rounds = 5;
/** Of one server, in one round. */
const seconds = 3;
const updates = 30;

/** Names of services, against servers that people run for them: each has one core, the load another. */
export const dns: Bench = {
  name: 'dns',
  summary: 'answers for names of services, by dnsperf on loopback',
  cases: {
    vip10: `queries a second with ${few} services`,
    vip10k: `the same with ${many}`,
    'halfload-p99': `latency at half of what each server can do, with ${many}`,
    update: 'from the wish for another address of a name until it is told',
    memory: `of ${many} names`,
  },
  daemon: true,
  async run(cases) {
    const missing = missingPrograms();
    if (missing.length > 0) throw new Error(`install ${missing.join(', ')}`);
    if (cases.includes('vip10')) await withServers(few, (at) => capacity('vip10', at));
    const ofMany = cases.filter((name) => name !== 'vip10');
    if (ofMany.length === 0) return;
    const rssBefore = cases.includes('memory') ? await withServers(few, memories) : undefined;
    await withServers(many, async (at) => {
      if (rssBefore !== undefined) await memory(at, rssBefore);
      const rates = cases.includes('vip10k') ? await capacity('vip10k', at) : undefined;
      if (cases.includes('halfload-p99')) await halfLoad(at, rates ?? (await measure(at)));
      if (cases.includes('update')) await update(at);
    });
  },
};

interface Setting {
  readonly netns: string;
  readonly names: number;
  readonly servers: readonly NameServer[];
  readonly queries: QueryFile;
}

async function withServers<T>(names: number, work: (at: Setting) => Promise<T>): Promise<T> {
  const netns = `bench-dns-${process.pid}`;
  await run(['ip', 'netns', 'add', netns]);
  const queries = new QueryFile(names);
  let servers: NameServer[] = [];
  try {
    await run(['ip', '-n', netns, 'link', 'set', 'lo', 'up']);
    servers = await startServers(netns, names);
    return await work({ netns, names, servers, queries });
  } finally {
    for (const server of servers) await server.stop();
    queries.remove();
    await run(['ip', 'netns', 'del', netns]);
  }
}

/** By server, one after the other in each round. */
async function measure({ netns, servers, queries }: Setting): Promise<Map<NameServer, Load[]>> {
  // What is made when it is first asked for is made by now, and all caches are warm.
  for (const server of servers) await queries.load(server, { netns, seconds: 1 });
  const loads = new Map(servers.map((server) => [server, [] as Load[]]));
  for (let round = 1; round <= rounds; round++) {
    progress(`dns: round ${round} of ${rounds}`);
    for (const server of servers) {
      loads.get(server)!.push(await queries.load(server, { netns, seconds }));
    }
  }
  return loads;
}

async function capacity(name: string, at: Setting): Promise<Map<NameServer, Load[]>> {
  const loads = await measure(at);
  compare(name, at, {
    unit: '1/s',
    goal: { ratio: 1 },
    rounds,
    of: (server) => median(loads.get(server)!.map(({ rate }) => rate)),
    notes: (server) => ({ lost: loads.get(server)!.reduce((sum, { lost }) => sum + lost, 0) }),
  });
  compare(name, at, {
    unit: 'us',
    figure: 'processor time',
    rounds,
    of: (server) => median(loads.get(server)!.map(({ cpuUs }) => cpuUs)),
  });
  return loads;
}

async function halfLoad(at: Setting, loads: Map<NameServer, Load[]>): Promise<void> {
  const { netns, servers, queries } = at;
  const p99 = new Map(servers.map((server) => [server, [] as number[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const server of servers) {
      const rate = median(loads.get(server)!.map((one) => one.rate)) / 2;
      const { latenciesMs } = await queries.load(server, { netns, seconds, rate, latencies: true });
      p99.get(server)!.push(percentile(latenciesMs, 0.99));
    }
  }
  compare('halfload-p99', at, {
    unit: 'ms',
    goal: { value: 1 },
    rounds,
    of: (server) => median(p99.get(server)!),
    notes: (server) => ({ rate: median(loads.get(server)!.map((one) => one.rate)) / 2 }),
  });
}

/** Ours beside each peer, one line each. */
function compare(
  name: string,
  { servers }: Setting,
  what: Pick<Figure, 'unit' | 'figure' | 'goal' | 'rounds'> & {
    readonly of: (server: NameServer) => number;
    readonly notes?: (server: NameServer) => Record<string, unknown>;
  },
): void {
  const [ours, ...peers] = servers as [NameServer, ...NameServer[]];
  const { of, notes = () => ({}), ...rest } = what;
  for (const peer of peers) {
    emit({
      bench: 'dns',
      case: name,
      ...rest,
      value: of(ours),
      peer: `${peer.name} ${peer.version}`,
      peerValue: of(peer),
      ...notes(ours),
      ...Object.fromEntries(Object.entries(notes(peer)).map(([key, of]) => [`peer ${key}`, of])),
    });
  }
}

function memories({ servers }: Setting): Promise<readonly number[]> {
  return Promise.resolve(servers.map(memoryKb));
}

/** What the names take: the memory with many of them, all asked for, less that with few. */
async function memory(at: Setting, before: readonly number[]): Promise<void> {
  const { netns, names, servers } = at;
  const [ours] = servers as [NameServer];
  const unasked = memoryKb(ours);
  const prober = await openProber(netns, ours.port);
  for (let i = 1; i <= names; i++) await prober.ask(i, 1_000);
  prober.close();
  compare('memory', at, {
    unit: 'MB',
    of: (server) => (memoryKb(server) - before[servers.indexOf(server)]!) / 1_000,
  });
  emit({
    bench: 'dns',
    case: 'memory',
    figure: 'answers kept',
    value: (memoryKb(ours) - unasked) / 1_000,
    unit: 'MB',
  });
}

/** Changes the address of `svc1`; resolves when the change is accepted. */
type Change = (address: string) => Promise<unknown>;

async function update(at: Setting): Promise<void> {
  const [ours, , unbound] = at.servers as [NameServer, NameServer, NameServer];
  const api = createApiClient({
    path: join(ours.folder, 'meshd.sock'),
    deadlineMs: 10_000,
    clock: realClock,
  });
  // Services of the file are the file's: this one is the API's own.
  const change: Change = (vip) => {
    const service = { name: 'svc1', vip, ports: ['80/tcp'], destinations: ['192.0.2.1'] };
    return api.call(
      methods.applyServices,
      toWireApply({
        services: [service],
        replaceAll: false,
        dryRun: false,
        expectedRevisions: new Map(),
      }),
    );
  };
  await takeFromFile(ours, at);
  const own = await visible(at, ours, change);
  const theirs = await visible(at, unbound, (address) => replaceAddress(unbound, address));
  api.close();
  for (const [figure, pick, goal] of [
    ['from the wish', (one: Seen) => one.fromWishMs, undefined],
    ['after it is accepted', (one: Seen) => one.afterAcceptedMs, { value: 1 }],
  ] as const) {
    emit({
      bench: 'dns',
      case: 'update',
      figure,
      value: median(own.map(pick)),
      unit: 'ms',
      p99: percentile(own.map(pick), 0.99),
      peer: `${unbound.name} ${unbound.version}`,
      peerValue: median(theirs.map(pick)),
      ...(goal === undefined ? {} : { goal }),
      rounds: updates,
    });
  }
}

interface Seen {
  readonly fromWishMs: number;
  /** 0 = told before. */
  readonly afterAcceptedMs: number;
}

/** A prober asks without pause; each of its answers is at most as old as a question takes. */
async function visible(at: Setting, server: NameServer, change: Change): Promise<Seen[]> {
  const prober = await openProber(at.netns, server.port);
  const seen: Seen[] = [];
  for (let i = 0; i < updates; i++) {
    const address = `10.97.0.${i + 1}`;
    await prober.ask(1, 1_000);
    const wishedAt = performance.now();
    let acceptedAt: number | undefined;
    const accepted = change(address).then(() => (acceptedAt = performance.now()));
    while ((await prober.ask(1, 1_000)) !== address) continue;
    const toldAt = performance.now();
    await accepted;
    seen.push({
      fromWishMs: toldAt - wishedAt,
      afterAcceptedMs: Math.max(0, toldAt - acceptedAt!),
    });
  }
  prober.close();
  return seen;
}

/** `svc1` leaves the file, so that the API may have it. */
async function takeFromFile(server: NameServer, { netns }: Setting): Promise<void> {
  const path = join(server.folder, 'meshd.yaml');
  const file = JSON.parse(readFileSync(path, 'utf8')) as { services: { name: string }[] };
  file.services = file.services.filter(({ name }) => name !== 'svc1');
  writeFileSync(path, JSON.stringify(file));
  const prober = await openProber(netns, server.port);
  while ((await prober.ask(1, 1_000)) === addressOf(1)) continue;
  prober.close();
  await untilIdle();
}

async function replaceAddress(server: NameServer, address: string): Promise<void> {
  await control(server, `local_data_remove ${nameOf(1)}.`);
  await control(server, `local_data ${nameOf(1)}. 5 A ${address}`);
}

/** As unbound-control(8) says it, without starting a process. */
function control({ folder }: NameServer, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(folder, 'control'));
    let said = '';
    socket.on('data', (text) => (said += String(text)));
    socket.on('error', reject);
    socket.on('close', () => {
      if (said.includes('ok')) resolve();
      else reject(new Error(`unbound: ${said}`));
    });
    socket.end(`UBCT1 ${command}\n`);
  });
}
