/** The adapters to the outside world: time, disk, files and probes. Nothing here decides. */
export { realClock } from './clock.js';
export { realDisk } from './disk.js';
export type { Disk, DiskFile } from './disk.js';
export { watchFile } from './file-watch.js';
export type { FileWatchOptions } from './file-watch.js';
export { openJournal, readJournal } from './journal.js';
export type { Journal, JournalOptions } from './journal.js';
export type { JournalRecord } from './journal-format.js';
export { serveMetrics } from './metrics-server.js';
export type { MetricsListen, MetricsServer } from './metrics-server.js';
export { probe } from './probe.js';
export { openProbeSocket } from './probe-socket.js';
export type { ProbeSocket, ProbeSocketHandlers } from './probe-socket.js';
export { openGossipTransport } from './gossip-transport.js';
export type { GossipTransportOptions } from './gossip-transport.js';
export { hostName, isThere, linkOf, reachableAddress } from './host-names.js';
export { readPrivateFile, writePrivateFile } from './private-file.js';
