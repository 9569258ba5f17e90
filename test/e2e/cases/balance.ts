import { Meshd } from '../support/meshd.js';
import { troubles, type LoadOptions } from '../support/peers.js';
import {
  evenWeights,
  servicesYaml,
  udpPort,
  vip,
  type Case,
  type Scene,
} from '../support/scene.js';
import { spreadOf } from '../support/spread.js';
import { addressOf, type Family } from '../support/topology.js';

const weighted = { s1: 3, s2: 2, s3: 1 };

export const balance: Case = {
  name: 'balance',
  about: 'requests spread over the servers as the scheduler and the weights say',
  async run(scene) {
    const meshd = await Meshd.fresh(
      scene.topology,
      servicesYaml([
        { name: 'even', vip: 10, fields: ['scheduler: rr'] },
        { name: 'weighted', vip: 11, fields: ['scheduler: wrr'], weights: weighted },
        { name: 'dns', vip: 12, ports: `53:${udpPort}/udp`, fields: ['scheduler: rr'] },
      ]),
    );
    await checkSpread(scene, { what: 'rr', vip: 10, family: 4, requests: 10_000 });
    await checkSpread(scene, { what: 'rr', vip: 10, family: 6, requests: 2_000 });
    await checkSpread(scene, {
      what: 'wrr',
      vip: 11,
      family: 4,
      requests: 3_000,
      weights: weighted,
    });
    await checkSpread(scene, {
      what: 'wrr',
      vip: 11,
      family: 6,
      requests: 1_200,
      weights: weighted,
    });
    const udp = { vip: 12, port: 53, options: { protocol: 'udp' } } as const;
    await checkSpread(scene, { what: 'rr, UDP', family: 4, requests: 3_000, ...udp });
    await checkSpread(scene, { what: 'rr, UDP', family: 6, requests: 1_000, ...udp });
    await meshd.end('SIGTERM');
  },
};

interface SpreadCheck {
  readonly what: string;
  readonly vip: number;
  readonly family: Family;
  readonly port?: number;
  readonly requests: number;
  readonly weights?: Readonly<Record<string, number>>;
  readonly options?: LoadOptions;
}

/** Calls a VIP and claims: all answered, spread by weight, the client's own address seen. */
export async function checkSpread({ peers, report }: Scene, check: SpreadCheck): Promise<void> {
  const { what, family, requests, weights = evenWeights, port = 80 } = check;
  const address = vip(check.vip, family);
  const result = await peers.load('client', address, port, { requests, ...check.options });
  const of = `${requests} requests to ${address} port ${port} (IPv${family}, ${what})`;
  report.claim(result.ok === requests, `all of ${of} answered`, troubles(result));
  const { plausible, text } = spreadOf(result.servers, weights);
  const ratio = Object.values(weights).join(':');
  report.claim(plausible, `they spread ${ratio} over the servers`, text);
  const client = addressOf('client', family);
  report.claim(
    result.seen[client] === result.ok && result.otherSource === 0,
    "the servers saw the client's own address",
    Object.keys(result.seen).join(', '),
  );
}
