/**
 * `state-child KEY-FILE NODE ADDRESS JOIN NETWORK-JSON FIRST COUNT PER-SERVICE`: a node of a mesh as
 * the daemon has it, but for the kernel; it has COUNT endpoints on the network, from number FIRST on,
 * of which each PER-SERVICE serve one of the services s0, s1 ... Prints `ready` when their rows are signed and it gossips.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { wireOptions } from '../../src/gossip/index.js';
import { openGossipTransport, realClock } from '../../src/io/index.js';
import { MeshNode, noSeals, readKeys } from '../../src/mesh/index.js';
import { addressAt, type LocalEndpoint, type Network } from '../../src/model/index.js';
import { macOf } from '../../src/overlay/index.js';
import { ServiceTable, VipPool } from '../../src/store/index.js';

const [keyFile, name, address, joined, networkText, ...numbers] = process.argv.slice(2);
const [first, count, perService] = numbers.map(Number) as [number, number, number];
const network = JSON.parse(networkText!) as Network;
const table = new ServiceTable(new VipPool([]));
const port = 7946;

/** The subnet's upper half: the real nodes take theirs from the slices below. */
const endpoints = Array.from({ length: count }, (_, n): LocalEndpoint => {
  const i = first + n;
  const addresses = [addressAt(network.subnets[0]!, 2 ** 14 + i)];
  return {
    name: `e${i}`,
    network: network.name,
    node: name!,
    vtep: address!,
    addresses,
    mac: macOf(addresses[0]!),
    services: { [`s${Math.floor(i / perService)}`]: 1 },
    isEntry: false,
    isAway: false,
    sandbox: `/run/netns/e${i}`,
  };
});

const warn = (_: object, message: string): void => void process.stderr.write(`${message}\n`);
const silent = (): void => undefined;
const node = new MeshNode({
  name: name!,
  version: '0.0.0',
  at: { address: address!, port },
  profile: 'lan',
  wire: wireOptions({ keyring: readKeys(readFileSync(keyFile!, 'utf8'), keyFile!) }),
  host: {
    table,
    submitMesh: (request) => {
      table.commit(table.prepareMesh(request));
      return Promise.resolve({ revision: table.revision });
    },
    isProgrammed: () => true,
    areNetworksProgrammed: () => true,
  },
  clock: realClock,
  random: Math.random,
  log: { debug: silent, info: silent, warn, error: warn },
  saved: {
    seed: randomBytes(32),
    epoch: 0,
    trust: [],
    claims: new Map(),
    declarations: [],
    peers: [],
    seals: noSeals,
    networks: {
      networks: [{ claim: 1, network, adopted: true }],
      slices: [],
      endpoints,
      remote: [],
    },
  },
  save: () => Promise.resolve(),
  networkChanged: silent,
  seals: { port: 0, changed: silent },
  explain: () => Promise.resolve(undefined),
  saveKeys: () => Promise.resolve(),
  openTransport: (handlers) => openGossipTransport({ address: address!, port }, handlers),
});
await node.start([{ address: joined!, port }]);
process.stdout.write('ready\n');
