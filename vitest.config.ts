import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

import { LongestFirst } from './test/support/longest-first.ts';
import { filesOfSoak, IS_SOAK } from './test/support/soak.ts';

/**
 * One project per kind of server a suite needs. The budgets are what a whole project may take on two cores with warm
 * caches, by itself; all of them together take less than the sum, since what they wait for overlaps. The time limits of a test are far above what
 * it takes: only what hangs reaches them, however slow the machine.
 */
const SECOND = 1_000;

/**
 * Tests wait for servers, timers and disks more than half of their time: two files per core keep the cores busy, and more
 * than that would only make each of them slow.
 */
const FILES_PER_CORE = 2;

/** What Node compiled is kept between files, runs and the processes that tests start: half a second of each `audit` command. */
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('node_modules/.cache/node-compile', import.meta.url),
);

/** Servers written in Go collect garbage less often: a kube-apiserver starts with a third less of a processor. */
process.env['GOGC'] ??= '400';

/** Global setups: one server for all files of a project. */
const TEMPORAL = 'test/support/temporal-server.ts';
const POSTGRES = 'test/support/postgres-server.ts';
const CHROMIUM = 'test/support/browser/chromium-files.ts';
const SHARED_UP = 'test/support/shared-up.ts';

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

/** In the order in which they run: what waits most comes first, what has many short files last. */
const suites: Suite[] = [
  // budget 4 min: floods and outages; one Temporal dev server for the run, one task queue per file
  {
    name: 'temporal',
    include: ['test/temporal/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES, TEMPORAL],
  },
  // budget 3 min: the sandbox, seeded schedules, and a real kube-apiserver with etcd
  { name: 'cluster', include: ['test/cluster/**/*.test.ts'], testTimeoutSeconds: 300 },
  // budget 4 min: processes as a user starts them, beside one `up` for the run
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeoutSeconds: 600, globalSetup: [SHARED_UP] },
  // budget 3 min: a real browser on the service, one for each file
  {
    name: 'page',
    include: ['test/page/**/*.test.ts'],
    testTimeoutSeconds: 240,
    globalSetup: [POSTGRES, CHROMIUM],
  },
  // budget 3 min: versitygw, kills at some steps of retention, and one embedded PostgreSQL for the run
  {
    name: 'archive',
    include: ['test/archive/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES],
  },
  // budget 2 min
  { name: 'api', include: ['test/api/**/*.test.ts'], testTimeoutSeconds: 240, globalSetup: [POSTGRES] },
  // budget 1 min: compose file, image, helm, promtool
  { name: 'deploy', include: ['test/deploy/**/*.test.ts'], testTimeoutSeconds: 300 },
  // budget 2 min: one embedded PostgreSQL for the run, one database per file
  {
    name: 'database',
    include: ['test/database/**/*.test.ts'],
    testTimeoutSeconds: 300,
    globalSetup: [POSTGRES],
  },
  // budget 30 s: checked-in histories
  { name: 'replay', include: ['test/replay/**/*.test.ts'], testTimeoutSeconds: 180 },
  // budget 5 s
  { name: 'architecture', include: ['test/architecture.test.ts'], testTimeoutSeconds: 20 },
  // budget 30 s
  { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeoutSeconds: 120 },
  // any JSON and any bytes, as long as `npm run fuzz` says; `npm test` leaves it out
  {
    name: 'fuzz',
    include: ['test/fuzz/**/*.test.ts'],
    testTimeoutSeconds: fuzzTimeoutSeconds(),
    globalSetup: [POSTGRES],
  },
];

export default defineConfig({
  test: {
    // Native code of the Temporal worker breaks in worker threads.
    pool: 'forks',
    maxWorkers: FILES_PER_CORE * availableParallelism(),
    allowOnly: false,
    fsModuleCache: true,
    sequence: { sequencer: LongestFirst },
    projects: suites.map(({ name, include, testTimeoutSeconds, globalSetup }) => ({
      test: {
        name,
        // A worker of its own would cost each file a second of a processor. So a file must close what it opens.
        isolate: false,
        setupFiles: ['test/support/explain-hang.ts'],
        include: IS_SOAK ? filesOfSoak(include) : include,
        exclude: IS_SOAK ? [] : ['**/*.soak.test.ts'],
        ...(globalSetup ? { globalSetup } : {}),
        testTimeout: testTimeoutSeconds * SECOND,
        // The first use of a server may build it: minutes on a cold cache, and the only place where that happens.
        hookTimeout: 1_200 * SECOND,
      },
    })),
  },
});
