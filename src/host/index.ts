/**
 * One host's services, from request to kernel: the controller joins the service table, health,
 * rules and the reconciler; the backend answers the mesh API from it.
 */
export { HostBackend } from './backend.js';
export { HostController } from './controller.js';
export { explainTimeoutMs } from './explain-walk.js';
export type { ExplainMesh } from './explain-walk.js';
export { examineHost } from './doctor.js';
export type { OverlayFacts, RecentFaults } from './doctor-sources.js';
export { HostAddresses } from './host-addresses.js';
export type { HealthReport, HealthView } from './health-view.js';
export { describePlan } from './plan.js';
export { Overlay } from './overlay.js';
export type { NetworkState, OverlayOptions } from './overlay.js';
export { restoreTable } from './restore.js';
