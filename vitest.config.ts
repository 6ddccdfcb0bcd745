// What the test runner needs to know: unit tests, journeys on a real control plane, and journeys on a real node.
import { defineConfig } from 'vitest/config';

const journeys = {
  globalSetup: ['test/e2e/setup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Real clusters on shared machines: a limit missed once is tried once more, and the report says so.
  retry: 1,
  fileParallelism: true,
  maxWorkers: 3,
};

const INSTALLING = [
  'test/e2e/node/install*.test.ts',
  'test/e2e/node/upgrade*.test.ts',
  'test/e2e/node/faults*.test.ts',
];

export default defineConfig({
  test: {
    reporters: ['default', './tools/closing-line-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...journeys,
          name: 'e2e',
          include: [
            'test/e2e/journeys/**/*.test.ts',
            'test/e2e/faults/**/*.test.ts',
            'test/e2e/smoke.test.ts',
          ],
          // After the unit tests: journeys wait for real clusters and must not starve, nor starve others.
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Started by test/e2e/node/run.sh, inside of the node that it makes.
        test: {
          ...journeys,
          name: 'node',
          include: ['test/e2e/node/**/*.test.ts'],
          exclude: INSTALLING,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // After those, and one by one: an installed operator works for the whole cluster, a dead part is missed by all.
        test: {
          ...journeys,
          name: 'install',
          include: INSTALLING,
          fileParallelism: false,
          testTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
