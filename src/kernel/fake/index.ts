/**
 * A kernel in memory, for tests and simulations. It is as strict as Linux: one contract suite
 * (test/kernel-contract) runs on both, so it cannot drift.
 */
export { CrashError, FakeKernel } from './fake-kernel.js';
export type { FakeKernelOptions, Fault } from './fake-kernel.js';
