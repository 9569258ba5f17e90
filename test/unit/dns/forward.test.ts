import { decode, encode, type Answer, type RecordType } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { MeshError, silentLog } from '../../../src/base/index.js';
import { DnsServer, DnsStats, Forwarder, type Upstream } from '../../../src/dns/index.js';
import { ForwardCache } from '../../../src/dns/forward-cache.js';
import { attackForwarder } from '../../fuzz/dns/upstream.js';
import { handlersFor, mesh, query, say } from './mesh.js';

/** A name server: what it does with the next questions, and how many it had. */
class Server implements Upstream {
  asked = 0;
  behaviour: 'answers' | 'silent' | 'fails' = 'answers';

  constructor(
    readonly name: string,
    private readonly ttl = 300,
  ) {}

  exchange(question: Buffer): Promise<Buffer> {
    this.asked++;
    if (this.behaviour === 'silent') {
      return Promise.reject(new MeshError('deadline_exceeded', `ask ${this.name}: no answer`));
    }
    const { id, questions } = decode(question);
    const { name, type } = questions![0] as { name: string; type: RecordType };
    const answers: Answer[] = [{ name, type: 'A', ttl: this.ttl, data: '192.0.2.80' }];
    const flags = 0x0180 | (this.behaviour === 'fails' ? 2 : 0);
    return Promise.resolve(
      encode({ id: id!, type: 'response', flags, questions: [{ name, type }], answers }),
    );
  }
}

function setUp(...upstreams: readonly Upstream[]) {
  const clock = { nowMs: 0, now: () => clock.nowMs, wallMs: () => 0, after: () => () => undefined };
  const forward = new Forwarder({ clock, upstreams: () => upstreams }).handler;
  const stats = new DnsStats(clock, silentLog);
  const server = new DnsServer({ ...handlersFor([]), metrics: stats.handler, forward });
  const ask = async (name = 'example.org'): Promise<string> =>
    say(await server.answer(query(name, 'A'), mesh(['front']), 'udp'));
  return { clock, ask, stats, server };
}

const answered = (ttl: number): string =>
  `56 bytes NOERROR ra id 4711 of example.org\n  example.org ${ttl} A 192.0.2.80`;
const failure = '29 bytes SERVFAIL ra id 4711 of example.org';

describe('forwarding', () => {
  it('keeps a response as long as it says, and counts its TTL down', async () => {
    const one = new Server('one');
    const { clock, ask } = setUp(one);
    expect(await ask()).toBe(answered(300));
    clock.nowMs = 100_000;
    expect(await ask()).toBe(answered(200));
    expect(one.asked).toBe(1);
    clock.nowMs = 300_000;
    expect(await ask()).toBe(answered(300));
    expect(one.asked).toBe(2);
  });

  it('asks once for all who ask the same at the same time', async () => {
    const one = new Server('one');
    const { ask } = setUp(one);
    const all = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(new Set(all)).toEqual(new Set([answered(300)]));
    expect(one.asked).toBe(1);
  });

  it.each(['silent', 'fails'] as const)('asks the next when one is %s', async (behaviour) => {
    const [one, two] = [new Server('one'), new Server('two')];
    one.behaviour = behaviour;
    const { ask } = setUp(one, two);
    expect(await ask()).toBe(answered(300));
    expect([one.asked, two.asked]).toEqual([1, 1]);
  });

  it('asks who was silent last, for a while', async () => {
    const [one, two] = [new Server('one', 1), new Server('two', 1)];
    one.behaviour = 'silent';
    const { clock, ask } = setUp(one, two);
    await ask();
    clock.nowMs = 5_000;
    await ask();
    expect([one.asked, two.asked]).toEqual([1, 2]);
    clock.nowMs = 15_000;
    await ask();
    expect([one.asked, two.asked]).toEqual([2, 3]);
  });

  it('says SERVFAIL when nobody answers, or what it knew before', async () => {
    const one = new Server('one', 10);
    const { clock, ask, stats } = setUp(one);
    one.behaviour = 'silent';
    expect(await ask()).toBe(failure);
    expect(stats.all([])).toEqual([{ type: 'A', code: 2, by: 'errors', queries: 1 }]);
    one.behaviour = 'answers';
    expect(await ask()).toBe(answered(10));
    one.behaviour = 'silent';
    clock.nowMs = 60_000;
    expect(await ask(), 'stale').toBe(answered(30));
    clock.nowMs = 2 * 86_400_000;
    expect(await ask(), 'too old').toBe(failure);
  });

  it('has no room for one label that passes for two', async () => {
    const one = new Server('one');
    const { server } = setUp(one);
    for (const labels of ['\x07example\x03org\0', '\x0bexample.org\0']) {
      const name = Buffer.from(labels, 'latin1');
      const bytes = Buffer.concat([query('', 'A').subarray(0, 12), name, Buffer.of(0, 1, 0, 1)]);
      await server.answer(bytes, mesh(['front']), 'udp');
    }
    expect(one.asked).toBe(2);
  });

  it('passes nothing on that cannot be read', async () => {
    const one = new Server('one');
    const { ask } = setUp(
      {
        name: 'liar',
        exchange: async (question) => (await one.exchange(question)).subarray(0, 40),
      },
      new Server('two', 7),
    );
    expect(await ask()).toBe(answered(7));
  });

  it('of a server that lies: every response is one, and the cache keeps to its size', async () => {
    const { believed } = await attackForwarder({ packets: 20_000, seed: 14 });
    expect(believed).toBeGreaterThan(5_000);
  });
});

describe('responses that are kept', () => {
  const response = (length: number): Buffer => {
    const name = 'example.org';
    const data = Array.from({ length: Math.ceil(length / 256) }, () => 't'.repeat(255));
    const answers: Answer[] = [{ name, type: 'TXT', ttl: 300, data }];
    const questions = [{ name, type: 'TXT' as const }];
    return encode({ type: 'response', questions, answers });
  };
  const clock = { now: () => 0 };

  it('take 16 MiB; the oldest goes first', () => {
    const cache = new ForwardCache(clock);
    const bytes = response(16_000);
    const fit = Math.floor((16 << 20) / (bytes.length + 'name 0000'.length));
    for (let n = 0; n < fit + 10; n++) {
      cache.put(`name ${String(n).padStart(4, '0')}`, bytes);
      expect(cache.size().bytes).toBeLessThanOrEqual(16 << 20);
    }
    expect(cache.size().entries).toBe(fit);
    expect(cache.fresh('name 0009')).toBeUndefined();
    expect(cache.fresh('name 0010')).toEqual(bytes);
  });

  it('are 10,000 at most', () => {
    const cache = new ForwardCache(clock);
    for (let n = 0; n < 10_010; n++) cache.put(String(n), response(20));
    expect(cache.size().entries).toBe(10_000);
    expect([cache.fresh('9'), cache.fresh('10')]).toEqual([undefined, response(20)]);
  });

  it('are counted once when they are replaced, and not at all above 16 KiB', () => {
    const cache = new ForwardCache(clock);
    cache.put('a', response(1_000));
    cache.put('a', response(20));
    cache.put('b', response(16_384));
    expect(cache.size()).toEqual({ entries: 1, bytes: 1 + response(20).length });
  });
});
