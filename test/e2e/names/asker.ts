/**
 * `asker PAUSE_MS NAME...`: asks 127.0.0.11 for these names, A and AAAA in turn, until SIGTERM; then
 * prints what it was told, as JSON. Runs in a task.
 */
import { createSocket } from 'node:dgram';
import { codeOf, readRecords } from '../../../src/dns/message.js';
import { encodeName } from '../../../src/dns/name.js';
import { recordType } from '../../../src/dns/record.js';
import { formatAddress } from '../../../src/model/index.js';
import { noAnswer, type Told } from './told.js';

const [pauseMs = '5', ...names] = process.argv.slice(2);
const server = { address: '127.0.0.11', port: 53 };
/** What programs wait for at least. Unit: milliseconds. */
const timeoutMs = 2_000;

interface Asked {
  readonly question: string;
  readonly type: number;
  readonly atMs: number;
}

const questions = names.flatMap((name) => [
  { name, type: recordType.A },
  { name, type: recordType.AAAA },
]);
const open = new Map<number, Asked>();
const told: Told[] = [];
const last = new Map<string, Told>();
const socket = createSocket('udp4');
let count = 0;

function ask(): void {
  const now = Date.now();
  for (const [id, { question, atMs }] of open) {
    if (now - atMs < timeoutMs) break;
    open.delete(id);
    told.push({ question, code: noAnswer, addresses: [], fromMs: atMs, untilMs: atMs, count: 1 });
  }
  const { name, type } = questions[count % questions.length]!;
  const id = count++ & 0xffff;
  const head = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  open.set(id, { question: `${name} ${type === recordType.A ? 'A' : 'AAAA'}`, type, atMs: now });
  socket.send(Buffer.concat([head, encodeName(name)!, Buffer.of(0, type, 0, 1)]));
}

socket.on('message', (response) => {
  const id = response.readUInt16BE(0);
  const asked = open.get(id);
  if (asked === undefined) return;
  open.delete(id);
  const records = readRecords(response) ?? [];
  const addresses = records
    .filter(({ type }) => type === asked.type)
    .map(({ data }) => formatAddress(data))
    .sort();
  note(asked.question, asked.atMs, codeOf(response), addresses);
});
// Nobody listens while the daemon is down: that is no answer when its time is over.
socket.on('error', () => undefined);

/** The same answer again makes the one before longer. */
function note(question: string, atMs: number, code: number, addresses: readonly string[]): void {
  const before = last.get(question);
  if (before?.code === code && before.addresses.join() === addresses.join()) {
    before.count++;
    before.untilMs = Math.max(before.untilMs, atMs);
    return;
  }
  const next = { question, code, addresses, fromMs: atMs, untilMs: atMs, count: 1 };
  told.push(next);
  last.set(question, next);
}

socket.connect(server.port, server.address, () => {
  process.stdout.write('asks\n');
  setInterval(ask, Number(pauseMs));
});
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0));
});
