import type { Protocol } from '../model/index.js';

/** A packet as it arrives: canonical addresses of one family. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface ExplainStep {
  readonly title: string;
  readonly detail: string;
  /** Text of the rule that the packet meets. */
  readonly rule?: string;
  /** ruleKey of the virtual service whose counters tell about this step. */
  readonly countersOf?: string;
}

export interface Explanation {
  readonly steps: readonly ExplainStep[];
  readonly outcome: {
    readonly verdict: 'balanced' | 'refused' | 'passed';
    readonly text: string;
    readonly destinations: readonly string[];
  };
}
