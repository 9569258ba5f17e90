import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { DnsServer } from '../../../src/dns/index.js';
import { loadNative, type MissedQuery, type Responder } from '../../../src/kernel/linux/native.js';
import { inOrder } from '../../fuzz/dns/response.js';
import { attackServer } from '../../fuzz/dns/server.js';
import { attackSockets } from '../../fuzz/dns/sockets.js';
import { handlersFor, mesh, query } from '../dns/mesh.js';

const native = loadNative();
const opened: { close(): unknown }[] = [];
afterEach(() => opened.splice(0).forEach((one) => one.close()));

function open(missed: (queries: readonly MissedQuery[]) => void = () => undefined): Responder {
  const responder = new native.Responder(missed);
  opened.push(responder);
  return responder;
}

/** Bytes after the header of a query: what an answer is kept for. */
const questionOf = (bytes: Buffer): Buffer => bytes.subarray(12, bytes.indexOf(0, 12) + 5);

const answer = {
  flags: 0x8480,
  answers: 1,
  authority: 0,
  records: Buffer.from('c00c00010001000000050004' + '0a4000c8', 'hex'),
  turnBytes: 0,
  counter: 0,
  labels: ['web', '@front'],
};

describe('what is kept', () => {
  /** A server that has been asked all this, and what it keeps. */
  function asked(questions: readonly Buffer[]): {
    readonly server: DnsServer;
    readonly responder: Responder;
  } {
    const responder = open();
    const server = new DnsServer(handlersFor([], responder));
    for (const bytes of questions) void server.answer(bytes, mesh(['front']), 'udp');
    return { server, responder };
  }
  const view = 1;
  const names = ['web', 'web.front', 'tasks.web', 'bare', 'idle', 'web-1', '_8080._tcp.web'];
  const usual = names.flatMap((name) =>
    ['A', 'AAAA', 'SRV', 'TXT'].map((type) => query(name, type)),
  );

  it('is said as the server says it: id, case, flags, EDNS', () => {
    const { server, responder } = asked(usual);
    const variants = usual.flatMap((bytes) => {
      const other = Buffer.from(bytes);
      other.writeUInt16BE(0x1234, 0);
      other.writeUInt16BE(0x0010, 2);
      const isLetter = /[a-z]/.test(String.fromCharCode(other[13]!));
      if (isLetter) other[13]! ^= 0x20;
      return [bytes, other];
    });
    const withEdns = names.flatMap((name) => [query(name, 'A', { edns: 512 })]);
    for (const bytes of [...variants, ...withEdns]) {
      const said = responder.respond(view, bytes);
      expect(said).toBeDefined();
      expect(inOrder(said!)).toBe(inOrder(server.answer(bytes, mesh(['front']), 'udp') as Buffer));
    }
  });

  it('is nothing of names that nobody has, of others, of other views', () => {
    const { responder } = asked([
      query('none.mesh.internal', 'A'),
      query('web', 'MX'),
      query('web', 'ANY'),
      query('tasks.crowd', 'A', { edns: 1_232 }),
    ]);
    expect(responder.counts().kept).toBe(1);
    const crowd = (edns?: number): Buffer => query('tasks.crowd', 'A', edns ? { edns } : {});
    expect(responder.respond(view, crowd(1_232))?.length).toBeGreaterThan(600);
    expect(responder.respond(view, crowd()), 'to be cut short').toBeUndefined();
    expect(responder.respond(view + 1, crowd(1_232))).toBeUndefined();
  });

  it('is told in turn where there are several addresses', () => {
    const { responder } = asked([query('bare', 'A')]);
    const first = Array.from({ length: 6 }, () => responder.respond(view, query('bare', 'A'))![37]);
    expect(new Set(first.slice(0, 2)).size).toBe(2);
    expect(first.slice(2)).toEqual([...first.slice(0, 2), ...first.slice(0, 2)]);
  });

  it('of messages changed at random is what the server says, or nothing', async () => {
    const { kept } = await attackServer({ packets: 20_000, seed: 12 }, open());
    expect(kept).toBeGreaterThan(4_000);
  });

  it('is forgotten by any of its labels, and all at once', () => {
    const responder = open();
    const [web, shop] = [query('web', 'A'), query('shop', 'A')];
    const put = (): void => {
      responder.put(view, questionOf(web), answer);
      responder.put(view, questionOf(shop), { ...answer, labels: ['shop', 'shop', '@front'] });
    };
    const kept = (): boolean[] => [web, shop].map((one) => !!responder.respond(view, one));
    put();
    put();
    expect(responder.counts().kept).toBe(2);
    expect(kept()).toEqual([true, true]);
    responder.forget('shop');
    responder.forget('none');
    expect(kept()).toEqual([true, false]);
    put();
    responder.forget('@front');
    expect(kept()).toEqual([false, false]);
    put();
    responder.setAnswering(false);
    expect(kept(), 'every query comes to JavaScript').toEqual([false, false]);
    responder.setAnswering(true);
    expect(kept()).toEqual([true, true]);
    responder.clear();
    expect(responder.counts().kept).toBe(0);
  });

  it('is bounded', () => {
    const responder = open();
    for (let i = 0; i < 200_001; i++) {
      const question = Buffer.from('\x06000000\0\0\x01\0\x01', 'latin1');
      question.write(i.toString(36).padStart(6, '0'), 1);
      responder.put(view, question, answer);
    }
    expect(responder.counts().kept).toBe(1);
  });

  it.each<[string, Buffer, object]>([
    ['no question', Buffer.from('web'), {}],
    ['more than a question', Buffer.concat([questionOf(query('web', 'A')), Buffer.of(0)]), {}],
    ['a name that points elsewhere', Buffer.of(0xc0, 12, 0, 1, 0, 1), {}],
    ['turns of nothing', questionOf(query('web', 'A')), { turnBytes: 16, answers: 0 }],
    ['turns beyond the records', questionOf(query('web', 'A')), { turnBytes: 17 }],
  ])('is not %s', (_, question, wrong) => {
    const responder = open();
    expect(() => responder.put(view, question, { ...answer, ...wrong })).toThrow(RangeError);
    expect(responder.counts().kept).toBe(0);
  });
});

describe('a socket', () => {
  interface Bound {
    readonly client: Socket;
    readonly socket: number;
    readonly port: number;
    readonly ask: (bytes: Buffer) => Promise<Buffer>;
  }

  /** Ports are taken by binding, and told by who answers. */
  async function bind(responder: Responder, queriesPerSecond = 0): Promise<Bound> {
    const probe = createSocket('udp4').bind(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    const fd = await native.bindSocket({ type: 'udp', address: '127.0.0.1', port });
    const socket = responder.add(fd, 1, queriesPerSecond);
    const client = createSocket('udp4');
    opened.push(client);
    return {
      client,
      socket,
      port,
      ask: async (bytes) => {
        client.send(bytes, port, '127.0.0.1');
        const [response] = (await once(client, 'message')) as [Buffer];
        return response;
      },
    };
  }

  it('gives what is kept, and asks for what is not', async () => {
    const missed: string[] = [];
    const responder = open((queries) => {
      for (const { socket, from, message } of queries) {
        missed.push(message.toString('latin1', 13, 16));
        responder.send(socket, from, Buffer.from(`not ${message.toString('latin1', 13, 16)}`));
      }
    });
    const { ask, socket } = await bind(responder);
    const web = query('web', 'A');
    expect(String(await ask(web))).toBe('not web');
    responder.put(1, questionOf(web), answer);
    expect((await ask(web)).toString('hex')).toBe(responder.respond(1, web)!.toString('hex'));
    responder.setView(socket, 2);
    expect(String(await ask(web)), 'of another view').toBe('not web');
    expect(missed).toEqual(['web', 'web']);
    expect(responder.counts().answered).toEqual([2]);
  });

  it('answers many at once, each with its own id', async () => {
    const responder = open();
    const { client, port } = await bind(responder);
    responder.put(1, questionOf(query('web', 'A')), answer);
    const ids = new Set<number>();
    const all = new Promise<void>((resolve) => {
      client.on('message', (response) => {
        if (ids.add(response.readUInt16BE(0)).size === 150) resolve();
      });
    });
    for (let id = 0; id < 150; id++) {
      const bytes = query('web', 'A');
      bytes.writeUInt16BE(id, 0);
      client.send(bytes, port, '127.0.0.1');
    }
    await all;
    expect(ids.size).toBe(150);
  });

  it('keeps to so many queries a second of one source', async () => {
    const seen: number[] = [];
    const responder = open((queries) => {
      for (const { message, socket, from } of queries) {
        seen.push(message.readUInt16BE(0));
        responder.send(socket, from, message);
      }
    });
    const limited = await bind(responder, 3);
    const free = await bind(responder);
    for (let id = 0; id < 10; id++) {
      const bytes = Buffer.alloc(12, 0);
      bytes.writeUInt16BE(id, 0);
      limited.client.send(bytes, limited.port, '127.0.0.1');
    }
    // Sockets are served in the order in which they were heard of: this one is behind them.
    while (seen.length < 3 || responder.counts().limited < 7) await free.ask(Buffer.alloc(12, 1));
    expect(seen.filter((id) => id < 10)).toEqual([0, 1, 2]);
  });

  it('drops what is longer than any query, and what too many wait for', async () => {
    let waiting = 0;
    const responder = open((queries) => {
      waiting += queries.length;
      for (const { message, socket, from } of queries) responder.send(socket, from, message);
    });
    const { client, port, ask } = await bind(responder);
    client.send(Buffer.alloc(65_000), port, '127.0.0.1');
    while (responder.counts().oversized === 0) await ask(Buffer.alloc(12));
    expect(waiting).toBeGreaterThan(0);
  });

  it('of a name server takes messages changed at random, and goes on', async () => {
    const { responses } = await attackSockets({ packets: 4_000, seed: 13 });
    expect(responses).toBeGreaterThan(2_500);
  });

  it('is closed when it is removed, and all with the responder', async () => {
    const responder = open();
    const { socket, port } = await bind(responder);
    const other = await bind(responder);
    const again = async (at: number): Promise<void> => {
      const probe = createSocket('udp4').bind(at, '127.0.0.1');
      await once(probe, 'listening');
      await new Promise<void>((resolve) => probe.close(() => resolve()));
    };
    responder.remove(socket);
    responder.remove(socket);
    responder.send(socket, Buffer.alloc(16), Buffer.from('to nobody'));
    await again(port);
    responder.close();
    responder.close();
    await again(other.port);
  });

  it('is refused where it cannot be waited for', () => {
    const responder = open();
    expect(() => responder.add(1_000_000, 1, 0)).toThrow('EBADF');
    expect(() => responder.add(-1, 1, 0)).toThrow(RangeError);
    expect(() => new native.Responder(undefined as never)).toThrow(TypeError);
    responder.close();
    expect(() => responder.add(0, 1, 0)).toThrow('closed');
  });
});
