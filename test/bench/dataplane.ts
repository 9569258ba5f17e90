import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { untilIdle } from './netns.js';
import { newConnections, wrk } from './load.js';
import { ours } from './ours.js';
import { median } from './stats.js';
import { makeNetwork, withBalancer } from './topology.js';
import { peers, type Variant } from './variants.js';

const rounds = 3;
const seconds = 1;
const firstPort = 8000;

/** wrk's options by case. */
const load: Readonly<Record<string, readonly string[]>> = {
  conn: newConnections,
  keep: [],
};

/** Rates of each variant by case and variant's name, one per round. */
type Rates = Map<string, number[]>;

/** The proxies, and what nginx needs to pass TCP on. */
const peerPackages = ['haproxy', 'nginx', 'libnginx-mod-stream'];

/**
 * What a packet costs on its way through the balancer. The guest counts instructions, so the
 * figures are path lengths: they repeat to about 0.5 % whatever else the machine does.
 */
export const dataplane: Bench = {
  name: 'dataplane',
  summary: 'HTTP through the balancer: IPVS as we program it, by hand, nftables, proxies',
  cases: {
    conn: 'new connections per second',
    keep: 'requests per second on 16 open connections',
  },
  // Installed on this machine they would start to serve.
  guest: ['--icount', '--timeout', '1800', ...peerPackages.flatMap((name) => ['--extra', name])],
  peers: ['http_server'],
  daemon: true,
  async run(cases) {
    const modules = ['ip_vs', 'ip_vs_rr', 'dummy', 'veth', 'bridge', 'nf_conntrack'];
    await run(['modprobe', '-a', ...modules]);
    const variants = [...ours, ...peers];
    const rates: Rates = new Map();
    const count = rounds * variants.length * cases.length;
    const stop = await makeNetwork({ first: firstPort, count });
    let port = firstPort;
    for (let round = 1; round <= rounds; round++) {
      for (const variant of variants) {
        // A port is used once: what is left of its connections would slow down new ones.
        const ports = cases.map(() => port++);
        await measure(variant, cases, ports, rates);
      }
      progress(`dataplane: round ${round} of ${rounds}`);
    }
    await stop();
    report(cases, rates);
  },
};

async function measure(
  variant: Variant,
  cases: readonly string[],
  ports: readonly number[],
  rates: Rates,
): Promise<void> {
  await withBalancer(async () => {
    const stop = await variant.start(ports);
    // What starting leaves to do is not what a packet costs.
    await untilIdle();
    for (const [i, name] of cases.entries()) {
      const url = `http://${variant.address}:${ports[i]!}/`;
      const { rate } = await wrk(url, [`-d${seconds}s`, ...load[name]!]);
      progress(`${variant.name}: ${name} ${rate.toFixed(0)}/s`);
      const key = `${name} ${variant.name}`;
      rates.set(key, [...(rates.get(key) ?? []), rate]);
    }
    await stop();
  });
}

function report(cases: readonly string[], rates: Rates): void {
  for (const name of cases) {
    for (const variant of ours) {
      const value = rates.get(`${name} ${variant.name}`)!;
      for (const other of peers) {
        const peerValue = median(rates.get(`${name} ${other.name}`)!);
        emit({
          bench: 'dataplane',
          case: name,
          figure: variant.name,
          value: median(value),
          unit: '1/s',
          peer: other.name,
          peerValue,
          spread: Number((Math.max(...value) / Math.min(...value) - 1).toFixed(4)),
          rounds,
        });
      }
    }
  }
}
