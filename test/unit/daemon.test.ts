import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApiClient, methods, toWireApply, type Status } from '../../src/api/index.js';
import { Daemon } from '../../src/daemon.js';
import { realClock } from '../../src/io/index.js';
import { FakeKernel } from '../../src/kernel/fake/index.js';
import { SimClock } from '../support/sim-clock.js';

const web = { name: 'web', vip: '10.96.0.1', ports: [80], destinations: ['10.0.0.11'] };
const mail = { name: 'mail', vip: '10.96.0.2', ports: [25], destinations: ['10.0.0.12'] };
/** `web` and `mail` would have one address. */
const thief = { ...mail, vip: web.vip, ports: [80] };

describe('Daemon', () => {
  let directory: string;
  let configPath: string;
  let socketPath: string;
  let kernel: FakeKernel;
  let clock: SimClock;
  let log: string[];
  let running: Daemon[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meshd-daemon-'));
    configPath = join(directory, 'meshd.yaml');
    socketPath = join(directory, 'meshd.sock');
    kernel = new FakeKernel();
    clock = new SimClock();
    log = [];
    running = [];
  });

  afterEach(async () => {
    for (const daemon of running) await finish(daemon.stop());
    rmSync(directory, { recursive: true });
  });

  /** JSON is YAML. */
  function configure(services: readonly object[], rest: object = {}): void {
    const config = {
      api: { socket: socketPath, group: process.getgid!() },
      metrics: { listen: `unix:${join(directory, 'metrics.sock')}` },
      stateDir: join(directory, 'state'),
      services,
      ...rest,
    };
    writeFileSync(configPath, JSON.stringify(config));
  }

  /** Lets simulated time go on while the disk and sockets take theirs. */
  async function finish<T>(action: Promise<T>): Promise<T> {
    const progress = { done: false };
    const end = (): void => void (progress.done = true);
    action.then(end, end);
    while (!progress.done) await clock.advance(1);
    await clock.advance(0);
    return action;
  }

  function make(): Daemon {
    const record = (_context: object, message: string): void => void log.push(message);
    const silent = (): void => undefined;
    const daemon = new Daemon({
      configPath,
      version: { version: '0.1.0', node: 'v20', kernel: '6.1' },
      instance: 'run-1',
      clock,
      random: () => 0.5,
      log: { level: 'info', debug: silent, info: silent, warn: record, error: record },
      openKernel: () => Promise.resolve(kernel),
    });
    running.push(daemon);
    return daemon;
  }

  async function started(): Promise<Daemon> {
    const daemon = make();
    await finish(daemon.start());
    return daemon;
  }

  async function withApi<T>(use: (api: ReturnType<typeof createApiClient>) => Promise<T>) {
    const api = createApiClient({ path: socketPath, deadlineMs: 20_000, clock: realClock });
    try {
      return await finish(use(api));
    } finally {
      api.close();
    }
  }

  const status = (): Promise<Status> => withApi((api) => api.call(methods.getStatus, {}));

  /** VIPs that the kernel has. */
  function vips(): string[] {
    return [...kernel.rules.values()].flatMap((rule) =>
      rule.kind === 'address' ? [rule.prefix] : [],
    );
  }

  it('makes what the file says, and answers', async () => {
    configure([web]);
    await started();
    expect(vips()).toEqual(['10.96.0.1/32']);
    expect(await status()).toMatchObject({
      instance: 'run-1',
      services: 1,
      dataPath: { kind: 'ipvs', detail: 'ip_vs 1.2.1, 4096 buckets' },
      config: { path: configPath },
    });
  });

  it('serves metrics, also while the kernel gives no counters', async () => {
    configure([web]);
    await started();
    const read = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const from = {
          socketPath: join(directory, 'metrics.sock'),
          path: '/metrics',
          agent: false,
        };
        request(from, (response) => {
          let text = '';
          response.on('data', (part: Buffer) => (text += part.toString()));
          response.on('end', () => resolve(text)).on('error', reject);
        })
          .on('error', reject)
          .end();
      });
    expect(await finish(read())).toContain('meshd_service_connections_total{service="web"');
    kernel.vanish();
    const text = await finish(read());
    expect(text).toContain('meshd_services 1\n');
    expect(text).not.toContain('service="web"');
    expect(log.at(-1)).toContain('metrics: no counters');
  });

  it('leaves the kernel as it is when it stops, and adopts it when it starts', async () => {
    configure([web]);
    const first = await started();
    await finish(first.stop());
    expect(kernel.closed).toBe(true);
    expect(existsSync(socketPath)).toBe(false);
    expect(vips()).toEqual(['10.96.0.1/32']);
    kernel.restart();
    kernel.applied.splice(0);
    await started();
    expect(kernel.applied).toEqual([]);
  });

  it('remembers the services of the API', async () => {
    configure([web]);
    const first = await started();
    const given = { services: [mail], replaceAll: false, dryRun: false };
    const wire = toWireApply({ ...given, expectedRevisions: new Map() });
    await withApi((api) => api.call(methods.applyServices, wire));
    await finish(first.stop());
    kernel.restart();
    await started();
    expect((await status()).services).toBe(2);
    expect(vips().sort()).toEqual(['10.96.0.1/32', '10.96.0.2/32']);
  });

  it('takes over a file that is good', async () => {
    configure([web]);
    const daemon = await started();
    configure([mail]);
    await finish(daemon.reload());
    expect(vips()).toContain('10.96.0.2/32');
    expect((await status()).config?.error).toBeUndefined();
  });

  const bad: readonly (readonly [string, readonly object[], string])[] = [
    ['has a mistake', [{ ...web, vip: 'x' }], 'services[0].vip'],
    ['contradicts itself', [web, thief], '10.96.0.1'],
  ];
  it.each(bad)('keeps all as it is when the file %s', async (_name, services, problem) => {
    configure([web]);
    const daemon = await started();
    kernel.applied.splice(0);
    configure(services, { log: { level: 'debug' } });
    await finish(daemon.reload());
    expect(kernel.applied).toEqual([]);
    const { config, services: count } = await status();
    expect(count).toBe(1);
    expect(config?.error).toContain(problem);
    expect(config?.loadedAtMs).toBeDefined();
    expect(log.at(-1)).toContain('configuration kept as it was');
    configure([web]);
    await finish(daemon.reload());
    expect((await status()).config?.error).toBeUndefined();
  });

  it('keeps all as it is when the file has gone', async () => {
    configure([web]);
    const daemon = await started();
    rmSync(configPath);
    await finish(daemon.reload());
    expect((await status()).config?.error).toContain('ENOENT');
    expect(vips()).toEqual(['10.96.0.1/32']);
  });

  it('says what takes effect with the next start alone', async () => {
    configure([web]);
    const daemon = await started();
    configure([web], { pools: ['10.98.0.0/24'] });
    await finish(daemon.reload());
    expect(log).toContain('pools takes effect with the next start of meshd');
  });

  describe('that cannot start', () => {
    async function failure(): Promise<Error> {
      const error = await finish(make().start()).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(Error);
      // No timer, socket or file is left.
      expect(clock.pending).toBe(0);
      expect(existsSync(socketPath)).toBe(false);
      return error as Error;
    }

    it('without ip_vs says so and closes what it opened', async () => {
      configure([web]);
      kernel.setIpvs(false);
      expect(await failure()).toMatchObject({ code: 'failed_precondition' });
      expect(kernel.closed).toBe(true);
      expect(vips()).toEqual([]);
    });

    it('without a place for its state names it', async () => {
      const stateDir = join(directory, 'no-directory');
      writeFileSync(stateDir, '');
      configure([web], { stateDir });
      const error = await failure();
      expect(error.message).toContain(join(stateDir, 'state.jsonl'));
      expect(kernel.closed).toBe(true);
      expect(vips()).toEqual([]);
    });

    it('with a file that has a mistake names the field', async () => {
      configure([{ ...web, ports: [70_000] }]);
      expect((await failure()).message).toContain('services[0].ports[0]');
    });

    it('without a file names it', async () => {
      expect((await failure()).message).toContain(configPath);
    });

    it('beside another one leaves that alone', async () => {
      configure([web], { metrics: undefined });
      await started();
      const { ino } = statSync(join(directory, 'state', 'state.jsonl'));
      const error = await finish(make().start()).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'already_exists' });
      // Written anew, it would be another file than the one that the first appends to.
      expect(statSync(join(directory, 'state', 'state.jsonl')).ino).toBe(ino);
      expect(kernel.closed).toBe(false);
      expect((await status()).services).toBe(1);
    });
  });
});
