/** The table of services with its revisions, and what of it is written down. */
export { recordsOf, replay, snapshotOf } from './records.js';
export type { Remembered, TableRecord } from './records.js';
export { formatListener, listenersOf, type Listener } from './claims.js';
export { sameService } from './same-service.js';
export { ServiceTable } from './service-table.js';
export type {
  LocalSource,
  MeshRequest,
  Prepared,
  ServiceEntry,
  ServiceSource,
  TableChange,
  TableRequest,
  YieldedService,
} from './table-change.js';
export { VipPool } from './vip-pool.js';
