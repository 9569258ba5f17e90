/**
 * The part of the mesh API that is about networks; see MeshBackend for its conventions. Absent on
 * a host that stands alone.
 */
export interface NetworkControl {
  /** By name. */
  list(): readonly NetworkInfo[];

  /**
   * Makes a network that all nodes may attach to; what is not given is chosen.
   * Errors: invalid_argument, already_exists, conflict (VNI, subnet), resource_exhausted.
   */
  create(wish: NetworkWish): Promise<NetworkInfo>;

  /** Errors: not_found, failed_precondition (somebody is on it). */
  remove(name: string): Promise<void>;

  /**
   * Puts a network namespace of this host on a network.
   * Errors: invalid_argument, not_found, already_exists, resource_exhausted, failed_precondition
   * (the network cannot be in force here).
   */
  attach(wish: AttachWish): Promise<EndpointInfo>;

  /**
   * Changes the weights of an endpoint of this host in the services that it serves; returns the
   * version of this node's rows that carries it. Errors: invalid_argument, not_found.
   */
  setServices(wish: ServicesWish): Promise<{ readonly version: number }>;

  /** An endpoint of this host. Errors: not_found. */
  endpoint(network: string, name: string): Promise<EndpointStatus>;

  /**
   * Gives sealed networks new keys, on all nodes; nothing is lost while they change. Returns their
   * generation. Errors: failed_precondition (nobody here is on a sealed network; they change).
   */
  rotateKeys(): Promise<{ readonly generation: number }>;

  /** Errors: not_found. */
  detach(network: string, endpoint: string): Promise<void>;
}

export interface NetworkWish {
  readonly name: string;
  /** Range 4096-16777215. */
  readonly vni?: number;
  /** Prefixes, at most one per family; none = an IPv4 one is chosen. */
  readonly subnets: readonly string[];
  /** UDP port of VXLAN. Range 1024-49151. */
  readonly port?: number;
  /** Of packets inside. Unit: bytes. */
  readonly mtu?: number;
  /** Its endpoints reach nothing beyond their networks. */
  readonly internal?: boolean;
  /** What goes between hosts is encrypted; `port` is not for such a network. */
  readonly sealed?: boolean;
}

export interface NetworkInfo {
  readonly name: string;
  readonly vni: number;
  readonly subnets: readonly string[];
  readonly port: number;
  /** In force on this host. Unit: bytes. */
  readonly mtu: number;
  readonly internal: boolean;
  readonly sealed: boolean;
  /** Nodes that ask for it. */
  readonly nodes: readonly string[];
  /** Those of other nodes are known only where this node has some on the network. */
  readonly endpoints: readonly EndpointInfo[];
  /** Why it is not in force here. */
  readonly problem?: string;
}

export interface EndpointInfo {
  readonly name: string;
  readonly network: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly mac: string;
  /** Its weight in each service that it is a destination of. */
  readonly services: Readonly<Record<string, number>>;
  /** The node itself, on the ingress network. */
  readonly isEntry: boolean;
  /** Of this node's endpoints: path of the network namespace. */
  readonly sandbox?: string;
}

export interface EndpointStatus {
  readonly endpoint: EndpointInfo;
  /** Open TCP connections that its sandbox serves, of all its networks. */
  readonly connections: number;
  /** This host's kernel has all that it should of networks. */
  readonly programmed: boolean;
}

export interface ServicesWish {
  readonly network: string;
  readonly endpoint: string;
  /** By name of the service. */
  readonly services: Readonly<Record<string, number>>;
}

export interface AttachWish {
  readonly network: string;
  /** Unique among this node's endpoints of the network. */
  readonly name: string;
  /** Path of a network namespace. */
  readonly sandbox: string;
  /** Its weight in each service that it is a destination of. */
  readonly services: Readonly<Record<string, number>>;
}
