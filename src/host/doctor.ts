import type { DoctorCheck } from '../api/index.js';
import { messageOf } from '../base/index.js';
import { formatMatch } from '../model/index.js';
import { ingressDevice, overlayChecks } from './doctor-overlay.js';
import { checkPaths } from './doctor-paths.js';
import {
  fail,
  listed,
  ok,
  warn,
  type Check,
  type DoctorSources,
  type Finding,
} from './doctor-sources.js';

/** Destinations whose route is looked up; more would only repeat the answer. */
const routesMax = 200;

/** A change that some node lacks for longer is worth a look. */
const lagWarnMs = 10_000;

/** Examines the host for what keeps its services from working. */
export async function examineHost(sources: DoctorSources): Promise<DoctorCheck[]> {
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return { name, ...(await check(sources)) };
      } catch (error) {
        return { name, ...warn(`could not be examined: ${messageOf(error)}`, '') };
      }
    }),
  );
}

/** By the name that people see, in the order in which they should read them. */
const checks: Readonly<Record<string, Check>> = {
  'data path': checkDataPath,
  rules: checkReconcile,
  configuration: checkConfigFile,
  conflicts: checkWithheld,
  'foreign IPVS': checkForeign,
  forwarding: checkForwarding,
  rp_filter: checkReversePath,
  conntrack: checkConntrack,
  firewall: checkFirewall,
  routes: checkRoutes,
  health: checkHealth,
  gossip: checkGossip,
  'other nodes': checkNodes,
  ...overlayChecks,
  paths: checkPaths,
};

async function checkDataPath({ kernel }: DoctorSources): Promise<Finding> {
  try {
    const { kind, detail } = await kernel.dataPath();
    return ok(`${kind}: ${detail}`);
  } catch (error) {
    return fail(
      messageOf(error),
      'modprobe ip_vs, part of linux-image packages; or dataPath: nftables',
    );
  }
}

async function checkReconcile({ status }: DoctorSources): Promise<Finding> {
  const { reconcile } = await status();
  if (reconcile === undefined) return warn('no pass has ended yet', 'try again');
  if (reconcile.error !== undefined) {
    return fail(reconcile.error, 'meshctl diff shows what is missing');
  }
  return ok(`in the kernel, last pass ${reconcile.durationMs.toFixed(1)} ms`);
}

async function checkConfigFile({ status }: DoctorSources): Promise<Finding> {
  const { config } = await status();
  if (config?.error !== undefined) {
    return fail(config.error, `meshd check ${config.path}`);
  }
  return ok(config === undefined ? 'no file' : `${config.path} is in force`);
}

function checkWithheld({ controller, table }: DoctorSources): Finding {
  const withheld: string[] = [];
  for (const { spec } of table.all()) {
    const reason = controller.withheldReason(spec.name);
    if (reason !== undefined) withheld.push(`${spec.name}: ${reason}`);
  }
  if (withheld.length === 0) return ok('every service has its addresses to itself');
  return fail(listed(withheld), 'change the VIP, or remove what holds the address');
}

function checkForeign({ controller }: DoctorSources): Finding {
  const foreign = controller.reconciler.foreignRules.flatMap((rule) =>
    rule.kind === 'virtual-service' ? [formatMatch(rule.match)] : [],
  );
  if (foreign.length === 0) return ok('no virtual services of others');
  const fix = 'none needed; kube-proxy and keepalived may share the host';
  return warn(`left alone: ${listed(foreign)}`, fix);
}

async function checkForwarding({ table, sysctl }: DoctorSources): Promise<Finding> {
  if (![...table.all()].some(({ spec }) => spec.forwarding === 'masq')) {
    return ok('not needed: no service uses masq');
  }
  for (const name of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) {
    const value = await sysctl(name);
    if (value === '0') return fail(`${name} is 0`, `sysctl -w ${name}=1`);
  }
  return ok('on for IPv4 and IPv6');
}

async function checkReversePath(sources: DoctorSources): Promise<Finding> {
  const modeOf = async (name: string): Promise<number> =>
    Number((await sources.sysctl(`net/ipv4/conf/${name}/rp_filter`)) ?? 0);
  const all = await modeOf('all');
  const underlay = (await sources.underlay?.())?.link?.device;
  const strict: string[] = [];
  for (const device of [underlay, ingressDevice(sources)]) {
    // The stricter word is the larger number, but for 2, which is loose.
    if (device !== undefined && Math.max(all, await modeOf(device)) === 1) strict.push(device);
  }
  if (strict.length === 0 && all !== 1) return ok('not strict for all interfaces');
  const dropped = 'packets are dropped that arrive where their answer would not leave';
  if (strict.length === 0) {
    return warn(`strict: ${dropped}`, 'sysctl -w net/ipv4/conf/all/rp_filter=2, if paths differ');
  }
  const settings = strict.map((device) => `net/ipv4/conf/${device}/rp_filter=2`).join(' ');
  return warn(
    `strict on ${strict.join(', ')}: ${dropped}`,
    `sysctl -w ${settings}, if paths differ`,
  );
}

async function checkConntrack({ sysctl }: DoctorSources): Promise<Finding> {
  const count = Number((await sysctl('net/netfilter/nf_conntrack_count')) ?? 0);
  const max = Number((await sysctl('net/netfilter/nf_conntrack_max')) ?? 0);
  if (max === 0 || count === 0) return ok('no connections are tracked');
  const cause = `${count} of ${max} entries`;
  if (count < 0.8 * max) return ok(cause);
  const fix = `sysctl -w net/netfilter/nf_conntrack_max=${2 * max}`;
  return warn(`${cause}: new connections fail when it is full`, fix);
}

async function checkFirewall(sources: DoctorSources): Promise<Finding> {
  const chains = await sources.kernel.droppingChains();
  if (chains.length === 0) return ok('no chain drops by default');
  const names = listed(chains.map(({ name, hook }) => `${name} (${hook})`));
  const device = ingressDevice(sources);
  const ingress = device === undefined ? '' : `, and from and to ${device}`;
  const fix = `accept the VIPs on input, and forwarding to the destinations${ingress}, e.g. in DOCKER-USER`;
  return warn(`drops what no rule accepts: ${names}`, fix);
}

async function checkRoutes({ table, kernel }: DoctorSources): Promise<Finding> {
  const addresses = new Set<string>();
  for (const { service } of table.all()) {
    for (const { address } of service.destinations) addresses.add(address);
    if (addresses.size >= routesMax) break;
  }
  const lost: string[] = [];
  for (const address of addresses) {
    const answer = await kernel.routeTo(address);
    if (answer === undefined || answer.type === 'unreachable') lost.push(address);
  }
  if (lost.length === 0) return ok(`to ${addresses.size} destinations`);
  return fail(`none to ${listed(lost)}`, `ip route get ${lost[0]!}`);
}

function checkHealth({ table, health }: DoctorSources): Finding {
  const dead = [...table.all()]
    .filter(
      ({ spec, service }) =>
        service.destinations.length > 0 &&
        service.destinations.every(
          ({ address, weight, draining }) =>
            weight === 0 || draining || !health.isUsable(spec.name, address),
        ),
    )
    .map(({ spec }) => spec.name);
  if (dead.length === 0) return ok('every service has a destination to go to');
  return warn(`no destination takes new connections: ${listed(dead)}`, 'meshctl endpoint ls');
}

function checkGossip({ mesh }: DoctorSources): Finding {
  if (mesh === undefined) return ok('not needed: this host stands alone');
  const { key, healthScore, hasLeft, counters } = mesh.status();
  if (hasLeft) return warn('this node has left the mesh', 'systemctl restart meshd');
  const unread = counters.find(
    ({ name, reason }) => name === 'dropped' && reason === 'undecryptable',
  );
  if ((unread?.value ?? 0) > 0) {
    const cause = `${unread!.value} messages came with a key that is not installed here`;
    return warn(cause, 'meshctl key ls, here and there');
  }
  if (healthScore > 0) {
    return warn(
      `this process does not keep up with gossip: ${healthScore} of 7`,
      'give it more CPU',
    );
  }
  if (key !== undefined) return ok(`sealed with key ${key}`);
  return warn('gossip is in the clear', 'meshctl key generate, then mesh.keyFile on all hosts');
}

function checkNodes({ mesh }: DoctorSources): Finding {
  if (mesh === undefined) return ok('not needed: this host stands alone');
  const { disputed, conflicts, lacking, lagMs, alive } = mesh.status();
  if (disputed.length > 0) {
    const cause = `another key than the known one: ${listed(disputed)}`;
    return fail(cause, `if it lost its state: meshctl node forget ${disputed[0]!}`);
  }
  if (conflicts.length > 0) {
    const names = listed(conflicts.map(({ service, node }) => `${service} of ${node}`));
    return fail(`services give way to others: ${names}`, 'meshctl mesh status says to which');
  }
  const silent = mesh.nodes().filter(({ state }) => state === 'suspect' || state === 'failed');
  if (silent.length > 0) {
    const names = listed(silent.map(({ name, state }) => `${name} (${state})`));
    return warn(`do not answer: ${names}`, 'are UDP and TCP of the gossip port open both ways?');
  }
  if (lagMs > lagWarnMs) {
    return warn(`without our newest services: ${listed(lacking)}`, 'meshctl doctor there');
  }
  return ok(`${alive} alive, all with our services`);
}
