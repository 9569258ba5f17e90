import { Keyring, profiles, wireOptions } from '../../src/gossip/index.js';
import { MeteredNetwork, type TrafficKind } from '../sim/metered-network.js';
import { seededRandom } from '../sim/random.js';
import { settledNodes } from '../sim/settled-nodes.js';
import { progress } from './bench.js';
import { emit } from './figure.js';

const nodes = 100;
const valueBytes = 300;
/** At this size two members exchange everything every 90 s. */
const measuredMs = 180_000;

/** What a node sends while nothing happens, with and without rows. */
export function measureIdle(): void {
  for (const rows of [0, 100]) {
    const wire = wireOptions({ keyring: new Keyring(Buffer.alloc(32, 1)) });
    const network = new MeteredNetwork(seededRandom(1), wire);
    settledNodes({ nodes, rows, bytes: valueBytes }, network, {
      choices: { profile: profiles.lan },
    });
    network.runUntil(network.nowMs + 10_000);
    const before = { ...network.sentBytes };
    network.runUntil(network.nowMs + measuredMs);
    const perSecond = (kind: TrafficKind): number =>
      (network.sentBytes[kind] - before[kind]) / nodes / (measuredMs / 1_000);
    const phases = {
      probes: perSecond('probes'),
      catalog: perSecond('catalog'),
      pushPulls: perSecond('pushPulls'),
    };
    progress(`idle: ${rows * nodes} rows done`);
    emit({
      bench: 'gossip',
      case: 'idle',
      figure: `${rows * nodes} rows`,
      value: phases.probes + phases.catalog + phases.pushPulls,
      unit: 'B/s',
      goal: { value: 1_000 },
      phases,
      nodes,
      profile: 'lan',
      time: 'virtual',
    });
  }
}
