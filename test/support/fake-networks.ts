import type {
  AttachWish,
  EndpointInfo,
  EndpointStatus,
  NetworkControl,
  NetworkInfo,
  NetworkWish,
} from '../../src/api/index.js';
import { MeshError } from '../../src/base/index.js';

const web: EndpointInfo = {
  name: 'web',
  network: 'blue',
  node: 'a',
  addresses: ['10.64.0.2', 'fd00:64::2'],
  mac: '02:4d:0a:40:00:02',
  services: { shop: 1 },
  isEntry: false,
  sandbox: '/run/netns/web',
};
const db: EndpointInfo = {
  name: 'db',
  network: 'blue',
  node: 'b',
  addresses: ['10.64.0.18', 'fd00:64::12'],
  mac: '02:4d:0a:40:00:12',
  services: {},
  isEntry: false,
};

const blue: NetworkInfo = {
  name: 'blue',
  vni: 4_096,
  subnets: ['10.64.0.0/24', 'fd00:64::/112'],
  port: 4_789,
  mtu: 1_450,
  internal: false,
  sealed: false,
  nodes: ['a', 'b'],
  endpoints: [web, db],
};

/** Networks in memory. */
export class FakeNetworks implements NetworkControl {
  list(): readonly NetworkInfo[] {
    const problem = 'mtu 9000: the underlay leaves 1450';
    const subnets = ['10.65.0.0/24'];
    const jumbo = { vni: 4_097, subnets, mtu: 9_000, nodes: ['b'], endpoints: [] };
    const away = { vni: 4_098, subnets: ['10.67.0.0/24'], nodes: ['a', 'b'], endpoints: [] };
    return [
      blue,
      { ...blue, ...jumbo, name: 'jumbo', problem },
      { ...blue, ...away, name: 'away' },
    ];
  }

  create({ name, vni = 4_098, subnets, sealed = false }: NetworkWish): Promise<NetworkInfo> {
    const given = subnets.length > 0 ? subnets : ['10.66.0.0/24'];
    return Promise.resolve({ ...blue, name, vni, subnets: given, endpoints: [], sealed });
  }

  remove(name: string): Promise<void> {
    const problems: Record<string, string> = {
      blue: 'network blue: endpoint web is attached to it here',
      away: 'network away: nodes b ask for it too',
    };
    const problem = problems[name];
    if (problem === undefined) return Promise.resolve();
    return Promise.reject(new MeshError('failed_precondition', problem));
  }

  attach(wish: AttachWish): Promise<EndpointInfo> {
    return Promise.resolve({ ...web, ...wish });
  }

  setServices(): Promise<{ version: number }> {
    return Promise.resolve({ version: 7 });
  }

  endpoint(): Promise<EndpointStatus> {
    return Promise.resolve({ endpoint: web, connections: 0, programmed: true });
  }

  rotateKeys(): Promise<{ generation: number }> {
    return Promise.resolve({ generation: 3 });
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }
}
