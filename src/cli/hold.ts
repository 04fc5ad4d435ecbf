import type pg from 'pg';

import { holdJson } from '../api/routes/hold-routes.ts';
import { applyStoreHolds } from '../archive/expiry/store-holds.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { countHoldMatches, describeHoldMatches } from '../database/holds/hold-matches.ts';
import type { HoldScope } from '../database/holds/holds.ts';
import { describeHold, listHolds, placeHold, releaseHold } from '../database/holds/holds.ts';
import { reasonOf } from '../domain/errors.ts';
import { parseInstant } from '../domain/instant.ts';
import { openArchiveContext } from '../services/open-archive.ts';
import { printJson } from '../terminal/json-document.ts';
import { noMore, readFlags, readVerb, requiredFlag } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { holdLine, holdsText } from './hold-text.ts';
import { operatorView, withOperatorProgress } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit hold <list [--released] | place --by WHO --reason WHY <scope> | release ID --by WHO> [--json]

  scope         one or more of --cluster, --remediation UID, --namespace, --target NAMESPACE/KIND/NAME,
                --from INSTANT, --to INSTANT; all that are given must match

  list          holds in force, newest first; with --released those that were released too
  place         says how many records of how many months match today, and warns when none do

  --json        as GET, POST and DELETE /api/v1/holds answer it

A month of which a row matches is neither dropped nor shortened until the hold is released; what is in the archive of it is
put under the object store's legal hold.
`;

const TEXT = { type: 'string' } as const;
const FLAGS = {
  released: { type: 'boolean' },
  json: { type: 'boolean' },
  by: TEXT,
  reason: TEXT,
  cluster: TEXT,
  remediation: TEXT,
  namespace: TEXT,
  target: TEXT,
  from: TEXT,
  to: TEXT,
  help: { type: 'boolean', short: 'h' },
} as const;

/** Flags by name, as they were given; `readFlags` has refused those that the command does not know. */
type Values = Readonly<Record<string, string | boolean | undefined>>;

type HoldCommand = { readonly isJson: boolean } & (
  | { readonly verb: 'list'; readonly released: boolean }
  | { readonly verb: 'place'; readonly by: string; readonly reason: string; readonly scope: HoldScope }
  | { readonly verb: 'release'; readonly id: string; readonly by: string }
);

/**
 * `hold list`, `hold place` and `hold release`. A hold counts as soon as it is in the database. That the
 * object store could not be reached is said on standard error and is no failure of the command, because
 * `work` repeats that part.
 */
export async function runHold(args: readonly string[]): Promise<void> {
  const command = readCommand(args);
  if (command === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  // The owner also sees what is detached.
  await withCommandPool({ command: 'hold', as: ['ownerUrl', 'url'] }, async (pool, config) => {
    switch (command.verb) {
      case 'list':
        await list(command, pool, config);
        return;
      case 'place':
        await place(command, pool, config);
        return;
      case 'release':
        await release(command, pool, config);
    }
  });
}

/** All of what is wrong with the arguments is found before a database is opened. */
function readCommand(args: readonly string[]): HoldCommand | 'help' {
  const { values, positionals } = readFlags(args, FLAGS);
  const [word, ...others] = positionals;
  if (word === undefined || values.help === true) return 'help';
  const verb = readVerb('hold', word, ['list', 'place', 'release']);
  const isJson = values.json === true;
  if (verb === 'release') return { verb, isJson, id: idIn(others), by: requiredFlag(values, 'by') };
  noMore('hold', others);
  if (verb === 'list') return { verb, isJson, released: values.released === true };
  const [by, reason] = [requiredFlag(values, 'by'), requiredFlag(values, 'reason')];
  return { verb, isJson, by, reason, scope: scopeOf(values) };
}

function idIn([id, ...others]: readonly string[]): string {
  if (id !== undefined && others.length === 0) return id;
  throw new UsageError('hold release needs the id of one hold, as `hold list` shows it');
}

type Of<V> = Extract<HoldCommand, { readonly verb: V }>;

async function list({ released, isJson }: Of<'list'>, pool: pg.Pool, config: Config): Promise<void> {
  const holds = await listHolds(pool, { released });
  await noteCommand(pool, config, { route: 'hold list', filter: { released }, rows: holds.length });
  if (isJson) printJson('HoldList', { items: holds.map(holdJson) });
  else process.stdout.write(holdsText(holds, operatorView()));
  if (holds.length === 0 && !isJson)
    process.stderr.write('no hold is in force; `hold list --released` also lists those that were released\n');
}

async function place(
  { by, reason, scope, isJson }: Of<'place'>,
  pool: pg.Pool,
  config: Config,
): Promise<void> {
  const { id } = await placeHold(pool, scope, { by, reason });
  await writeToStore(config);
  // Read again: only now does the hold say which months of the archive it reached.
  const hold = (await listHolds(pool)).find((candidate) => candidate.id === id);
  if (hold !== undefined && isJson) printJson('Hold', holdJson(hold));
  else if (hold !== undefined) process.stdout.write(`${holdLine(hold)}\n`);
  await sayMatches(pool, id, isJson ? process.stderr : process.stdout);
}

async function release({ id, by, isJson }: Of<'release'>, pool: pg.Pool, config: Config): Promise<void> {
  const hold = await releaseHold(pool, id, by);
  if (isJson) printJson('Hold', holdJson(hold));
  else process.stdout.write(`released: ${describeHold(hold)}\n`);
  await writeToStore(config);
}

/** The hold counts whether its records could be counted or not. `stream`: standard output holds nothing beside JSON. */
async function sayMatches(pool: pg.Pool, id: string, stream: NodeJS.WriteStream): Promise<void> {
  try {
    const matches = await withOperatorProgress('counting what it matches', () => countHoldMatches(pool, id));
    stream.write(`hold ${id} ${describeHoldMatches(matches)}\n`);
    if (matches.records === 0)
      process.stderr.write(
        `warning: no record in the database matches hold ${id}: check how its scope is spelled; records that come later are held all the same\n`,
      );
  } catch (error: unknown) {
    process.stderr.write(
      `hold ${id} is placed; how many records it matches could not be counted: ${reasonOf(error)}\n`,
    );
  }
}

/** At once where this process can; the hold itself is in the database, and `work` writes it to the store until that has succeeded. */
async function writeToStore(config: Config): Promise<void> {
  const { retention, database } = config;
  if (retention.archive.url === '' || retention.archive.keyFile === '' || database.ownerUrl === '') {
    process.stderr.write(
      'the archive is not reached from here: `work` brings the hold to it within a minute\n',
    );
    return;
  }
  try {
    const { troubles = [] } = (await applyStoreHolds(await openArchiveContext(config))) ?? {};
    for (const trouble of troubles)
      process.stderr.write(`the archive does not know of it yet, \`work\` tries again: ${trouble}\n`);
  } catch (error: unknown) {
    const reason = reasonOf(error);
    process.stderr.write(`the archive does not know of it yet, \`work\` tries again: ${reason}\n`);
  }
}

/**
 * The members that are given and no others: an absent one matches everything. A hold without any is refused.
 */
function scopeOf(values: Values): HoldScope {
  const { cluster, remediation: remediationUid, namespace, target } = values;
  const from = instantArgument(values, 'from');
  const to = instantArgument(values, 'to');
  const given = Object.entries({ cluster, remediationUid, namespace, target, from, to }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length === 0) throw new UsageError(`a hold needs a scope; ${USAGE}`);
  return Object.fromEntries(given);
}

/** An instant, or a date for its first moment in UTC. Rows created before `--to` match, not those at it. */
function instantArgument(values: Values, name: string): string | undefined {
  const text = values[name];
  if (typeof text !== 'string') return undefined;
  const instant = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (instant === undefined)
    throw new UsageError(`--${name} must be an instant such as 2026-03-01T00:00:00Z`);
  return instant;
}
