import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { createPool } from '../database/pool.ts';
import { selectCompleteness } from '../database/reading/completeness.ts';
import { EndingError } from '../domain/errors.ts';
import { createLogger } from '../observability/logger.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { readFlags } from './arguments.ts';
import { completenessText } from './completeness-text.ts';
import { operatorView, withOperatorProgress } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit completeness [--cluster NAME] [--json]

What is there, what of it is recorded, and what is missing by name, as GET /api/v1/completeness answers it. A number that no
watcher reported lately is unknown. Exit code 0, also with gaps; 3 where nobody ever watched.
`;

const FLAGS = {
  cluster: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Nothing missing is an answer only where somebody looked. */
class NeverWatchedError extends EndingError {
  readonly ending = 'configuration';

  constructor(cluster: string | undefined) {
    const what =
      cluster === undefined ? 'no cluster was ever watched' : `cluster ${cluster} was never watched`;
    super(
      `${what}: that nothing is missing says nothing; start \`remediation-audit watch\`, or check --cluster`,
    );
    this.name = 'NeverWatchedError';
  }
}

/**
 * `completeness [--cluster NAME] [--json]`: is anything missing? It gives the answer of GET
 * /api/v1/completeness, because both call the same function (ADR 28). Without --cluster it answers for every
 * cluster. A gap is part of the answer and no failure: the exit code stays 0. Where nobody ever watched, the answer says nothing, and that is
 * an exit code of its own.
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
    const found = await withOperatorProgress('waiting for completeness', () =>
      selectCompleteness(pool, { cluster: values.cluster ?? '' }),
    );
    await noteCommand(pool, config, {
      route: 'completeness',
      filter: { cluster: values.cluster ?? null },
      rows: found.gaps.length,
    });
    process.stdout.write(
      values.json === true
        ? jsonDocument('Completeness', JSON.stringify(found))
        : completenessText(found, operatorView()),
    );
    if (found.has_more_gaps) process.stderr.write('there are more gaps than are named\n');
    if (!found.clusters.some((one) => one.first_watched_at !== null))
      throw new NeverWatchedError(values.cluster);
  } finally {
    await pool.end();
  }
}
