/** The `Kernel` port and its two implementations: `linux` over netlink, and a strict `fake`. */
export { KernelError, errno, errnoName, isAlreadyExists, isNotFound } from './errors.js';
export { CrashError, FakeKernel } from './fake/index.js';
export type { FakeKernelOptions, Fault } from './fake/index.js';
export { openLinuxKernel } from './linux/index.js';
export type { LinuxKernelOptions } from './linux/index.js';
export type {
  Connection,
  ConnectionQuery,
  Counters,
  DataPath,
  DestinationCounters,
  DroppingChain,
  PacketFaults,
  HostAddress,
  Kernel,
  ListeningSocket,
  Observation,
  ObserveOptions,
  OpFailure,
  RouteAnswer,
  ServiceCounters,
  WireguardPeer,
} from './port.js';
