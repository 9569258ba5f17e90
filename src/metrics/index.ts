/** What Prometheus scrapes: the daemon's own figures and the kernel's counters. */
export { DaemonMetrics } from './daemon-metrics.js';
export { dnsSeries } from './dns-series.js';
export { trafficSeries } from './exposition.js';
export { meshSeries, pathSeries } from './mesh-series.js';
