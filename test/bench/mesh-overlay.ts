import { progress } from './bench.js';
import { run, startUntil } from './command.js';
import { emit } from './figure.js';
import { tcpRate, udpRate, type IperfTarget } from './load.js';
import { until, type MeshDaemon } from './mesh-daemon.js';
import { atEnd, makeTask } from './mesh-hosts.js';
import { iperfPort, serveTask } from './mesh-servers.js';
import { within } from './netns.js';
import { median } from './stats.js';

const rounds = 2;
const seconds = 1;

const figures = [
  { figure: 'TCP', unit: 'Mbit/s', measure: tcpRate },
  { figure: 'UDP, 64 bytes', unit: '1/s', measure: udpRate },
] as const;

/** A task of one node calls one of another over a network; the peer is what the nodes get between them. */
export async function overlay(
  name: string,
  daemons: readonly MeshDaemon[],
  { subnet, sealed = false }: { readonly subnet: string; readonly sealed?: boolean },
): Promise<void> {
  const [from, to] = daemons as [MeshDaemon, MeshDaemon];
  await from.createNetwork({ name, subnets: [subnet], sealed });
  const [caller, server] = [await makeTask(`${name}-1`), await makeTask(`${name}-2`)];
  await serveTask((argv) => within(server, argv), ['iperf']);
  await from.attach(name, caller, []);
  const { addresses } = await to.attach(name, server, []);
  const inside = { from: caller, address: addresses[0]!, port: iperfPort };
  const own = ['iperf3', '--server', '--forceflush', '-p', String(iperfPort)];
  atEnd(await startUntil(within(to.netns, own), 'listening'));
  const outside = { from: from.netns, address: to.address, port: iperfPort };
  await untilReached(inside);
  for (const { figure, unit, measure } of figures) {
    const values: number[] = [];
    const peers: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      values.push(await measure(inside, seconds));
      peers.push(await measure(outside, seconds));
      progress(`${name}: ${figure}: ${values.at(-1)} inside, ${peers.at(-1)} outside`);
    }
    emit({
      bench: 'mesh',
      case: name,
      figure,
      value: median(values),
      unit,
      peer: 'the underlay',
      peerValue: median(peers),
      ...(sealed ? {} : { goal: { ratio: 0.8 } }),
      rounds,
    });
  }
}

async function untilReached({ from, address }: IperfTarget): Promise<void> {
  const argv = within(from, ['ping', '-c1', '-W1', address]);
  await until(`${from} reaches ${address}`, () =>
    run(argv).then(
      () => true,
      () => false,
    ),
  );
}
