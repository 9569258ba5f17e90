import { readFileSync } from 'node:fs';
import { run } from './command.js';
import { within } from './netns.js';
import { balancer, configFile, ip, serverAddresses, set, vips } from './topology.js';

/** One way of spreading connections over the servers, on a fresh load balancer. */
export interface Variant {
  readonly name: string;
  /** Where the client connects to. */
  readonly address: string;
  /** Makes the balancer forward `ports` of `address`; returns how to stop what it started. */
  start(ports: readonly number[]): Promise<() => unknown>;
}

const nothing = (): void => undefined;
const servers = serverAddresses;

/** What ours is compared with. */
export const peers: readonly Variant[] = [
  {
    name: 'direct',
    address: servers[0],
    start: () => Promise.resolve(nothing),
  },
  {
    name: 'ipvsadm masq',
    address: vips.routed,
    start: (ports) => ipvsadm(vips.routed, ports, '-m'),
  },
  {
    // As meshd has it for clients on the host itself; the kernel then checks every source address.
    name: 'ipvsadm masq + local route',
    address: vips.routed,
    async start(ports) {
      await ip(balancer, [`route add local ${vips.routed} dev lo src 10.2.0.1`]);
      return ipvsadm(vips.routed, ports, '-m');
    },
  },
  {
    name: 'ipvsadm masq + conntrack + masquerade',
    address: vips.onLink,
    async start(ports) {
      await set(balancer, { 'vs/conntrack': '1' });
      await nft(`chain post {
        type nat hook postrouting priority 100;
        ip saddr 10.2.0.0/24 ip daddr 10.2.0.0/24 masquerade
      }`);
      return ipvsadm(vips.onLink, ports, '-m');
    },
  },
  {
    name: 'ipvsadm direct routing',
    address: vips.directRouting,
    start: (ports) => ipvsadm(vips.directRouting, ports, '-g'),
  },
  {
    name: 'nftables dnat numgen',
    address: vips.routed,
    async start(ports) {
      const targets = servers.map((address, i) => `${i} : ${address}`).join(', ');
      const rules = ports.map(
        (port) =>
          `ip daddr ${vips.routed} tcp dport ${port} ` +
          `dnat to numgen inc mod ${servers.length} map { ${targets} }`,
      );
      await nft(`chain pre {\n type nat hook prerouting priority -100;\n${rules.join('\n')}\n}`);
      return nothing;
    },
  },
  { name: 'HAProxy TCP', address: vips.routed, start: haproxy },
  { name: 'nginx stream', address: vips.routed, start: nginx },
];

async function ipvsadm(
  vip: string,
  ports: readonly number[],
  forwarding: '-m' | '-g',
): Promise<() => void> {
  await ip(balancer, [`addr add ${vip}/32 dev lo`]);
  const lines = ports.flatMap((port) => [
    `-A -t ${vip}:${port} -s rr`,
    ...servers.map((address) => `-a -t ${vip}:${port} -r ${address}:${port} ${forwarding} -w 1`),
  ]);
  await run(within(balancer, ['ipvsadm', '-R']), { input: `${lines.join('\n')}\n` });
  return nothing;
}

async function nft(chain: string): Promise<void> {
  await run(within(balancer, ['nft', '-f', '-']), { input: `table ip bench {\n${chain}\n}\n` });
}

async function haproxy(ports: readonly number[]): Promise<() => void> {
  await ip(balancer, [`addr add ${vips.routed}/32 dev lo`]);
  const listeners = ports.map((port) => {
    const lines = servers.map((address, i) => `  server s${i} ${address}:${port}`);
    return `listen p${port}\n  bind ${vips.routed}:${port}\n${lines.join('\n')}\n`;
  });
  const file = configFile(
    'haproxy.cfg',
    `global
  nbthread 1
  maxconn 1000
  pidfile /tmp/bench-haproxy.pid
defaults
  mode tcp
  balance roundrobin
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${listeners.join('')}`,
  );
  await run(within(balancer, ['/usr/sbin/haproxy', '-D', '-f', file]));
  return () => endDaemon('/tmp/bench-haproxy.pid');
}

async function nginx(ports: readonly number[]): Promise<() => void> {
  await ip(balancer, [`addr add ${vips.routed}/32 dev lo`]);
  const listeners = ports.map((port) => {
    const targets = servers.map((address) => `server ${address}:${port};`).join(' ');
    return `upstream u${port} { ${targets} }
  server { listen ${vips.routed}:${port}; proxy_pass u${port}; }`;
  });
  const file = configFile(
    'nginx.conf',
    `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
pid /tmp/bench-nginx.pid;
error_log /tmp/bench-nginx.log;
worker_processes 1;
events { worker_connections 1024; }
stream {
  ${listeners.join('\n  ')}
}
`,
  );
  await run(within(balancer, ['/usr/sbin/nginx', '-e', '/tmp/bench-nginx.log', '-c', file]));
  return () => endDaemon('/tmp/bench-nginx.pid');
}

/** Both write their process id before the command that starts them returns. */
function endDaemon(pidFile: string): void {
  process.kill(Number(readFileSync(pidFile, 'utf8').trim()));
}
