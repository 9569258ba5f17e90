import type { PathState, PathVerdict } from '../paths/index.js';

export type { PathState, PathVerdict };

/**
 * The part of the mesh API that is about the other nodes; see MeshBackend for its conventions.
 * Absent on a host that stands alone.
 */
export interface MeshControl {
  /** All members that are known, by name; the dead until they are forgotten. */
  nodes(): readonly NodeState[];

  status(): MeshStatus;

  /**
   * Lets a node's name have another key, here alone: for a host that lost its state.
   * Errors: invalid_argument (itself), failed_precondition (its name is not disputed).
   */
  forget(node: string): void;

  /**
   * Says goodbye: the others take this node's services out of service, and this node theirs.
   * Resolves when that is told. It joins again with the next start of the daemon.
   */
  leave(): Promise<void>;

  /**
   * Looks at or changes the keys of all live nodes; each answers for itself.
   * Errors: invalid_argument (key), failed_precondition (no keys at all; `use` of a key that some
   * node lacks; `remove` of a primary).
   */
  changeKeys(change: KeyChange): Promise<readonly NodeKeys[]>;

  /** Rows on which another node disagrees. Errors: invalid_argument (itself), not_found. */
  compareWith(node: string): Promise<readonly RowDifference[]>;

  /** Which live nodes have this node's services, as they were at `version`, in their kernels. */
  convergence(version?: number): Convergence;

  /** Whether packets get through to the other nodes over the network `ingress`. */
  paths(): PathReport;

  /**
   * What another node says of the way to this one, in the words of this end; undefined when it
   * knows nothing of it. Errors: not_found, deadline_exceeded, failed_precondition (an older meshd).
   */
  askPath(node: string): Promise<PathVerdict | undefined>;
}

export interface PathReport {
  /** UDP port of the probes, on all nodes. */
  readonly port: number;
  /** Live nodes on the network, by name; none as long as this node is not on it. */
  readonly states: readonly PathState[];
  /** Why nothing is known of them. */
  readonly problem?: string;
}

export interface NodeState {
  readonly name: string;
  /** `192.0.2.1:7946`. */
  readonly address: string;
  /** `suspect`: does not answer, and will be taken for failed if it does not object. */
  readonly state: 'alive' | 'suspect' | 'failed' | 'left';
  /** Of meshd; absent for other programs in the same cluster. */
  readonly version?: string;
  readonly isSelf: boolean;
  readonly incarnation: number;
  /** Services that it asks for. */
  readonly services: number;
  /** It has all of this node's services in its kernel. Absent for this node and for strangers. */
  readonly converged?: boolean;
  /** Absent for nodes that no packets are sent to by way of networks: see `paths`. */
  readonly path?: PathState;
}

export interface MeshStatus {
  readonly node: string;
  readonly address: string;
  readonly profile: string;
  readonly label: string;
  /** Fingerprint of the key that seals; absent = gossip in the clear. */
  readonly key?: string;
  readonly hasLeft: boolean;
  readonly alive: number;
  readonly suspect: number;
  readonly failed: number;
  readonly left: number;
  /** How far this process does not keep up with gossip: 0 (well) to 7. */
  readonly healthScore: number;
  /** Of the last change of this node's services. */
  readonly version: number;
  /** Live nodes that do not have it in their kernels. */
  readonly lacking: readonly string[];
  /** Age of the oldest change that some live node lacks; 0 = all have all. */
  readonly lagMs: number;
  /** How long the last change took that all have. */
  readonly lastLagMs?: number;
  /** Nodes whose services are not all in this kernel yet. */
  readonly unserved: readonly string[];
  readonly rows: number;
  readonly rowBytes: number;
  /** In UDP packets. */
  readonly sentBytesPerS: number;
  readonly receivedBytesPerS: number;
  /** Over TCP, both ways. */
  readonly streamBytesPerS: number;
  /** Services that give way to another node's. */
  readonly conflicts: readonly ServiceConflict[];
  /** Names of nodes that somebody uses with another key than the one known here. */
  readonly disputed: readonly string[];
  readonly queues: readonly Count[];
  /** Since the start of the daemon. */
  readonly counters: readonly Count[];
}

export interface ServiceConflict {
  readonly service: string;
  readonly node: string;
  readonly reason: string;
}

export interface Count {
  readonly name: string;
  /** What it is counted by: why a packet was dropped. */
  readonly reason?: string;
  readonly value: number;
}

/** What to do with the keys of all nodes. Keys are named by their fingerprints. */
export interface KeyChange {
  readonly action: 'list' | 'install' | 'use' | 'remove';
  /** With install: base64 of 16, 24 or 32 bytes. */
  readonly key?: string;
  /** With use and remove. */
  readonly fingerprint?: string;
}

export interface NodeKeys {
  readonly node: string;
  /** The primary first. */
  readonly fingerprints: readonly string[];
  /** Why it did not do as asked. */
  readonly problem?: string;
}

/** A row that two nodes do not have in the same version; absent = not at all. */
export interface RowDifference {
  readonly owner: string;
  readonly key: string;
  readonly network: string;
  /** `epoch.version`. */
  readonly here?: string;
  readonly there?: string;
}

export interface Convergence {
  readonly version: number;
  readonly have: readonly string[];
  readonly lack: readonly string[];
}
