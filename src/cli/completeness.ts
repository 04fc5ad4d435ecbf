import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { createPool } from '../database/pool.ts';
import { type Completeness, selectCompleteness } from '../database/reading/completeness.ts';
import { createLogger } from '../observability/logger.ts';
import { readFlags } from './arguments.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit completeness [--cluster NAME] [--json]

What is there, what of it is recorded, and what is missing by name, as GET /api/v1/completeness answers it.
`;

const FLAGS = {
  cluster: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * `completeness [--cluster NAME] [--json]`: is anything missing? It gives the answer of GET
 * /api/v1/completeness, because both call the same function (ADR 28). Without --cluster it answers for every
 * cluster. A gap is part of the answer and no failure: the exit code stays 0.
 */
export async function runCompleteness(args: readonly string[]): Promise<void> {
  const { values, positionals } = readFlags(args, FLAGS);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (positionals.length > 0) throw new UsageError(USAGE.split('\n', 1)[0] ?? '');
  const config = readProcessConfig(({ database: { url } }) =>
    url === '' ? ['DATABASE_URL is not set; `completeness` reads PostgreSQL'] : [],
  );
  const pool = createPool({
    connectionString: config.database.url,
    applicationName: 'remediation-audit completeness',
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger: createLogger(config.logLevel, 'completeness'),
  });
  try {
    const found = await selectCompleteness(pool, { cluster: values.cluster ?? '' });
    await noteCommand(pool, config, {
      route: 'completeness',
      filter: { cluster: values.cluster ?? null },
      rows: found.gaps.length,
    });
    process.stdout.write(values.json === true ? `${JSON.stringify(found)}\n` : textOf(found));
  } finally {
    await pool.end();
  }
}

/**
 * One line per cluster, its kinds below it, then the gaps by name. The answer names a bounded number of gaps,
 * so the last line says when there are more.
 */
function textOf({ clusters, kinds, gaps, has_more_gaps: hasMore }: Completeness): string {
  const lines = clusters.flatMap(({ cluster, state, detail }) => [
    `${cluster}: ${state}${detail === null ? '' : ` (${detail})`}`,
    ...kinds
      .filter((kind) => kind.cluster === cluster)
      .map(
        ({ kind, seen, recorded, waiting, open, overdue }) =>
          `  ${kind.padEnd(28)}seen ${show(seen)}  recorded ${show(recorded)}  waiting ${show(waiting)}  open ${show(open)}  overdue ${show(overdue)}`,
      ),
  ]);
  const named = gaps.map(({ cluster, reason, kind, namespace, name, remediation_uid: uid, detail }) => {
    const what = name === null ? (uid ?? 'unknown') : `${namespace ?? ''}/${name}`;
    return `gap in ${cluster}: ${reason} ${kind ?? ''} ${what}${detail === null ? '' : `: ${detail}`}`;
  });
  if (clusters.length === 0) lines.push('no cluster was ever watched, and nothing is recorded');
  return `${[...lines, ...named, ...(hasMore ? ['there are more gaps than are named'] : [])].join('\n')}\n`;
}

/** Null without a recent report of the watcher. That is unknown, and must not read like 0. */
function show(count: number | null): string {
  return (count === null ? 'unknown' : String(count)).padEnd(7);
}
