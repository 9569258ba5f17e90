/**
 * From services to kernel rules, without touching either: compile (service -> rules), RuleTable
 * (rules of all services, with what changed), diff (desired, observed -> Ops), explain.
 */
export { carriesCalls } from './carries-calls.js';
export { compileBase, compileService, managedSysctls } from './compile.js';
export type { CompileContext, IdleTimeouts } from './compile.js';
export { compileEntry } from './entry.js';
export type { EntryOptions } from './entry.js';
export { compileNames } from './names.js';
export type { NamesAt } from './names.js';
export { compilePublished, publishedMatches } from './published.js';
export type { IngressView } from './published.js';
export { compileIngressTask, compileVip } from './task.js';
export { allKeys, diff, isSetting, sameRule } from './diff.js';
export type { RuleView } from './diff.js';
export type { Bound } from './explain-balanced.js';
export { explain } from './explain.js';
export type { ExplainFacts } from './explain.js';
export { explainCaller } from './explain-caller.js';
export type { CallerFacts, TaskNetwork } from './explain-caller.js';
export type { Publisher } from './explain-published.js';
export { explainServer } from './explain-server.js';
export type { ServerFacts } from './explain-server.js';
export { met, nameOf } from './explanation.js';
export type {
  AddressOfNetwork,
  Explanation,
  ExplainStep,
  KernelState,
  KnownEndpoint,
  OutwardCall,
  Packet,
  RuleBook,
  TaskCall,
} from './explanation.js';
export { OnLink } from './on-link.js';
export { RuleTable } from './rule-table.js';
export { isMasqueraded, snatTable } from './snat.js';
