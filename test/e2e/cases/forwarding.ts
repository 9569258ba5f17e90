import { virtualServices } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles, type LoadOptions } from '../support/peers.js';
import { servicesYaml, tcpPort, udpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf, families, servers } from '../support/topology.js';
import { run } from '../support/command.js';

const sendBack = { route: 20, tunnel: 21 } as const;

export const forwarding: Case = {
  name: 'forwarding',
  about: 'direct routing and tunnels: answers go from the server to the client directly',
  needsIpvs: 'nftables can only translate',
  async run(scene) {
    const { topology } = scene;
    const meshd = await Meshd.fresh(
      topology,
      servicesYaml(
        (['route', 'tunnel'] as const).flatMap((method) => [
          {
            name: method,
            vip: sendBack[method],
            ports: `${tcpPort}, ${udpPort}/udp`,
            fields: ['scheduler: rr', `forwarding: ${method}`],
          },
        ]),
      ),
    );
    await run(['modprobe', '-a', 'ipip', 'ip6_tunnel']);
    for (const server of servers) await topology.exec(server, ['bash', '-ec', receiveDirectly]);
    for (const method of ['route', 'tunnel'] as const) {
      for (const family of families) {
        const address = vip(sendBack[method], family);
        await answers(scene, { what: `${method}, IPv${family}`, address, port: tcpPort });
        const udp = { protocol: 'udp' } as const;
        await answers(scene, {
          what: `${method}, IPv${family}, UDP`,
          address,
          port: udpPort,
          ...udp,
        });
      }
    }
    for (const server of servers) await topology.exec(server, ['bash', '-ec', noMore]);
    await meshd.end('SIGTERM');
  },
};

const vips = Object.values(sendBack).flatMap((n) => families.map((family) => vip(n, family)));
const backRoutes = [
  `192.0.2.0/24 via ${addressOf('router', 4, 'servers')}`,
  `fd00:2::/64 via ${addressOf('router', 6, 'servers')}`,
];
/** What direct routing and tunnels ask of servers: the VIP is theirs, but they do not announce it. */
const receiveDirectly = `
  sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
  ${vips.map((address) => `ip address add ${address} dev lo${address.includes(':') ? ' nodad' : ''}`).join('\n')}
  ${backRoutes.map((route) => `ip route add ${route}`).join('\n')}
  ip link set tunl0 up
  ip link set ip6tnl0 up
  sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0`;
const noMore = `
  ${vips.map((address) => `ip address delete ${address} dev lo`).join('\n')}
  ${backRoutes.map((route) => `ip route delete ${route}`).join('\n')}
  ip link set tunl0 down
  ip link set ip6tnl0 down`;

export const schedulers: Case = {
  name: 'schedulers',
  about: 'the kernel takes every scheduler, and each of them balances',
  needsIpvs: 'some choose by chance instead of by open connections',
  async run(scene) {
    const { topology, report } = scene;
    // As ovf has it, a weight is also how many connections a server takes.
    const weights = { s1: 100, s2: 100, s3: 100 };
    const names = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'sed', 'nq', 'lblc', 'ovf', 'fo'];
    const meshd = await Meshd.fresh(
      topology,
      servicesYaml(
        names.map((name, i) => ({ name, vip: 30 + i, fields: [`scheduler: ${name}`], weights })),
      ),
    );
    const lines = await virtualServices(topology, 'lb');
    for (const [i, name] of names.entries()) {
      const inKernel = lines.some((line) =>
        line.startsWith(`-A -t ${vip(30 + i, 4)}:80 -s ${name}`),
      );
      const load = await scene.peers.load('client', vip(30 + i, 4), 80, { requests: 12 });
      const used = Object.keys(load.servers).sort().join(', ');
      report.claim(inKernel && load.failed === 0, `scheduler ${name} balances`, used);
    }
    await meshd.end('SIGTERM');
  },
};

export const sctp: Case = {
  name: 'sctp',
  about: 'SCTP is balanced like TCP',
  async run(scene) {
    const { topology, peers, report } = scene;
    const { status } = await run(['modprobe', '-q', 'sctp'], { mayFail: true });
    if (status !== 0) {
      report.note('not checked: this kernel has no SCTP');
      return;
    }
    const ports = `80:${tcpPort}/sctp`;
    const meshd = await Meshd.fresh(
      topology,
      servicesYaml([{ name: 'signals', vip: 10, ports, fields: ['scheduler: rr'] }]),
    );
    for (const server of servers) {
      await peers.kill(server);
      await peers.serve(server, ['--sctp']);
    }
    for (const family of families) {
      const address = vip(10, family);
      await answers(scene, { what: `SCTP, IPv${family}`, address, port: 80, protocol: 'sctp' });
    }
    await meshd.end('SIGTERM');
  },
};

interface Question extends LoadOptions {
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

/** Claims that all servers answer, and see the client's own address. */
async function answers({ peers, report }: Scene, question: Question): Promise<void> {
  const { what, address, port, ...options } = question;
  const load = await peers.load('client', address, port, { requests: 90, ...options });
  report.claim(
    load.ok === 90 && load.otherSource === 0 && Object.keys(load.servers).length === 3,
    `${what}: all three servers answer and see the client's own address`,
    `${troubles(load)}; ${Object.keys(load.seen).join(', ')}`,
  );
}
