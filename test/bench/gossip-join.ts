import { Ed25519Proofs } from '../../src/catalog/index.js';
import { profiles } from '../../src/gossip/index.js';
import { Network } from '../sim/network.js';
import { between, oneOf, seededRandom } from '../sim/random.js';
import { settledNodes } from '../sim/settled-nodes.js';
import { SimNode } from '../sim/sim-node.js';
import { emit } from './figure.js';
import { median } from './stats.js';

const nodes = 100;
const rows = 100;
const valueBytes = 300;
const rounds = 10;

/** From the start of a node that knows one other to the moment in which it has all rows. */
export function measureJoin(): void {
  const network = new Network(seededRandom(1));
  const options = { choices: { profile: profiles.lan } };
  const cluster = settledNodes({ nodes, rows, bytes: valueBytes }, network, options);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    network.runUntil(network.nowMs + between(network.random, 2_000, 4_000));
    const startedAt = network.nowMs;
    const joiner = new SimNode(`joiner-${round}`, nodes + round, network, options);
    joiner.start({ join: [oneOf(network.random, cluster).member.at] });
    while (joiner.catalog!.size().rows < nodes * rows) network.runUntil(network.nowMs + 1);
    times.push(network.nowMs - startedAt);
    joiner.crash();
  }
  // In virtual time checking is free; here nothing else is done meanwhile.
  const checking = (nodes * (rows + 1) * checkUs()) / 1_000;
  emit({
    bench: 'gossip',
    case: 'join',
    value: median(times) + checking,
    unit: 'ms',
    goal: { value: 3_000 },
    phases: { transfer: median(times), signatures: checking },
    transferMax: Math.round(Math.max(...times)),
    rounds,
    nodes,
    rows: nodes * rows,
    profile: 'lan',
    time: 'virtual, but for the signatures',
  });
}

/** What it costs to check one row of this size. Unit: microseconds. */
function checkUs(): number {
  const proofs = new Ed25519Proofs(Buffer.alloc(32, 1));
  const bytes = Buffer.alloc(100, 'x');
  const signature = proofs.sign(bytes);
  const check = (times: number): void => {
    for (let n = 0; n < times; n++) proofs.verify(proofs.publicKey, bytes, signature);
  };
  check(500);
  const startedAt = process.cpuUsage();
  check(2_000);
  const { user, system } = process.cpuUsage(startedAt);
  return (user + system) / 2_000;
}
