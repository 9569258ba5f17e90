import { until } from '../support/command.js';
import { difference, kernelState, virtualServices } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { servicesYaml, tcpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf } from '../support/topology.js';

const often = 'reconcile: { repairInterval: 1s }\n';
const web = servicesYaml([{ name: 'web', vip: 10 }]);
/** One on an address of its own, one on a VIP of ours at another port. */
const foreignServices = ['10.97.0.1:80', `${vip(10, 4)}:8081`] as const;

export const foreign: Case = {
  name: 'foreign',
  about: 'what others have put into the kernel is never touched',
  needsIpvs: 'the table is ours alone: there are no services of others in it',
  async run(scene) {
    const { topology, report } = scene;
    await topology.renew('lb');
    await topology.exec('lb', ['bash', '-ec', othersWork]);
    const before = await othersState(scene);
    const meshd = await Meshd.create(topology, 'lb');
    await meshd.write(often + web);
    await meshd.start();
    const keeps = async (what: string): Promise<void> => {
      const after = await othersState(scene);
      const count = before.split('\n').length;
      report.claim(
        after === before,
        `others' rules are as they were after ${what}`,
        `${count} lines`,
      );
      if (after !== before) report.note(difference(before, after));
    };
    await keeps('the start of meshd');
    const diff = await meshd.ctl('diff');
    report.claim(
      foreignServices.every((service) => diff.stdout.includes(service)),
      'meshctl diff lists the virtual services of others as left alone',
    );
    await meshd.reload(
      often +
        servicesYaml([
          { name: 'web', vip: 10 },
          { name: 'more', vip: 11 },
        ]),
    );
    await keeps('a change of the file');
    const driftBefore = await meshd.metric('meshd_drift_rules_total');
    await meshd.end('SIGKILL');
    await meshd.start();
    await keeps('kill -9 and a new start');
    report.claim(
      (await meshd.metric('meshd_drift_rules_total')) <= driftBefore,
      "others' rules are not counted as drift",
    );
    await takenOver(scene, meshd);
    await meshd.reload(`${often}services: []`);
    await keeps('the removal of all our services');
    const left = await virtualServices(topology, 'lb');
    report.claim(
      left.every((line) => foreignServices.some((service) => line.includes(service))),
      "then only others' virtual services are left",
      `${left.length} lines`,
    );
    await meshd.end('SIGTERM');
    await keeps('the end of meshd');
    const state = await kernelState(topology, 'lb');
    report.claim(
      !state.includes('table inet meshd-snat {'),
      'our nft table is gone with the services',
    );
  },
};

const server = `${addressOf('s1', 4)}:${tcpPort}`;
const othersWork = `
  ${foreignServices.map((service) => `ipvsadm -A -t ${service} -s wlc; ipvsadm -a -t ${service} -r ${server} -m -w 7`).join('\n')}
  nft -f - <<'END'
table inet theirs {
  set blocked { type ipv4_addr; elements = { 203.0.113.1 }; }
  chain forward { type filter hook forward priority 0; ip saddr @blocked drop; }
}
END
  ip link add theirs type dummy
  ip address add 10.97.0.1/32 dev theirs
  ip link set theirs up
  ip route add 203.0.113.0/24 via ${addressOf('client', 4)}
  ip rule add fwmark 0x7777 lookup 100`;

async function othersState({ topology }: Scene): Promise<string> {
  const script = `
    nft list table inet theirs
    ip -o address show dev theirs scope global | sed 's/^[0-9]*: //'
    ip route show 203.0.113.0/24
    ip rule show`;
  const { stdout } = await topology.exec('lb', ['bash', '-ec', script]);
  const services = await virtualServices(topology, 'lb');
  const theirs = services.filter((line) => foreignServices.some((one) => line.includes(one)));
  return [...theirs, stdout.trim()].join('\n');
}

/** Editing a virtual service with ipvsadm takes our mark from it: it is somebody else's from then on. */
async function takenOver({ topology, peers, report }: Scene, meshd: Meshd): Promise<void> {
  const service = `${vip(10, 4)}:80`;
  await topology.exec('lb', ['ipvsadm', '-E', '-t', service, '-s', 'lc']);
  const shown = await until('meshctl vip ls says so', 30_000, async () => {
    const { stdout } = await meshd.ctl('vip', 'ls');
    return stdout.split('\n').find((line) => line.includes('web') && line.includes('withheld'));
  });
  const load = await peers.load('client', vip(10, 4), 80, { requests: 30 });
  const lines = await virtualServices(topology, 'lb');
  report.claim(
    lines.includes(`-A -t ${service} -s lc`) && load.failed === 0,
    'a service of ours that somebody edited with ipvsadm is theirs, and meshctl says so',
    shown.trim().replaceAll(/\s+/g, ' '),
  );
  await topology.exec('lb', ['ipvsadm', '-D', '-t', service]);
  await until('it is ours again', 30_000, async () => {
    return (await virtualServices(topology, 'lb')).some((line) =>
      line.startsWith(`-A -t ${service} `),
    );
  });
  report.claim(true, 'when they delete it, meshd makes its own again');
}
