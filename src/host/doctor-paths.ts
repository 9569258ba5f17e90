import type { MeshControl, PathState, PathVerdict } from '../api/index.js';
import { messageOf } from '../base/index.js';
import { familyOf } from '../model/index.js';
import { outerSize, ingressName, vxlanName } from '../overlay/index.js';
import { isTrouble } from '../paths/index.js';
import { fail, listed, ok, warn, type DoctorSources, type Finding } from './doctor-sources.js';

/** Nodes that are asked what they say of the way; one of many troubled ones says it for all. */
const askedMax = 8;

/**
 * A VXLAN device drops a few packets that are for nobody, in a minute; when a firewall does not let
 * it send, all probes are among them.
 */
const keptBackMin = 10;

/** Of IP and ICMP: what ping does not count. Unit: bytes. */
const headerBytes = { 4: 28, 6: 48 } as const;

/** What is known of one way after the other end was asked, if need be. */
interface Seen {
  readonly state: PathState;
  readonly verdict: PathVerdict;
  /** The other end says that nothing comes from here either. */
  readonly isBoth?: boolean;
  /** Why the other end did not say anything. */
  readonly unasked?: string;
}

/** What to say of one verdict, of all nodes that have it. */
interface Story {
  /** `b -> a: nothing arrives here`. */
  readonly cause: string;
  readonly fix: string;
  /** `warn`: what matters may get through all the same. */
  readonly state: 'fail' | 'warn';
}

interface Scene {
  readonly self: string;
  readonly port: number;
  readonly vxlanPort: number;
  readonly device: string;
  /** The device between the hosts. */
  readonly link: string;
  readonly vtep: string;
  readonly sealed: boolean;
  /** Packets that the VXLAN device was given and did not send, lately. */
  readonly unsent: number;
  /** Of the hosts, by node. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Whether packets get through to the other nodes; the most broken way comes first. */
export async function checkPaths(sources: DoctorSources): Promise<Finding> {
  const { mesh } = sources;
  const scene = await sceneOf(sources);
  if (mesh === undefined || scene === undefined) {
    return ok('not needed: this node is not on the network ingress');
  }
  const { states, port, problem } = mesh.paths();
  if (problem !== undefined) {
    const isMissing = problem.includes('EADDRNOTAVAIL');
    const fix = isMissing ? 'meshctl diff: is the address there?' : `ss -lunp 'sport = :${port}'`;
    return warn(`not known: ${problem}`, fix);
  }
  const troubled = states.filter(({ verdict }) => isTrouble(verdict));
  if (troubled.length === 0) return ok(wellText(states));
  const first = await Promise.all(troubled.slice(0, askedMax).map((state) => asked(mesh, state)));
  const rest = troubled.slice(askedMax).map((state): Seen => ({ state, verdict: state.verdict }));
  const seen = [...first, ...rest];
  const groups = new Map<string, Seen[]>();
  for (const one of seen) {
    const { verdict, isBoth, unasked, state } = one;
    const key = JSON.stringify([verdict, isBoth, unasked === undefined, state.family, state.mtu]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const stories = [...groups.values()].sort(byBadness).map((group) => storyOf(group, scene));
  const finding = stories.some(({ state }) => state === 'fail') ? fail : warn;
  return finding(stories.map(({ cause }) => cause).join('; '), stories[0]!.fix);
}

async function sceneOf(sources: DoctorSources): Promise<Scene | undefined> {
  const { mesh, networks, underlay } = sources;
  const ingress = networks?.list().find(({ name }) => name === ingressName);
  const isOn = ingress?.endpoints.some(({ sandbox }) => sandbox !== undefined) === true;
  if (mesh === undefined || underlay === undefined || !isOn) return undefined;
  const { vtep, link, faults } = await underlay();
  const device = vxlanName(ingress.vni);
  return {
    self: mesh.status().node,
    port: mesh.paths().port,
    vxlanPort: ingress.port,
    device,
    link: link?.device ?? 'any',
    vtep,
    sealed: ingress.sealed,
    unsent: faults.unsent.get(device) ?? 0,
    addresses: new Map(mesh.nodes().map(({ name, address }) => [name, hostOf(address)])),
  };
}

/** `[fd00::1]:7946` without the port. */
function hostOf(endpoint: string): string {
  return endpoint.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
}

function wellText(states: readonly PathState[]): string {
  const unknown = states.filter(({ verdict }) => verdict === 'unknown').map(({ node }) => node);
  const notYet = unknown.length === 0 ? '' : `not known yet: ${listed(unknown)}`;
  const well = states.filter(({ verdict }) => verdict === 'ok');
  if (well.length === 0) return notYet === '' ? 'no other node is on the network ingress' : notYet;
  const slowest = Math.max(...well.map(({ rttMs }) => rttMs ?? 0));
  const sizes = `small packets and those of ${well[0]!.mtu} bytes`;
  const text = `${sizes} to ${listed(well.map(({ node }) => node))}, answers within ${slowest.toFixed(1)} ms`;
  return notYet === '' ? text : `${text}; ${notYet}`;
}

/** Where nothing comes from a node, only the node can say whether ours arrives there. */
async function asked(mesh: MeshControl, state: PathState): Promise<Seen> {
  const { node, verdict } = state;
  if (verdict !== 'lost' && verdict !== 'silent') return { state, verdict };
  try {
    const said = await mesh.askPath(node);
    if (said === 'lost' || said === 'silent') return { state, verdict, isBoth: true };
    if (said === 'lost in' || said === 'lost out') return { state, verdict: said };
    return { state, verdict };
  } catch (error) {
    return { state, verdict, unasked: messageOf(error) };
  }
}

const order: readonly PathVerdict[] = ['lost', 'silent', 'lost out', 'lost in', 'large lost'];

function byBadness(a: readonly Seen[], b: readonly Seen[]): number {
  const rank = ([one]: readonly Seen[]): number => {
    const at = order.indexOf(one!.verdict);
    return at === -1 ? order.length : at;
  };
  return rank(a) - rank(b);
}

function storyOf(group: readonly Seen[], scene: Scene): Story {
  const first = group[0]!;
  const names = listed(group.map(({ state }) => state.node));
  if (first.verdict.startsWith('large')) return largeStory(first, names, scene);
  const cause = lostCause(first, names, scene);
  if (first.unasked?.includes('does not know the question') === true) {
    const fix = `a newer meshd on ${names}: the one there does not try the way`;
    return { cause, fix, state: 'warn' };
  }
  return { cause, fix: lostFix(first, scene), state: 'fail' };
}

function lostCause({ verdict, state, isBoth, unasked }: Seen, names: string, scene: Scene): string {
  const { self } = scene;
  const of = familyText(state);
  const well = 'gossip gets through';
  if (verdict === 'lost out') {
    return `${self} -> ${names}: no packet${of} arrives there, though theirs arrive here and ${well}`;
  }
  if (verdict === 'lost in') {
    return `${names} -> ${self}: no packet${of} arrives here, though ours arrive there and ${well}`;
  }
  const what = `no packet${of} ${verdict === 'silent' ? 'ever arrived' : 'arrives any more'}`;
  if (isBoth === true) return `${self} <-> ${names}: ${what}, either way, though ${well}`;
  return `${names} -> ${self}: ${what}${unasked === undefined ? '' : ` (${unasked})`}`;
}

function lostFix({ verdict, state }: Seen, scene: Scene): string {
  const { vxlanPort, port, device, link, unsent } = scene;
  if (unsent >= keptBackMin && verdict !== 'lost in') {
    const look = 'look first at its output chains, nft list ruleset';
    return `this host itself kept back ${unsent} packets of ${device}: ${look}; let UDP ${vxlanPort} out`;
  }
  const ways =
    {
      'lost out': 'out of this host and into theirs',
      'lost in': 'out of theirs and into this host',
    }[verdict as string] ?? 'both ways';
  const address = scene.addresses.get(state.node) ?? state.node;
  const look = `tcpdump -ni ${link} host ${address} and udp port ${vxlanPort}, here and there`;
  return `let UDP ${vxlanPort} ${ways}, and UDP ${port} on the networks' bridge; ${look}`;
}

function largeStory({ verdict, state }: Seen, names: string, scene: Scene): Story {
  const { self, vtep, sealed, link, addresses } = scene;
  const arrow = { 'large lost out': '->', 'large lost in': '<-' }[verdict as string] ?? '<->';
  const { mtu, peerMtu = mtu } = state;
  const size = verdict === 'large lost in' ? peerMtu : mtu;
  const outer = outerSize(size, vtep, sealed);
  const packets = `packets${familyText(state)} of ${size} bytes (${outer} between the hosts)`;
  const cause = `${self} ${arrow} ${names}: ${packets} do not arrive, small ones do`;
  if (peerMtu !== mtu) {
    const fix = `one MTU for all hosts: packets here have ${mtu} bytes, those there ${peerMtu}; TCP gets along`;
    return { cause, fix, state: 'warn' };
  }
  const address = addresses.get(state.node) ?? state.node;
  const ping = `ping -M do -s ${outer - headerBytes[familyOf(vtep)]} ${address}`;
  const fix =
    `something between the hosts carries less than ${outer} bytes (${ping}): raise its MTU, ` +
    `or lower that of ${link} on all hosts and restart meshd`;
  return { cause, fix, state: 'fail' };
}

function familyText({ family }: PathState): string {
  return family === undefined ? '' : ` of IPv${family}`;
}
