/** Another server that lies: changed responses to what it is asked, and changes of its own kinds. */
import { encode, type Answer } from 'dns-packet';
import { MeshError, type Log } from '../../../src/base/index.js';
import {
  DnsServer,
  errorsHandler,
  Forwarder,
  isResponseTo,
  isTruncated,
  type Upstream,
} from '../../../src/dns/index.js';
import { readRecords } from '../../../src/dns/message.js';
import { between, oneOf, wholeBetween } from '../../sim/random.js';
import { handlersFor, mesh, query } from '../../unit/dns/mesh.js';
import { attack, insist, type Attack, type Figures } from './attack.js';
import { mutated } from './mutate.js';
import { checkFrame } from './response.js';

/** What the cache may hold. */
const entriesMax = 10_000;
const bytesMax = 16 << 20;

/** Rejects when a response is not as it should be, or the cache beyond its bounds. */
export async function attackForwarder(options: Attack): Promise<Figures> {
  const clock = { nowMs: 0, now: () => clock.nowMs, wallMs: () => 0, after: () => () => undefined };
  const liar = new Liar();
  const forwarder = new Forwarder({ clock, upstreams: () => [liar] });
  const dns = new DnsServer({
    ...handlersFor([]),
    errors: errorsHandler(complaining),
    forward: forwarder.handler,
  });
  const asker = mesh(['front']);
  const figures = { asked: 0, believed: 0, cacheEntries: 0, cacheBytes: 0 };
  await attack(
    options,
    (random) => liar.invent(random),
    async (_, number) => {
      clock.nowMs += liar.pauseMs;
      const transport = number % 4 === 0 ? 'tcp' : 'udp';
      const response = await dns.answer(liar.query, asker, transport);
      insist(response !== undefined, 'a query without response');
      checkFrame(liar.query, response, transport);
      insist(readRecords(response) !== undefined, 'a response that cannot be read');
      const { entries, bytes } = forwarder.cache.size();
      insist(entries <= entriesMax && bytes <= bytesMax, `${entries} entries, ${bytes} bytes`);
      figures.cacheEntries = Math.max(figures.cacheEntries, entries);
      figures.cacheBytes = Math.max(figures.cacheBytes, bytes);
    },
  );
  return { ...figures, asked: liar.asked, believed: liar.believed };
}

/** Servers that do not answer are no news; all else that fails is a fault of ours. */
const complaining: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_: object, text: string) => {
    throw new Error(text);
  },
  error: (_: object, text: string) => {
    throw new Error(text);
  },
};

class Liar implements Upstream {
  readonly name = '192.0.2.53:53';
  /** What is asked next. */
  query: Buffer = Buffer.alloc(0);
  /** How long after the one before. Unit: milliseconds. */
  pauseMs = 0;
  asked = 0;
  believed = 0;
  private lies: readonly Buffer[] = [];

  /** A query, and what is said to it: the second time, by TCP, if the first was cut short. */
  invent(random: () => number): Buffer {
    // Of most names there is a response already, of others not.
    const name = `n${Math.floor(random() ** 3 * 40_000)}.example.org`;
    const edns = oneOf(random, [{}, {}, { edns: 512 }, { edns: 4_096 }]);
    this.query = query(name, oneOf(random, ['A', 'A', 'AAAA', 'TXT', 'NS']), edns);
    this.pauseMs = random() < 0.001 ? between(random, 0, 4e7) : between(random, 0, 50);
    const truth = [true, false].map((isLong) => responseOf(random, this.query, isLong));
    this.lies = [mutated(random, truth), mutated(random, truth)];
    return this.lies[0]!;
  }

  /** Believes what a socket of ours would. */
  exchange(question: Buffer): Promise<Buffer> {
    this.asked++;
    for (const lie of this.lies) {
      const told = Buffer.from(lie);
      // Most are of the right id: others go no further.
      if (told.length >= 2 && this.asked % 10 !== 0) question.copy(told, 0, 0, 2);
      if (!isResponseTo(question, told)) break;
      if (isTruncated(told) && lie === this.lies[0]) continue;
      this.believed++;
      return Promise.resolve(told);
    }
    return Promise.reject(new MeshError('deadline_exceeded', `ask ${this.name}: no answer`));
  }
}

const ttls = [0, 1, 300, 86_400, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

function responseOf(random: () => number, asked: Buffer, isLong: boolean): Buffer {
  const name = asked.toString('latin1', 13, 13 + asked[12]!) + '.example.org';
  const ttl = oneOf(random, ttls);
  const type = (['A', 'AAAA', 'TXT', 'NS'] as const).find(
    (one) => typeNumbers[one] === asked.readUInt16BE(asked.indexOf(0, 12) + 1),
  )!;
  const answers: Answer[] = [{ name, type: 'A', ttl, data: '192.0.2.80' }];
  const length = random() < 0.01 ? wholeBetween(random, 20, 250) : wholeBetween(random, 1, 12);
  for (let n = isLong ? length : 0; n > 0; n--) {
    answers.push({ name, type: 'TXT', ttl: oneOf(random, ttls), data: ['t'.repeat(250)] });
  }
  const soa = { mname: 'ns.org', rname: 'h.org', serial: 1, refresh: 1, retry: 1, expire: 1 };
  const isNone = random() < 0.1;
  return encode({
    type: 'response',
    id: 1,
    flags: 0x0180 | (isNone ? 3 : 0) | (random() < 0.05 ? 0x0200 : 0),
    questions: [{ name, type }],
    answers: isNone ? [] : answers,
    authorities: isNone
      ? [{ name: 'org', type: 'SOA', ttl, data: { ...soa, minimum: oneOf(random, ttls) } }]
      : [],
  });
}
const typeNumbers = { A: 1, AAAA: 28, TXT: 16, NS: 2 } as const;
