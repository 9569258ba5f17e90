import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NameAnswer, NameQuestion, NameRecord, NamesControl } from '../../src/api/index.js';
import type { Log } from '../../src/base/index.js';
import { silentLog } from '../../src/base/index.js';
import type { DnsConfig } from '../../src/config/index.js';
import { DaemonDns } from '../../src/daemon-dns.js';
import type { DaemonResolverFiles } from '../../src/daemon-resolver-files.js';
import { realClock } from '../../src/io/index.js';
import { bindSocket, openResponder } from '../../src/kernel/linux/index.js';
import type { MeshNode } from '../../src/mesh/index.js';
import type { Endpoint, Service } from '../../src/model/index.js';
import { ServiceTable, VipPool } from '../../src/store/index.js';
import { endpointAt, networkedService, publishedPort } from '../support/networked.js';
import { query } from './dns/mesh.js';

/** On loopback, whatever the namespace: there is but one here. */
const address = '127.0.0.1';
const web = '/run/netns/web';

/** By network; the first of each is in a namespace of this host. */
const endpoints: Record<string, readonly (Endpoint & { readonly sandbox: string })[]> = {
  front: [
    task(2, { name: 'web-1', network: 'front' }, web),
    task(3, { name: 'db', network: 'front', services: {} }),
  ],
  back: [task(9, { name: 'db', network: 'back', services: {} }, web)],
  inner: [task(7, { name: 'quiet', network: 'inner', services: {} }, '/run/netns/inner')],
  ingress: [task(1, { name: 'a', isEntry: true })],
};

function task(n: number, change: Partial<Endpoint>, sandbox = '') {
  return { ...endpointAt(n, 'a', change), sandbox };
}

const networks = {
  all: () => Object.keys(endpoints).map((name) => networks.view(name)),
  view: (name: string) => ({
    network: networks.network(name),
    local: endpoints[name]!.filter(({ sandbox }) => sandbox !== ''),
    remote: endpoints[name]!.filter(({ sandbox }) => sandbox === ''),
  }),
  network: (name: string) => ({ name, internal: name === 'inner' }),
};

const api: Partial<Service> = {
  name: 'api',
  vips: ['10.96.0.1'],
  ports: [{ protocol: 'tcp', port: 443, targetPort: 8_443, count: 1 }],
  destinations: [{ name: 'one', address: '192.0.2.1', weight: 1, draining: false }],
};

/** A name server of its own for each test, with sockets of its own. */
class Bench {
  readonly table = new ServiceTable(new VipPool([]));
  readonly logged: object[] = [];
  readonly dns: DaemonDns;
  /** Where each namespace is asked; '' = the host. */
  readonly ports = new Map<string, number>();
  private readonly log: Log = {
    ...silentLog,
    info: (context, message) => {
      if (message === 'dns query') this.logged.push(context);
    },
  };

  constructor(private readonly config: DnsConfig) {
    this.dns = new DaemonDns({
      config,
      table: this.table,
      clock: realClock,
      log: this.log,
      random: () => 0.999,
      bind: ({ type, netns = '' }) => bindSocket({ type, address, port: this.ports.get(netns)! }),
      raiseLoopback: () => Promise.resolve(),
      resolverFiles: { sync: () => Promise.resolve() } as unknown as DaemonResolverFiles,
      openResponder,
    });
    this.dns.networks = networks as unknown as MeshNode['networks'];
    const { network: _, ...alone } = networkedService(api);
    this.set(alone, networkedService({ publish: [publishedPort()], aliases: ['www'] }));
  }

  get control(): NamesControl {
    return this.dns.control;
  }

  set(...services: readonly Service[]): void {
    const prepared = this.table.prepare({ source: 'api', set: services, remove: 'others' });
    this.table.commit(prepared);
    for (const { name } of prepared.changes) this.dns.serviceChanged(name);
  }

  async start(): Promise<void> {
    for (const netns of ['', web, '/run/netns/inner']) this.ports.set(netns, await freePort());
    await this.dns.start();
    await this.dns.sync();
  }

  /** By UDP, as a program in that namespace. */
  async ask(netns: string, name: string, type: string): Promise<Buffer> {
    const socket = createSocket('udp4');
    try {
      socket.send(query(name, type), this.ports.get(netns), address);
      const [response] = (await once(socket, 'message')) as [Buffer];
      return response;
    } finally {
      socket.close();
    }
  }

  inquire(name: string, type: string, of: Partial<NameQuestion> = {}): Promise<NameAnswer> {
    return this.control.query({ name, type, networks: [], ...of });
  }

  /** Of the answers that are counted. */
  counted(): Record<string, number> {
    const { counts } = this.control.stats();
    return Object.fromEntries(
      counts.map((one) => [`${one.type} ${one.code} ${one.by}`, one.queries]),
    );
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

const config: DnsConfig = {
  listen: [{ address, port: 53 }],
  domain: 'mesh.internal',
  upstreams: [],
  ttlS: 5,
  queriesPerSecond: 0,
};

let bench: Bench;
beforeEach(() => {
  bench = new Bench(config);
});
afterEach(() => bench.dns.stop());

describe('what the daemon says of a question', () => {
  const data = ({ records }: NameAnswer): string[] => records.map((one) => one.data);

  it('is what the asker sees: the host', async () => {
    const found = { kind: 'service', name: 'api' };
    expect(await bench.inquire('api', 'A')).toMatchObject({ code: 'NOERROR', by: 'vip', found });
    expect(await bench.inquire('web.front.mesh.internal', 'A')).toMatchObject({ code: 'NXDOMAIN' });
  });

  it('is what the asker sees: a task, by its networks in their order', async () => {
    const on = (...names: string[]) => ({ networks: names });
    const [front, back] = ['10.255.0.3', '10.255.0.9'];
    expect(data(await bench.inquire('db', 'A', on('front', 'back')))).toEqual([front]);
    expect(data(await bench.inquire('db', 'A', on('back', 'front')))).toEqual([back]);
    expect(await bench.inquire('www', 'AAAA', on('front'))).toMatchObject({
      by: 'vip',
      found: { kind: 'alias', name: 'web', network: 'front' },
    });
    const elsewhere = await bench.inquire('example.org', 'A', on('inner'));
    expect(elsewhere.reason).toBe('who asks may ask for names of the mesh alone');
    expect(elsewhere.code).toBe('REFUSED');
  });

  it('is what a namespace hears, by its path and by its name', async () => {
    await bench.start();
    const asked: readonly (readonly [string, 'A' | 'AAAA'])[] = [
      ['web', 'A'],
      ['tasks.web', 'AAAA'],
      ['db', 'A'],
      ['api', 'A'],
    ];
    for (const [name, type] of asked) {
      for (const sandbox of [web, 'web']) {
        const answers = decode(await bench.ask(web, name, type)).answers as { data: string }[];
        const told = await bench.inquire(name, type, { sandbox });
        expect(data(told), name).toEqual(answers.map((one) => one.data));
      }
    }
    expect(data(await bench.inquire('db', 'A', { sandbox: 'web' }))).toEqual(['10.255.0.3']);
  });

  it('is neither counted nor kept', async () => {
    await bench.start();
    await bench.inquire('web', 'A', { sandbox: 'web' });
    await bench.inquire('none.mesh.internal', 'A', { networks: ['front'] });
    expect(bench.control.stats()).toMatchObject({ counts: [], kept: 0 });
  });

  it('is nothing for who is not here', async () => {
    const refused = (of: Partial<NameQuestion>, problem: string): Promise<void> =>
      expect(bench.inquire('web', 'A', of)).rejects.toThrow(problem);
    await refused({ sandbox: 'web' }, 'sandbox web: no names are answered there; there is none');
    await bench.start();
    await refused({ networks: ['red'] }, 'network red: not found; there are back, front, inner');
    await refused({ networks: ['ingress'] }, 'network ingress: not found');
    await refused(
      { sandbox: 'x' },
      'sandbox x: no names are answered there; there are /run/netns/inner, /run/netns/web',
    );
    await refused(
      { sandbox: 'web', networks: ['front'] },
      'sandbox: expected none beside networks',
    );
    await expect(bench.inquire('web', 'B')).rejects.toThrow('type: expected A, AAAA');
  });
});

describe('the zone', () => {
  const lines = (...names: string[]): string[] => {
    return all(bench.control.list(names)).map(({ name, type, data }) => `${name} ${type} ${data}`);
  };

  function all(list: Iterator<NameRecord, unknown>): NameRecord[] {
    const records: NameRecord[] = [];
    for (;;) {
      const { done, value } = list.next();
      if (done === true) return records;
      records.push(value);
    }
  }

  it('is that of all networks of tasks, and of none', () => {
    const every = lines();
    expect(every).toContain('api.mesh.internal. A 10.96.0.1');
    expect(every).toContain(
      '_8080._tcp.www.front.mesh.internal. SRV 0 1 8080 web-1.front.mesh.internal.',
    );
    expect(every.filter((line) => line.startsWith('db.') && line.includes(' A '))).toEqual([
      'db.back.mesh.internal. A 10.255.0.9',
      'db.front.mesh.internal. A 10.255.0.3',
    ]);
    expect(every.filter((line) => line.includes('ingress'))).toEqual([]);
  });

  it('is that of some, each once', () => {
    const back = ['db.back.mesh.internal. A 10.255.0.9', 'db.back.mesh.internal. AAAA fd6d::9'];
    expect(lines('back', 'back')).toEqual(back);
    expect(() => lines('red')).toThrow('network red: not found');
  });

  it('has 10,000 services', () => {
    const services = Array.from({ length: 10_000 }, (_, i) =>
      networkedService({ name: `s${i}`, vips: [`10.64.${i >> 8}.${i & 255}`] }),
    );
    bench.set(...services);
    // A name, and what it is, of each; two tasks.
    expect(lines('front').length).toBe(10_000 * 2 + 4);
  }, 20_000);
});

describe('what is counted', () => {
  it('is told with where names are answered, and who else is asked', async () => {
    const closed = await freePort();
    bench = new Bench({ ...config, upstreams: [{ address, port: closed }] });
    await bench.start();
    await bench.ask(web, 'web', 'A');
    await bench.ask(web, 'web', 'A');
    await bench.ask('', 'none.mesh.internal', 'AAAA');
    await bench.ask(web, 'example.org', 'A');
    expect(bench.counted()).toEqual({
      'A NOERROR vip': 1,
      'A NOERROR cache': 1,
      'AAAA NXDOMAIN task': 1,
      'A SERVFAIL errors': 1,
    });
    const { counts: _, upstreams, ...rest } = bench.control.stats();
    expect(rest).toEqual({
      drops: { malformed: 0, limited: 0, oversized: 0, overflow: 0, unsent: 0 },
      kept: 1,
      listen: ['127.0.0.1:53'],
      sandboxes: 2,
      isLogging: false,
    });
    expect(upstreams).toMatchObject([{ address: `127.0.0.1:${closed}` }]);
    expect(upstreams[0]!.silentMs).toBeGreaterThan(9_000);
  });
});

describe('the query log', () => {
  it('has every query, also those that are kept an answer for', async () => {
    await bench.start();
    for (const on of [false, true, false]) {
      bench.control.isLogging = on;
      expect(bench.control.stats().isLogging).toBe(on);
      bench.logged.length = 0;
      for (let i = 0; i < 3; i++) await bench.ask(web, 'web', 'A');
      const line = { sandbox: web, name: 'web', type: 'A', code: 0, by: 'vip', answers: 1 };
      if (on) expect(bench.logged).toMatchObject([line, line, line]);
      else expect(bench.logged).toEqual([]);
    }
    expect(bench.counted()).toEqual({ 'A NOERROR vip': 4, 'A NOERROR cache': 5 });
  });

  it('may be switched on before anybody can ask, and has what is not answered', async () => {
    const closed = await freePort();
    bench = new Bench({ ...config, upstreams: [{ address, port: closed }] });
    bench.control.isLogging = true;
    await bench.start();
    for (let i = 0; i < 2; i++) await bench.ask(web, 'web', 'A');
    await bench.ask(web, 'example.org', 'A');
    expect(bench.logged).toMatchObject([
      { name: 'web', by: 'vip' },
      { name: 'web', by: 'vip' },
      { name: 'example.org', by: 'errors', code: 2, answers: 0 },
    ]);
    await bench.inquire('web', 'A', { sandbox: 'web' });
    expect(bench.logged.length, 'not what meshctl asks').toBe(3);
  });
});
