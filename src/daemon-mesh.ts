import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { MeshControl, NetworkControl } from './api/index.js';
import { MeshError, type Clock, type Log } from './base/index.js';
import type { MeshConfig } from './config/index.js';
import { wireOptions, type Keyring, type PeerAddress } from './gossip/index.js';
import type { DaemonDns } from './daemon-dns.js';
import { explainMesh } from './daemon-explain.js';
import { DaemonNetworks } from './daemon-networks.js';
import { DaemonPaths } from './daemon-paths.js';
import { DaemonSeals } from './daemon-seals.js';
import type { ExplainMesh, HostController, OverlayFacts, OverlayOptions } from './host/index.js';
import {
  hostName,
  fileIdentity,
  linkOf,
  openGossipTransport,
  openProbeSocket,
  reachableAddress,
  readPrivateFile,
  writePrivateFile,
} from './io/index.js';
import type { DataPath, Kernel } from './kernel/index.js';
import {
  Control,
  MeshNode,
  NetworksOfNode,
  noNetworks,
  noSeals,
  readKeys,
  readState,
  writeKeys,
  writeState,
} from './mesh/index.js';
import type { SavedState } from './mesh/index.js';
import { familyOf } from './model/index.js';
import { mtuProblem, networkMtu, type Underlay } from './overlay/index.js';
import type { ServiceTable, VipPool } from './store/index.js';

export interface DaemonMeshOptions {
  readonly config: MeshConfig;
  readonly stateDir: string;
  /** Of the daemon. */
  readonly version: string;
  readonly table: ServiceTable;
  readonly controller: HostController;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly reconcile: OverlayOptions['reconcile'];
  /** Of the host's own sandbox. */
  readonly kernel: Kernel;
  readonly dataPath: DataPath;
  readonly openSandbox: (path: string) => Promise<Kernel>;
  /** Absent = names are not answered. */
  readonly names?: DaemonDns | undefined;
  /** What another node asks about the way of a packet here. */
  readonly explain: (question: unknown) => Promise<unknown>;
}

/** This host's part in a mesh. */
export interface DaemonMesh {
  readonly control: MeshControl;
  readonly networks: NetworkControl;
  readonly explain: ExplainMesh;
  /** The VIPs of a network; undefined when it is not known. */
  vipPoolOf(network: string): VipPool | undefined;
  /** What lies under its networks, for examinations. */
  underlay(): Promise<OverlayFacts>;
  /** Begins to gossip. Errors: unavailable when its address cannot be listened on. */
  start(): Promise<void>;
  /** Without a word to the others: a restart is none of their business. */
  stop(): Promise<void>;
}

/** Of the underlay where it cannot be told: Ethernet's. Unit: bytes. */
const defaultMtu = 1_500;

/** The link that carries the VIPs: nobody is to gossip with them. */
const vipLink = 'mesh0';

/**
 * This host as a node of the mesh, not started yet: its name, keys and memory come from here.
 * Errors: not_found, permission_denied, invalid_argument (keys), data_loss (state),
 * failed_precondition (no address that others could reach).
 */
export async function prepareMesh(options: DaemonMeshOptions): Promise<DaemonMesh> {
  const { config, stateDir, version, controller, clock, random, log } = options;
  const { bind, profile, label, keyFile } = config;
  const keyring = await keyringOf(keyFile);
  const statePath = join(stateDir, 'mesh.json');
  const saved = await savedState(statePath);
  // What would not work later shows now.
  await writePrivateFile(statePath, writeState(saved));
  const at = advertised(config);
  const name = config.node ?? hostName();
  const underlay = await underlayOf(name, at.address);
  const networks: DaemonNetworks = new DaemonNetworks({
    ...options,
    underlay,
    namespaceIdentity: fileIdentity,
    sealProblem: () => seals.problem,
    sealedChanged: () => seals.look(),
    node: () => node,
  });
  const seals: DaemonSeals = new DaemonSeals({
    ...options,
    overlay: networks.overlay,
    underlay,
    rotationMs: config.sealRotationMs,
    node: () => node,
    problemChanged: () => void networks.start(),
  });
  const paths: DaemonPaths = pathsOf(options, underlay, () => node);
  const node: MeshNode = new MeshNode({
    name,
    version,
    at,
    profile,
    wire: wireOptions({ label, keyring }),
    host: hostOf(options, networks),
    clock,
    random,
    log,
    saved,
    save: (state) => writePrivateFile(statePath, writeState(state)),
    networkChanged: (network) => networks.changed(network),
    seals: { port: config.sealPort, changed: () => seals.look() },
    paths: () => paths.report(),
    explain: options.explain,
    saveKeys: (keys) => writePrivateFile(keyFile, writeKeys(keys)),
    openTransport: (handlers) => openGossipTransport(bind, handlers),
  });
  if (options.names !== undefined) options.names.networks = node.networks;
  await seals.start();
  await connect(node, networks, controller);
  const control = new Control(node);
  return {
    control,
    networks: networkControl(node, networks, { seals, underlay, options }),
    explain: explainMesh(node, networks),
    vipPoolOf: (network) => networks.vipPoolOf(network),
    underlay: () => underlayFacts(at, paths),
    ...running({ node, control, paths, seals, networks }, config),
  };
}

function running(
  {
    node,
    control,
    paths,
    seals,
    networks,
  }: {
    node: MeshNode;
    control: Control;
    paths: DaemonPaths;
    seals: DaemonSeals;
    networks: DaemonNetworks;
  },
  { join: members }: MeshConfig,
): Pick<DaemonMesh, 'start' | 'stop'> {
  return {
    start: async () => {
      await node.start(members);
      control.start();
      paths.start();
    },
    stop: async () => {
      control.stop();
      paths.stop();
      await seals.stop();
      await networks.stop();
      await node.stop();
    },
  };
}

async function underlayOf(node: string, vtep: string): Promise<Underlay> {
  return { node, vtep, mtu: (await linkOf(vtep))?.mtu ?? defaultMtu };
}

function hostOf(
  { table, controller }: DaemonMeshOptions,
  { overlay }: DaemonNetworks,
): MeshNode['options']['host'] {
  return {
    table,
    submitMesh: (request) => controller.submitMesh(request),
    isProgrammed: (entry) => controller.isProgrammed(entry),
    areNetworksProgrammed: () => overlay.isProgrammed,
  };
}

function pathsOf(
  { clock, config, kernel }: DaemonMeshOptions,
  underlay: Underlay,
  node: () => MeshNode,
): DaemonPaths {
  return new DaemonPaths({
    clock,
    kernel,
    port: config.probePort,
    openSocket: openProbeSocket,
    mtuOf: (network) => networkMtu(network, underlay),
    node,
  });
}

async function underlayFacts({ address }: PeerAddress, paths: DaemonPaths): Promise<OverlayFacts> {
  return { vtep: address, link: await linkOf(address), faults: await paths.recentFaults() };
}

function networkControl(
  node: MeshNode,
  networks: DaemonNetworks,
  {
    seals,
    underlay,
    options,
  }: { seals: DaemonSeals; underlay: Underlay; options: DaemonMeshOptions },
): NetworkControl {
  return new NetworksOfNode(node, {
    mtuOf: (network) => networkMtu(network, underlay),
    mtuProblem: (network) => mtuProblem(network, underlay),
    problemOf: (network) => networks.problemOf(network),
    probeSeals: () => seals.probe(),
    rotateSeals: () => seals.rotate(),
    forgetVanished: () => networks.forgetVanished(),
    isNamespace: (path) => isNamespace(path, options.openSandbox),
    servedConnections: (path) => servedConnections(path, options.openSandbox),
    changed: (network) => networks.changedNow(network),
  });
}

/** What the earlier run knew comes into force; from now on the two hear of each other. */
async function connect(
  node: MeshNode,
  networks: DaemonNetworks,
  controller: HostController,
): Promise<void> {
  node.services.restore();
  await networks.start();
  controller.serviceChanged.add((name) => node.services.localChanged(name));
  controller.passed.add(({ revision, error }) => {
    if (error === undefined) node.services.passed(revision);
  });
}

async function servedConnections(
  path: string,
  open: DaemonMeshOptions['openSandbox'],
): Promise<number> {
  const kernel = await open(path);
  return kernel.servedConnections().finally(() => kernel.close());
}

async function isNamespace(path: string, open: DaemonMeshOptions['openSandbox']): Promise<boolean> {
  try {
    await (await open(path)).close();
    return true;
  } catch {
    return false;
  }
}

async function keyringOf(keyFile: string): Promise<Keyring | undefined> {
  if (keyFile === 'none') return undefined;
  const text = await readPrivateFile(keyFile);
  if (text !== undefined) return readKeys(text, keyFile);
  const make = `(umask 077; meshctl key generate > ${keyFile})`;
  throw new MeshError(
    'not_found',
    `mesh.keyFile: there is no ${keyFile}. On the first host make a key, ${make}; on the others ` +
      'put a copy of it. For gossip in the clear: keyFile: none',
  );
}

async function savedState(path: string): Promise<SavedState> {
  const text = await readPrivateFile(path);
  if (text !== undefined) return readState(text, path);
  const nothing = {
    epoch: 0,
    trust: [],
    claims: new Map(),
    declarations: [],
    peers: [],
    networks: noNetworks,
    seals: noSeals,
  };
  return { seed: randomBytes(32), ...nothing };
}

/** Where others reach us; port 0 = the one in use. */
function advertised({ bind, advertise }: MeshConfig): PeerAddress {
  const port = advertise?.port ?? bind.port;
  if (advertise !== undefined) return { address: advertise.address, port };
  const isAny = bind.address === '0.0.0.0' || bind.address === '::';
  if (!isAny) return { address: bind.address, port };
  const families = familyOf(bind.address) === 4 ? ([4] as const) : ([6, 4] as const);
  const address = reachableAddress(families, (link) => link === vipLink);
  if (address !== undefined) return { address, port };
  throw new MeshError(
    'failed_precondition',
    'mesh.advertise: this host has no address that others could reach; give one',
  );
}
