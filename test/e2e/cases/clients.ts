import { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, udpPort, vip, type Case, type Scene } from '../support/scene.js';
import {
  addressOf,
  families,
  firstBehind,
  insideOf,
  type Family,
  type Host,
} from '../support/topology.js';

const requests = 60;

export const clients: Case = {
  name: 'clients',
  about: 'clients everywhere get answers, and the servers see who they are',
  async run(scene) {
    const meshd = await Meshd.fresh(
      scene.topology,
      servicesYaml([
        { name: 'web', vip: 10, fields: ['scheduler: rr'] },
        { name: 'dns', vip: 11, ports: `53:${udpPort}/udp`, fields: ['scheduler: rr'] },
        { name: 'hidden', vip: 12, fields: ['scheduler: rr', 'snat: always'] },
      ]),
    );
    for (const family of families) await fromEverywhere(scene, family);
    await meshd.end('SIGTERM');
  },
};

/** The claims about the client's address that the servers see. */
export async function fromEverywhere(scene: Scene, family: Family): Promise<void> {
  const inside = insideOf('lb', family);
  const own = addressOf('client', family);
  await sees(scene, { family, who: 'a client beyond a router', from: 'client', seen: own });
  await sees(scene, {
    family,
    who: 'a client with another address',
    from: 'client',
    source: firstBehind(family),
    seen: firstBehind(family),
  });
  const neighbor = "a client on the servers' own link, masqueraded,";
  await sees(scene, { family, who: neighbor, from: 'neighbor', seen: inside });
  await sees(scene, { family, who: 'the load balancer itself', from: 'lb', seen: inside });
  const udp = { family, port: 53, vip: 11 } as const;
  await sees(scene, { ...udp, who: 'a UDP client', from: 'client', seen: own });
  await sees(scene, { ...udp, who: `${neighbor} over UDP`, from: 'neighbor', seen: inside });
  const always = 'a client of a service with snat: always';
  await sees(scene, { family, vip: 12, who: always, from: 'client', seen: inside });
}

interface Sight {
  readonly family: Family;
  readonly who: string;
  readonly from: Host;
  readonly source?: string;
  readonly vip?: number;
  readonly port?: 53 | 80;
  /** The address that the servers are to see. */
  readonly seen: string;
}

async function sees({ peers, report }: Scene, sight: Sight): Promise<void> {
  const { family, who, from, seen, source, port = 80 } = sight;
  const result = await peers.load(from, vip(sight.vip ?? 10, family), port, {
    requests,
    concurrency: 4,
    ...(source === undefined ? {} : { from: [source, 1] as const }),
    ...(port === 53 ? { protocol: 'udp' as const } : {}),
  });
  const all = Object.keys(result.seen).join(', ');
  report.claim(
    result.ok === requests && all === seen && Object.keys(result.servers).length === 3,
    `${who} is answered over IPv${family} and is seen as ${seen}`,
    result.ok === requests ? all : troubles(result),
  );
}
