import { until } from '../support/command.js';
import { difference, kernelState } from '../support/kernel-state.js';
import { dataPath, Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, tcpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf } from '../support/topology.js';

const repairIntervalMs = 1_000;
const service = `${vip(10, 4)}:80`;
const server = `${addressOf('s2', 4)}:${tcpPort}`;

const chain = `tcp-${vip(10, 4)}-80`;

/** Of what carries the packets. */
const balancerDamages =
  dataPath === 'ipvs'
    ? [
        ['a destination deleted with ipvsadm', `ipvsadm -d -t ${service} -r ${server}`],
        ['a weight changed with ipvsadm', `ipvsadm -e -t ${service} -r ${server} -m -w 9`],
        [
          'a destination added to our service',
          `ipvsadm -a -t ${service} -r 10.0.0.99:${tcpPort} -m`,
        ],
        ['all virtual services cleared', 'ipvsadm -C'],
        ['a sysctl changed', 'sysctl -qw net.ipv4.vs.conntrack=0'],
      ]
    : [
        ['the chain of a service flushed', `nft flush chain inet meshd-lb ${chain}`],
        [
          'that of a destination',
          `nft flush chain inet meshd-lb ${chain}/${server.replace(':', '-')}`,
        ],
        ['a rule added to its chain', `nft insert rule inet meshd-lb ${chain} drop`],
        ['the whole table deleted', 'nft delete table inet meshd-lb'],
        ['a sysctl changed', 'sysctl -qw net.ipv4.ip_forward=0'],
      ];

const damages = [
  ...balancerDamages,
  ['the addresses of mesh0 flushed', 'ip address flush dev mesh0 scope global'],
  ['mesh0 taken down', 'ip link set mesh0 down'],
  ['mesh0 deleted', 'ip link delete mesh0'],
  ['the nft table meshd-snat deleted', 'nft delete table inet meshd-snat'],
  ['the ruleset of nft flushed', 'nft flush ruleset'],
] as const;

export const drift: Case = {
  name: 'drift',
  about: 'what somebody changes behind the back of meshd is repaired and counted',
  async run(scene) {
    const meshd = await Meshd.fresh(
      scene.topology,
      `reconcile: { repairInterval: ${repairIntervalMs}ms }\n` +
        servicesYaml([{ name: 'web', vip: 10, fields: ['scheduler: rr'] }]),
    );
    const wanted = await kernelState(scene.topology, 'lb');
    for (const [what, command] of damages) {
      await repairs(scene, meshd, { what, command, wanted });
    }
    const { drift: totals } = await meshd.status();
    scene.report.claim(
      totals.detected >= damages.length && totals.repaired === totals.detected,
      'meshctl status counts what was found and repaired',
      `${totals.detected} detected, ${totals.repaired} repaired`,
    );
    await meshd.end('SIGTERM');
  },
};

async function repairs(
  { topology, peers, report }: Scene,
  meshd: Meshd,
  { what, command, wanted }: { what: string; command: string; wanted: string },
): Promise<void> {
  const counted = await meshd.metric('meshd_drift_rules_total');
  const began = performance.now();
  await topology.exec('lb', ['bash', '-ec', command]);
  let now = '';
  try {
    // Passes take at most a tenth of the time: a slow machine has fewer of them than it was asked for.
    await until('repair', 30_000, async () => {
      now = await kernelState(topology, 'lb');
      return now === wanted;
    });
  } catch {
    report.claim(false, `${what}: repaired`);
    report.note(difference(wanted, now));
    return;
  }
  const tookMs = performance.now() - began;
  const found = (await meshd.metric('meshd_drift_rules_total')) - counted;
  const load = await peers.load('client', vip(10, 4), 80, { requests: 30 });
  report.claim(
    found > 0 && load.failed === 0,
    `${what}: repaired and counted`,
    `after ${tookMs.toFixed(0)} ms; ${found} rules, ${troubles(load)}`,
  );
}
