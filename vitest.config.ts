import { defineConfig } from 'vitest/config';

/**
 * One project per kind of server a suite needs. The budgets are what a whole project may take on two cores with warm
 * caches; together they stay below 25 minutes. The time limits of a test are far above what it takes: only what hangs
 * reaches them, however slow the machine.
 */
const SECOND = 1_000;

/** Global setups: one server for all files of a project. */
const TEMPORAL = 'test/support/temporal-server.ts';
const POSTGRES = 'test/support/postgres-server.ts';
const CHROMIUM = 'test/support/browser/chromium-files.ts';

interface Suite {
  name: string;
  include: string[];
  testTimeoutSeconds: number;
  globalSetup?: string[];
}

/** As long as is fuzzed, and for the last input. */
function fuzzTimeoutSeconds(): number {
  return Number(process.env['FUZZ_SECONDS'] ?? 0) + 300;
}

const suites: Suite[] = [
  // budget 5 s
  { name: 'architecture', include: ['test/architecture.test.ts'], testTimeoutSeconds: 20 },
  // budget 30 s
  { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeoutSeconds: 120 },
  // budget 3 min: one embedded PostgreSQL for the run, one database per file
  {
    name: 'database',
    include: ['test/database/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES],
  },
  // budget 8 min: floods and outages; one Temporal dev server for the run, one task queue per file
  {
    name: 'temporal',
    include: ['test/temporal/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES, TEMPORAL],
  },
  // budget 30 s: checked-in histories
  { name: 'replay', include: ['test/replay/**/*.test.ts'], testTimeoutSeconds: 180 },
  // budget 5 min: the sandbox, seeded schedules, and a real kube-apiserver with etcd
  { name: 'cluster', include: ['test/cluster/**/*.test.ts'], testTimeoutSeconds: 300 },
  // budget 2 min
  { name: 'api', include: ['test/api/**/*.test.ts'], testTimeoutSeconds: 240, globalSetup: [POSTGRES] },
  // budget 3 min: a real browser on the service, one for each file
  {
    name: 'page',
    include: ['test/page/**/*.test.ts'],
    testTimeoutSeconds: 240,
    globalSetup: [POSTGRES, CHROMIUM],
  },
  // budget 3 min: versitygw, and a kill at every step of retention, and one embedded PostgreSQL for the run; two files at a time
  {
    name: 'archive',
    include: ['test/archive/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES],
  },
  // budget 6 min: processes as a user starts them
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeoutSeconds: 600 },
  // any JSON and any bytes, as long as `npm run fuzz` says; `npm test` leaves it out
  {
    name: 'fuzz',
    include: ['test/fuzz/**/*.test.ts'],
    testTimeoutSeconds: fuzzTimeoutSeconds(),
    globalSetup: [POSTGRES],
  },
  // budget 1 min: compose file, image, helm, promtool
  { name: 'deploy', include: ['test/deploy/**/*.test.ts'], testTimeoutSeconds: 300 },
];

export default defineConfig({
  test: {
    // Native code of the Temporal worker breaks in worker threads.
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    projects: suites.map(({ name, include, testTimeoutSeconds, globalSetup }) => ({
      test: {
        name,
        include,
        ...(globalSetup ? { globalSetup } : {}),
        testTimeout: testTimeoutSeconds * SECOND,
        // The first use of a server may build it: minutes on a cold cache, and the only place where that happens.
        hookTimeout: 1_200 * SECOND,
      },
    })),
  },
});
