import { describe, expect, it } from 'vitest';
import { isNotFound, openLinuxKernel, type Kernel } from '../../../src/kernel/index.js';
import { Ipvs } from '../../../src/kernel/linux/ipvs.js';
import { MessageWriter, messageType, messagesOf } from '../../../src/kernel/linux/message.js';
import type { Native, NativeSocket } from '../../../src/kernel/linux/sandbox.js';
import { NetlinkSession } from '../../../src/kernel/linux/session.js';
import { formatRule } from '../../../src/model/index.js';
import { add, destination, service, web4 } from '../../kernel-contract/rules.js';
import { readCaptured } from '../../support/captured.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const controller = 16;
const familyReply = Buffer.from('0102000006000100200000000900020049505653000000', 'hex');
const infoReply = Buffer.from('0e01000008000100010201000800020000100000', 'hex');

/** What a socket answers to a request: bodies of replies, or an errno. */
type Answers = (type: number, command: number) => readonly Buffer[] | number;

class AnsweringSocket implements NativeSocket {
  readonly portId = 7;
  exchanges = 0;

  constructor(private readonly answers: Answers) {}

  exchange(requests: Uint8Array): ReturnType<NativeSocket['exchange']> {
    this.exchanges++;
    const writer = new MessageWriter();
    for (const { type, flags, sequence, body } of messagesOf(Buffer.from(requests))) {
      const answer = this.answers(type, body[0]!);
      if (typeof answer === 'number') {
        writer.begin(messageType.error, 0, sequence);
        writer.u32(-answer >>> 0);
        writer.raw(Buffer.alloc(16));
        writer.end();
        continue;
      }
      for (const reply of answer) {
        writer.begin(type, 0, sequence);
        writer.raw(reply);
        writer.end();
      }
      if ((flags & 0x300) === 0) continue;
      writer.begin(messageType.done, 0, sequence);
      writer.u32(0);
      writer.end();
    }
    const replies = Buffer.from(writer.bytes());
    return Promise.resolve({ replies, overrun: false, errno: 0, sent: requests.length });
  }

  listen(): void {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function nativeError(code: string, errno: number): Error {
  return Object.assign(new Error(code), { code, errno, syscall: 'open' });
}

function nativeWith(answers: Answers, rest: Partial<Native> = {}): Native {
  return {
    open: () => Promise.resolve(new AnsweringSocket(answers)),
    readFile: () => Promise.reject(nativeError('ENOENT', 2)),
    writeFile: () => Promise.reject(nativeError('ENOENT', 2)),
    netnsId: () => ({ dev: 4, ino: 1 }),
    ...rest,
  };
}

const replies = (name: string): Buffer[] =>
  readCaptured(new URL(name, golden)).map(({ body }) => body);

describe('tables', () => {
  const answers: Answers = (type, command) => {
    if (type === controller) return [familyReply];
    expect(type).toBe(32); // The number the controller gave.
    if (command === 4) return replies('ipvs-service-replies.txt');
    if (command === 8) return replies('ipvs-destination-replies.txt').slice(0, 3);
    if (command === 13) return replies('ipvs-timeouts-replies.txt');
    return [infoReply];
  };

  it('are read in the order in which destinations were added: the kernel has it reversed', async () => {
    const ipvs = await Ipvs.open(new NetlinkSession(new AnsweringSocket(answers)));
    const { own, foreign } = await ipvs.services();
    expect(own.map(({ match }) => match)).toHaveLength(4);
    expect(formatRule(own[1]!)).toBe(`ipvs 10.96.0.1:80/tcp mh fallback port affinity=300s/24
  10.0.0.11:8080 masq weight=7 upper=9 lower=3
  10.0.0.13:8080 tunnel gue port=6080 checksum weight=0
  10.0.0.12:8080 route weight=0`);
    expect(foreign).toHaveLength(1);
    expect(await ipvs.info()).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
  });

  it('of services that are not asked for are not listed', async () => {
    const socket = new AnsweringSocket(answers);
    const ipvs = await Ipvs.open(new NetlinkSession(socket));
    expect(await ipvs.counters([])).toEqual([]);
    expect(socket.exchanges).toBe(2);
    expect(await ipvs.counters([web4])).toHaveLength(1);
  });
});

describe('a kernel without IPVS', () => {
  const open = (): Promise<Kernel> =>
    openLinuxKernel({ native: nativeWith((type) => (type === controller ? 2 : [])) });

  it('is observed as one without virtual services', async () => {
    const kernel = await open();
    const { own, foreign } = await kernel.observe({ sysctls: ['net/ipv4/vs/conntrack'] });
    expect([...own.keys()]).toEqual([]);
    expect(foreign).toEqual([]);
    expect(await kernel.counters()).toEqual([]);
    expect(await kernel.connections({ limit: 1 })).toEqual([]);
  });

  it('refuses virtual services with the reason', async () => {
    const kernel = await open();
    const failures = await kernel.apply([
      add(service(web4, { destinations: [destination('10.0.0.11')] })),
    ]);
    expect(failures.map(({ index, error }) => [index, error.code, error.message])).toEqual([
      [
        0,
        'failed_precondition',
        'add ipvs 10.96.0.1:80/tcp wrr: this kernel has no IPVS: no module ip_vs (EOPNOTSUPP)',
      ],
    ]);
    await expect(kernel.dataPath()).rejects.toMatchObject({ code: 'failed_precondition' });
  });
});

describe('a sandbox given by path', () => {
  it('must be there when it is opened', async () => {
    const netnsId = (): never => {
      throw nativeError('ENOENT', 2);
    };
    const native = nativeWith(() => [], { netnsId });
    const error = await openLinuxKernel({ netns: '/run/netns/gone', native }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'not_found',
      message: 'sandbox /run/netns/gone: network namespace vanished (ENOENT)',
    });
    expect(isNotFound(error)).toBe(true);
  });

  it('must stay the same namespace: a new one of its name is not it', async () => {
    let ino = 1;
    const native = nativeWith(() => [], { netnsId: () => ({ dev: 4, ino }) });
    const kernel = await openLinuxKernel({ netns: '/run/netns/a', native });
    await kernel.observe({ sysctls: [] });
    ino = 2;
    await expect(kernel.observe({ sysctls: [] })).rejects.toThrow('network namespace vanished');
  });
});

describe('sockets', () => {
  it('are opened when needed, once, and again after one failed', async () => {
    const opened: number[] = [];
    let failing = false;
    const native = nativeWith(() => [], {
      open: ({ protocol }) => {
        opened.push(protocol);
        const socket = new AnsweringSocket((type) => (type === controller ? [familyReply] : []));
        if (!failing) return Promise.resolve(socket);
        failing = false;
        socket.exchange = () =>
          Promise.resolve({ replies: Buffer.alloc(0), overrun: false, errno: 12, sent: 0 });
        return Promise.resolve(socket);
      },
    });
    const kernel = await openLinuxKernel({ native });
    expect(opened).toEqual([]);
    await Promise.all([kernel.counters(), kernel.counters()]);
    await kernel.counters();
    expect(opened).toEqual([16]);
    await kernel.close();
    failing = true;
    await expect(kernel.counters()).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect(await kernel.counters()).toEqual([]);
    expect(opened).toEqual([16, 16, 16]);
  });

  it('that cannot be opened are refused by name', async () => {
    const native = nativeWith(() => [], { open: () => Promise.reject(nativeError('EPERM', 1)) });
    const kernel = await openLinuxKernel({ native });
    await expect(kernel.counters()).rejects.toThrow(
      'open generic netlink socket in host: CAP_NET_ADMIN is missing (EPERM)',
    );
  });
});
