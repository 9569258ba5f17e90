/**
 * The part of the mesh API that is about names; see MeshBackend for its conventions. Absent where
 * the configuration switches names off.
 */
export interface NamesControl {
  /**
   * What is answered to a question, and why: by the same handlers as for a query that comes in, other
   * servers included, but neither counted nor logged.
   * Errors: invalid_argument (`name`, `type`, `sandbox`), not_found (a network that is not known
   * here, a sandbox where no names are answered).
   */
  query(question: NameQuestion): Promise<NameAnswer>;

  /**
   * All names below the domain with what is answered to them, in the canonical order of names
   * (RFC 4034), each looked up when it is taken. A network has the names that who is on it alone
   * sees; tasks of other nodes are known only of networks that a task of this node is on.
   * `networks`: none = all that are known here, and services that are on none. Errors: not_found.
   */
  list(networks: readonly string[]): Iterator<NameRecord, unknown>;

  stats(): NameStats;

  /** Whether every query is logged. Not remembered by the next run of the daemon. */
  isLogging: boolean;
}

export interface NameQuestion {
  /** In full, or as a program would have it; with or without the final dot. */
  readonly name: string;
  /** `A`, `SRV` ..., `TYPE65`; in any case. */
  readonly type: string;
  /**
   * Of a task that asks, in the order in which a bare name is looked for; none = a process of the
   * host asks, for services that are on no network.
   */
  readonly networks: readonly string[];
  /** The namespace of this host that asks: its path, or its name below /run/netns. Not beside networks. */
  readonly sandbox?: string;
}

export interface NameAnswer {
  /** Of the response: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` ... */
  readonly code: string;
  /** Which handler answered: `vip`, `task`, `reverse`, `forward`, `errors`. */
  readonly by: string;
  /** Absent for names of nobody here. */
  readonly found?: NameFound;
  /** Why it is no answer. */
  readonly reason?: string;
  readonly records: readonly NameRecord[];
}

/** Whose name it is. */
export interface NameFound {
  /** `service`, `alias`, `tasks` or `port` of a service; `task`; `address` of either. */
  readonly kind: string;
  /** Of the service or the task. */
  readonly name: string;
  /** In lower case; absent = on none. */
  readonly network?: string;
}

/** As in a zone file. */
export interface NameRecord {
  /** With the final dot. */
  readonly name: string;
  readonly ttlS: number;
  readonly type: string;
  readonly data: string;
}

export interface NameStats {
  readonly counts: readonly NameCount[];
  readonly drops: NamesDrops;
  /** Answers that are given without asking any handler. */
  readonly kept: number;
  /** Where processes of the host may ask: `127.0.0.11:53`. */
  readonly listen: readonly string[];
  /** Namespaces in which names are answered. */
  readonly sandboxes: number;
  /** Whom other names are asked of. */
  readonly upstreams: readonly NameUpstream[];
  readonly isLogging: boolean;
}

/** Since the start of the daemon. */
export interface NameCount {
  /** `A`, `AAAA` ...; `other`. */
  readonly type: string;
  readonly code: string;
  /** The handler; `cache`: what is kept. */
  readonly by: string;
  readonly queries: number;
}

/** Messages that got no answer, since the start of the daemon. */
export interface NamesDrops {
  /** No queries. */
  readonly malformed: number;
  /** Of sources that ask too often. */
  readonly limited: number;
  /** Of more than 4,096 bytes. */
  readonly oversized: number;
  /** Too many waited. */
  readonly overflow: number;
  /** Responses for which the kernel had no room. */
  readonly unsent: number;
}

export interface NameUpstream {
  /** `192.0.2.53:53`. */
  readonly address: string;
  /** It did not answer, and is asked last for so long; 0 = it is well. */
  readonly silentMs: number;
}
