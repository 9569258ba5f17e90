import type { ServiceState } from '../../../src/api/index.js';
import { tcpPort, type Scene } from '../support/scene.js';
import { answer, type Nodes } from './mesh-nodes.js';

/** How `dig` may ask, and what it sees in the header beside qr. */
const ways: readonly (readonly [options: readonly string[], flags: string])[] = [
  [[], 'aa rd ra'],
  [['+tcp'], 'aa rd ra'],
  [['+noedns'], 'aa rd ra'],
  [['+bufsize=512'], 'aa rd ra'],
  [['+bufsize=1232'], 'aa rd ra'],
  [['+bufsize=65535'], 'aa rd ra'],
  [['+nocookie'], 'aa rd ra'],
  [['+norecurse'], 'aa ra'],
  [['+cdflag'], 'aa rd ra cd'],
  [['+dnssec'], 'aa rd ra'],
  [['+subnet=192.0.2.0/24'], 'aa rd ra'],
  [['+padding=128', '+nsid', '+keepalive', '+tcp'], 'aa rd ra'],
  [['+zflag'], 'aa rd ra'],
];

const types = ['A', 'AAAA', 'SRV', 'TXT', 'ANY', 'MX', 'NS', 'SOA', 'HTTPS', 'TYPE65280'];

/** A name as it is, and as nobody writes it. */
const spellings = ['web.front.mesh.internal', 'wEB.FroNT.Mesh.INTERNAL.'];

interface Told {
  readonly status: string;
  readonly flags: string;
  /** Without TTLs, sorted. */
  readonly answers: string;
  /** As it came back. */
  readonly question: string;
}

/** Every type in every way is answered alike, by what is kept and by what is made. */
export async function matrix(scene: Scene, resolver: string): Promise<void> {
  const ask = async (name: string, type: string, options: readonly string[]): Promise<Told> => {
    const argv = ['dig', `@${resolver}`, '+time=2', '+tries=1', ...options, name, type];
    const { stdout } = await scene.topology.exec('t1', argv, { mayFail: true });
    return readDig(stdout);
  };
  const differing: string[] = [];
  let asked = 0;
  for (const type of types) {
    const { status, answers } = await ask(spellings[0]!, type, ['+nocookie']);
    for (const name of type === 'A' ? spellings : spellings.slice(0, 1)) {
      for (const [options, flags] of ways) {
        const told = await ask(name, type, options);
        const wanted = { status, flags, answers, question: name.replace(/\.$/, '') };
        asked++;
        if (JSON.stringify(told) === JSON.stringify(wanted)) continue;
        differing.push(`${options.join(' ')} ${name} ${type}: ${JSON.stringify(told)}`);
      }
    }
  }
  scene.report.claim(
    differing.length === 0,
    `dig: ${types.length} types, ${ways.length} ways, and in another case`,
    differing[0] ?? `${asked} alike`,
  );
  const srv = await ask(`_${tcpPort}._tcp.web`, 'SRV', ['+bufsize=4096', '+nocookie']);
  scene.report.claim(srv.answers.split(';').length === 2, 'dig: SRV of a port', srv.answers);
}

function readDig(stdout: string): Told {
  const match = (pattern: RegExp): string => pattern.exec(stdout)?.[1]?.trim() ?? '';
  const section = match(/;; ANSWER SECTION:\n((?:[^;\n].*\n)*)/).split('\n');
  const answers = section.map((line) => line.split(/\s+/).slice(3).join(' ')).sort();
  return {
    status: match(/status: ([A-Z]+)/) || 'no answer',
    flags: match(/;; flags: qr ?([a-z ]*);/),
    answers: answers.filter(Boolean).join('; '),
    question: match(/;; QUESTION SECTION:\n;(\S+?)\.?\s/),
  };
}

/** Prints how many of 200 queries, sent at once from one socket, are answered with an address. */
const burst = `
  const socket = require('dgram').createSocket('udp4');
  const answered = new Set();
  socket.on('message', (bytes, { port }) => {
    const told = bytes.readUInt16BE(6) === 1 && [...bytes.subarray(-4)].join('.');
    if (port === 53 && told === process.argv[1]) answered.add(bytes.readUInt16BE(0));
    if (answered.size === 200) end();
  });
  const end = () => { console.log(answered.size); process.exit(); };
  setTimeout(end, 5000);
  for (let id = 0; id < 200; id++) {
    const head = Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const query = Buffer.concat([head, Buffer.from('\\x03web\\0\\0\\x01\\0\\x01', 'latin1')]);
    socket.send(query, 53, '127.0.0.11');
  }`;

/** Responses to one socket go through the kernel as one packet, whose ports are changed on the way. */
export async function crowd({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  const { vips } = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'web');
  const { stdout } = await topology.exec('t1', [process.execPath, '-e', burst, vips[0]!]);
  report.claim(stdout.trim() === '200', '200 queries at once from one socket', stdout.trim());
}
