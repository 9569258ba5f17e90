import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      // Needs neither root nor a kernel with IPVS.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      // Needs the programs that we share a cluster with.
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          retry: 0,
        },
      },
      // Needs root, namespaces and ip_vs: run through `scripts/lab` where the kernel has none.
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
