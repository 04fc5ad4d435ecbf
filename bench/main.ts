import { parseArgs } from 'node:util';

import type { Bench } from './bench.ts';
import { formatJson, formatTable } from './harness.ts';

/** Loaded when asked for: a bench brings the servers it measures. */
export const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  archive: async () => (await import('./archive.ts')).archiveBench,
  backlog: async () => (await import('./backlog.ts')).backlogBench,
  comparison: async () => (await import('./comparison.ts')).comparisonBench,
  flapping: async () => (await import('./flapping.ts')).flappingBench,
  growth: async () => (await import('./growth.ts')).growthBench,
  ingest: async () => (await import('./ingest.ts')).ingestBench,
  page: async () => (await import('./page.ts')).pageBench,
  reports: async () => (await import('./reports.ts')).reportsBench,
  storm: async () => (await import('./storm.ts')).stormBench,
  store: async () => (await import('./store.ts')).storeBench,
  size: async () => (await import('./size.ts')).sizeBench,
  start: async () => (await import('./start.ts')).startBench,
  watch: async () => (await import('./watch.ts')).watchBench,
  temporal: async () => (await import('./temporal.ts')).temporalBench,
  'temporal-cost': async () => (await import('./temporal-cost.ts')).temporalCostBench,
  'temporal-postgres': async () => (await import('./temporal-postgres.ts')).temporalPostgresBench,
  'end-to-end': async () => (await import('./end-to-end.ts')).endToEndBench,
  workflow: async () => (await import('./workflow.ts')).workflowBench,
};

const USAGE = `usage: npm run bench -- <${Object.keys(BENCHES).join('|')}> [--rows N] [--json]

--rows is how much work; docs/performance.md says what each bench counts. --json prints one figure per line.`;

class UsageError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      rows: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const load = BENCHES[positionals[0] ?? ''];
  if (load === undefined) throw new UsageError(`there is no bench "${positionals[0] ?? ''}"\n${USAGE}`);
  const bench = await load();
  const report = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const rows = readRows(values.rows, bench);
  report(`${bench.question} (${rows} ${bench.rowsAre})`);
  const figures = await bench.run({ rows, report });
  process.stdout.write(
    values.json ? figures.map((figure) => `${formatJson(figure)}\n`).join('') : formatTable(figures),
  );
}

function readRows(text: string | undefined, bench: Bench): number {
  if (text === undefined) return bench.defaultRows;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(
    `--rows must be a whole number above 0 (${bench.rowsAre}), not ${JSON.stringify(text)}`,
  );
}

/** What the caller typed, and not the bench, was wrong: a sentence is enough. */
function isUsageError(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
  );
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error: unknown) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    process.exitCode = 2;
  }
}
