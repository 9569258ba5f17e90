import type { NetworkInfo } from '../api/index.js';
import { bridgeName, ingressName, outerSize, vxlanName } from '../overlay/index.js';
import { isTrouble } from '../paths/index.js';
import {
  fail,
  listed,
  ok,
  warn,
  type Check,
  type DoctorSources,
  type Finding,
} from './doctor-sources.js';

/** What networks of this host need of it and of what is under them. */
export const overlayChecks: Readonly<Record<string, Check>> = {
  networks: checkNetworks,
  br_netfilter: checkBridgeFilter,
  checksums: checkChecksums,
};

const notNeeded = 'not needed: nothing here is on a network';

/** The bridge of the network `ingress`; undefined when this node is not on it. */
export function ingressDevice(sources: DoctorSources): string | undefined {
  const ingress = networksHere(sources).find(({ name }) => name === ingressName);
  return ingress === undefined ? undefined : bridgeName(ingress.vni);
}

/** Networks that somebody of this host is on. */
function networksHere({ networks }: DoctorSources): NetworkInfo[] {
  const all = networks?.list() ?? [];
  return all.filter(({ endpoints }) => endpoints.some(({ sandbox }) => sandbox !== undefined));
}

async function checkNetworks(sources: DoctorSources): Promise<Finding> {
  const here = networksHere(sources);
  if (here.length === 0 || sources.underlay === undefined) return ok(notNeeded);
  const problems = here.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [`network ${name}: ${problem}`],
  );
  const taken = await takenDevice(sources, here);
  if (taken !== undefined) return taken;
  if (problems.length > 0) {
    return fail(
      listed(problems),
      'meshctl network ls; a larger MTU of the device between the hosts',
    );
  }
  const { vtep, link } = await sources.underlay();
  const names = here.map(({ name }) => name);
  if (link === undefined) {
    return warn(`${listed(names)}: no device has ${vtep}`, 'mesh.advertise, or the address again');
  }
  const needs = here.map(({ mtu, sealed }) => outerSize(mtu, vtep, sealed));
  const most = Math.max(...needs);
  const { name, mtu } = here[needs.indexOf(most)]!;
  if (link.mtu >= most) return ok(`${listed(names)} over ${link.device} (${link.mtu} bytes)`);
  return fail(
    `${link.device} carries ${link.mtu} bytes, network ${name} needs ${most} (${mtu} inside)`,
    `ip link set ${link.device} mtu ${most}; or restart meshd, which fits its networks to the device`,
  );
}

/** Its VNI or its port belong to somebody else: then the kernel does not let the device be, or be up. */
async function takenDevice(
  { status }: DoctorSources,
  here: readonly NetworkInfo[],
): Promise<Finding | undefined> {
  const error = (await status()).reconcile?.error ?? '';
  const refused = here.find(({ vni }) => error.includes(`${vxlanName(vni)} `));
  if (refused === undefined) return undefined;
  const { name, vni, port } = refused;
  if (error.includes('EADDRINUSE')) {
    const fix = `ss -lunp 'sport = :${port}' names it; or another port: meshctl network create --port`;
    return fail(`network ${name}: another program has UDP ${port}`, fix);
  }
  if (!error.includes('EEXIST')) return undefined;
  const fix = 'ip -d link show type vxlan; or another VNI: meshctl network create --vni';
  return fail(`network ${name}: another VXLAN device has VNI ${vni} at UDP ${port}`, fix);
}

async function checkBridgeFilter(sources: DoctorSources): Promise<Finding> {
  if (networksHere(sources).length === 0) return ok(notNeeded);
  const on: string[] = [];
  for (const family of ['ip', 'ip6']) {
    const name = `net/bridge/bridge-nf-call-${family}tables`;
    if ((await sources.sysctl(name)) === '1') on.push(name);
  }
  if (on.length === 0) return ok('bridged packets pass no firewall');
  const cause =
    "bridged packets pass this host's firewall and NAT: published ports may fail for ::1 and for " +
    'tasks that call their own node';
  const settings = on.map((name) => `${name}=0`).join(' ');
  return warn(cause, `sysctl -w ${settings}, unless kube-proxy or Docker's rules rely on it`);
}

/** Network cards that leave checksums of what is inside VXLAN to somebody who does not make them. */
async function checkChecksums({ mesh, underlay }: DoctorSources): Promise<Finding> {
  const facts = await underlay?.();
  if (facts === undefined) return ok('not needed: this host stands alone');
  const { udpChecksums, overMs } = facts.faults;
  const cause = `${udpChecksums} UDP packets with a wrong checksum in ${Math.round(overMs / 1_000)} s`;
  if (udpChecksums === 0) return ok(cause);
  const states = mesh?.paths().states ?? [];
  const lost = states.filter(({ verdict }) => isTrouble(verdict) && !verdict.startsWith('large'));
  if (lost.length === 0) return ok(`${cause}, and nothing is lost`);
  const names = listed(lost.map(({ node }) => node));
  const fix = `ethtool -K DEVICE tx-checksum-ip-generic off on ${names}: checksum offload`;
  return fail(`${cause}, while packets of ${names} are lost`, fix);
}
