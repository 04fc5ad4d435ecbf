import { setTimeout as delay } from 'node:timers/promises';

import { ArchiveMismatchError, ArchiveSchemaError, CannotRestoreError } from '../archive/archive-errors.ts';
import { verifyArchive, type VerifyReport } from '../archive/manifest/verify-archive.ts';
import { describeFault } from '../archive/manifest/verify-part.ts';
import { RestoreSteps } from '../archive/restore/restore-steps.ts';
import type { Config } from '../config/config.ts';
import { readProcessConfig } from '../config/config.ts';
import { SettingsError, UsageError } from '../config/settings.ts';
import type { RestoreRequest } from '../database/months/restore-requests.ts';
import { TableLockedError } from '../database/months/table-locks.ts';
import { createPool } from '../database/pool.ts';
import { MAX_RESTORED_DAYS } from '../domain/limits.ts';
import { createLogger } from '../observability/logger.ts';
import { openArchive } from '../services/open-archive.ts';
import { printJson } from '../terminal/json-document.ts';
import type { Progress } from '../terminal/progress.ts';
import { readFlags, readMonth, readVerb } from './arguments.ts';
import { withOperatorProgress } from './operator-view.ts';
import { noteCommand, operatingSystemUser } from './read-audit.ts';

const FLAGS = {
  all: { type: 'boolean' },
  days: { type: 'string' },
  by: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;
/** With the pause below: a lock may be in the way for some twenty seconds before the command gives up. */
const ATTACH_ATTEMPTS = 10;
const ATTACH_PAUSE_MS = 2_000;
/** What no other attempt makes right. */
const HOPELESS = [ArchiveMismatchError, ArchiveSchemaError, CannotRestoreError] as const;

const USAGE = `usage: remediation-audit archive <verify [YYYY-MM | --all] | restore YYYY-MM [--days N] [--by WHO]> [--json]

  verify        download what the manifests name and hold it against them: signatures, the chain of manifests, size and hash
                of each file, number and hash of its rows, each row. Without a month, or with --all, everything. Ends with 1
                when anything is wrong, and names the file, the row group and the row. Objects that no manifest names are listed
                too; they are not a fault.
  restore       bring a dropped month back into the database, as role audit_owner: verified first, attached all at once,
                dropped again by retention after REMEDIATION_AUDIT_RESTORED_DAYS, or --days. A month that is restored already
                stays longer. --by is kept with it; default is whoever runs the command.

  --json        one object: what was verified with its faults and orphans, or the month, its rows and until when it stays
`;

/** The archive is not what it should be; every fault is on standard output already. */
class ArchiveFaultsError extends Error {
  constructor(count: number) {
    super(`${count === 1 ? 'one fault' : `${count} faults`} in the archive: restore the files from a copy`);
    this.name = 'ArchiveFaultsError';
  }
}

/**
 * `archive verify [YYYY-MM | --all]` checks what lies in the store and changes nothing; `archive restore
 * YYYY-MM` brings a month back into the database. Answers go to standard output, progress to a terminal.
 * Arguments that do not fit together are refused before anything is opened.
 */
export async function runArchive(args: readonly string[]): Promise<void> {
  const { values, positionals } = readFlags(args, FLAGS);
  const [word, month, ...more] = positionals;
  if (word === undefined || values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const verb = readVerb('archive', word, ['verify', 'restore']);
  if (more.length > 0 || !isMeant(verb, month, values))
    throw new UsageError(`wrong arguments of \`archive ${verb}\`; ${USAGE.split('\n', 1)[0] ?? ''}`);
  const wanted = month === undefined ? undefined : readMonth(month);
  if (verb === 'verify') await verify(wanted, values.json === true);
  else if (wanted !== undefined) await restore(wanted, values);
}

/** The flags as they were given; which verb takes which is in `isMeant`. */
interface Values {
  readonly all?: boolean;
  /** Of `restore`. Default: REMEDIATION_AUDIT_RESTORED_DAYS. */
  readonly days?: string;
  /** Of `restore`, stored with the month. Default: the user of the operating system. */
  readonly by?: string;
  readonly json?: boolean;
}

/** Whether verb, month and flags belong together: a flag of the other verb is refused, not ignored. */
function isMeant(verb: 'verify' | 'restore', month: string | undefined, { all, days, by }: Values): boolean {
  if (verb === 'verify')
    return days === undefined && by === undefined && (all !== true || month === undefined);
  return month !== undefined && all !== true;
}

/** Needs the role that owns the tables. It verifies manifests and signs none, so public keys are enough. */
async function restore(month: string, values: Values): Promise<void> {
  const { retention, database } = readProcessConfig();
  const request = {
    month,
    days: readDays(values.days, retention.restoredDays),
    by: values.by ?? operatingSystemUser(),
  };
  if (database.ownerUrl === '')
    throw new SettingsError([
      'DATABASE_OWNER_URL is not set; `archive restore` needs PostgreSQL as role audit_owner',
    ]);
  const { store, trusted } = await openArchive(retention);
  const name = month.slice(0, 7);
  const { rows, until } = await withOperatorProgress(`restoring ${name}`, (progress) => {
    const steps = new RestoreSteps({
      ownerUrl: database.ownerUrl,
      lockTimeoutMs: retention.lockTimeoutMs,
      store,
      trusted,
      workFolder: retention.archive.workFolder,
      onProgress: progress.doing,
    });
    return restoreNow(steps, request, progress);
  });
  if (values.json === true) {
    printJson('RestoredMonth', { month: name, rows: rows ?? null, restored_until: until });
    return;
  }
  process.stdout.write(
    rows === undefined
      ? `${name} is in the database already: retention leaves it alone until ${until}\n`
      : `${name} is restored: ${rows} rows; retention leaves it alone until ${until}\n`,
  );
}

/**
 * The steps that the workflow of a restore runs as activities, here in this process and without Temporal.
 * Without rows in the answer all of them were there already, and only the date moved.
 */
async function restoreNow(
  steps: RestoreSteps,
  request: RestoreRequest,
  progress: Progress,
): Promise<{ readonly until: string; readonly rows?: number }> {
  const { month } = request;
  await steps.request(request);
  try {
    const plan = await steps.begin(month);
    if (plan.kind === 'kept') return { until: plan.until };
    let rows = 0;
    for (const table of plan.tables) rows += await steps.load(month, table);
    return { rows, until: await patiently(() => steps.attach(month), progress) };
  } catch (error: unknown) {
    // Of a damaged archive nobody will attach what could be loaded; after anything else the next attempt goes on with it.
    if (HOPELESS.some((type) => error instanceof type)) await steps.abandon(month);
    throw error;
  }
}

/** A lock is usually gone a moment later; whoever holds it longer is named. */
async function patiently<T>(work: () => Promise<T>, { clear }: Progress): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error: unknown) {
      if (attempt === ATTACH_ATTEMPTS || !(error instanceof TableLockedError)) throw error;
      clear();
      process.stderr.write(`${error.message}\n`);
      await delay(ATTACH_PAUSE_MS);
    }
  }
}

function readDays(text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  // Digits only: `Number` would also take an empty text, `1e3` and `0x10`.
  const days = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > MAX_RESTORED_DAYS)
    throw new UsageError(
      `--days must be a whole number from 1 to ${MAX_RESTORED_DAYS}, not ${JSON.stringify(text)}`,
    );
  return days;
}

/**
 * Asks the store alone; the database only takes the note that it was read, where one is configured. Objects that no manifest names are listed but are no fault; one
 * fault is enough to end the command with exit code 1.
 */
async function verify(month: string | undefined, isJson: boolean): Promise<void> {
  const config = readProcessConfig();
  const { retention } = config;
  const { store, trusted } = await openArchive(retention);
  await noteVerification(config, month);
  const report = await withOperatorProgress('verifying', ({ doing }) =>
    verifyArchive({
      store,
      trusted,
      workFolder: retention.archive.workFolder,
      ...(month === undefined ? {} : { month }),
      onPart: doing,
    }),
  );
  if (isJson) printJson('ArchiveVerification', reportJson(report, store.location));
  else process.stdout.write(reportText(report, store.location));
  if (report.faults.length > 0) throw new ArchiveFaultsError(report.faults.length);
}

function reportText(
  { manifests, months, parts, rows, faults, orphans }: VerifyReport,
  location: string,
): string {
  const lines = [
    ...faults.map(describeFault),
    ...orphans.map((key) => `${key}: no manifest names it; an export that was broken off left it behind`),
    `${location}: ${manifests} manifests, ${months} months, ${parts} parts, ${rows} rows, ${faults.length} faults, ${orphans.length} orphans`,
  ];
  return `${lines.join('\n')}\n`;
}

/** What a fault is not about is null. */
function reportJson({ faults, ...report }: VerifyReport, location: string): object {
  return {
    location,
    ...report,
    faults: faults.map(({ key, rowGroup, row, reason }) => ({
      key,
      row_group: rowGroup ?? null,
      row: row ?? null,
      reason,
    })),
  };
}

/**
 * Before it begins, which may be hours before it ends. Where no database is configured nothing is noted: an archive can be
 * verified when the database is lost, and by somebody who has a copy of it alone.
 */
async function noteVerification(config: Config, month: string | undefined): Promise<void> {
  const { url, ownerUrl, statementTimeoutMs } = config.database;
  const connectionString = url === '' ? ownerUrl : url;
  if (connectionString === '') return;
  const pool = createPool({
    connectionString,
    applicationName: 'remediation-audit archive',
    max: 1,
    statementTimeoutMs,
    logger: createLogger(config.logLevel, 'archive'),
  });
  try {
    await noteCommand(pool, config, {
      route: 'archive verify',
      filter: { month: month?.slice(0, 7) ?? null },
    });
  } finally {
    await pool.end();
  }
}
