/** The table of services with its revisions, and what of it is written down. */
export { recordsOf, replay, snapshotOf } from './records.js';
export type { Remembered, TableRecord } from './records.js';
export { ServiceTable } from './service-table.js';
export type {
  Prepared,
  ServiceEntry,
  ServiceSource,
  TableChange,
  TableRequest,
} from './service-table.js';
export { VipPool } from './vip-pool.js';
