import type { ParseArgsConfig } from 'node:util';

import type pg from 'pg';

import { holdJson } from '../api/routes/hold-routes.ts';
import { approvalJson, plannedJson } from '../api/routes/retention-routes.ts';
import { applyStoreHolds } from '../archive/expiry/store-holds.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { countHoldMatches, describeHoldMatches } from '../database/holds/hold-matches.ts';
import type { Hold, HoldScope } from '../database/holds/holds.ts';
import {
  describeHold,
  describeHoldInArchive,
  describeHoldInTime,
  listHolds,
  placeHold,
  releaseHold,
} from '../database/holds/holds.ts';
import { approveDrop, revokeApproval, selectMonth } from '../database/months/month-states.ts';
import type { PlannedMonth } from '../database/months/retention-plan.ts';
import { planRetention } from '../database/months/retention-plan.ts';
import { reasonOf } from '../domain/errors.ts';
import { instantOf, parseInstant } from '../domain/instant.ts';
import { openArchiveContext } from '../services/open-archive.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { readFlags, readMonth } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { operatorView, sizeText } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const RETENTION_USAGE = `usage: remediation-audit retention <plan | approve YYYY-MM --by WHO | revoke YYYY-MM --by WHO> [--json]

  plan          what the next run of retention would do with each month, and why; changes nothing
  approve       consent to the drop of an archived month, where REMEDIATION_AUDIT_REQUIRE_APPROVAL is set
  revoke        take such a consent back, as long as the month is not dropped

  --json        as GET /api/v1/retention/plan, POST and DELETE /api/v1/retention/approvals answer it
`;

const HOLD_USAGE = `usage: remediation-audit hold <list [--released] | place --by WHO --reason WHY <scope> | release ID --by WHO> [--json]

  scope         one or more of --cluster, --remediation UID, --namespace, --target NAMESPACE/KIND/NAME,
                --from INSTANT, --to INSTANT; all that are given must match

  list          holds in force, newest first; with --released those that were released too
  place         says how many records of how many months match today, and warns when none do

  --json        as GET, POST and DELETE /api/v1/holds answer it

A month of which a row matches is neither dropped nor shortened until the hold is released; what is in the archive of it is
put under the object store's legal hold.
`;

/** The owner also sees what is detached. */
const OWNER_FIRST = ['ownerUrl', 'url'] as const;

/** Flags by name, as they were given; `readFlags` has refused those that the command does not know. */
type Values = Readonly<Record<string, string | boolean | undefined>>;

/**
 * `retention plan` prints what the next run would do with each month, and changes nothing. `retention
 * approve` stores a consent to the drop of one month, `retention revoke` takes it back. All apply the rules in the environment of this
 * process: the answer is right only where they are those of `work`.
 */
export async function runRetention(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' }, by: { type: 'string' } });
  const [verb, month = ''] = positionals;
  if (verb === undefined || values['help'] === true) {
    write(RETENTION_USAGE);
    return;
  }
  if (verb !== 'plan' && verb !== 'approve' && verb !== 'revoke')
    throw unknown('retention', verb, RETENTION_USAGE);
  const isJson = values['json'] === true;
  await withCommandPool({ command: 'retention', as: OWNER_FIRST }, async (pool, config) => {
    if (verb === 'plan') {
      const plan = await planRetention(pool, config.retention.rules, instantOf(Date.now()));
      await noteCommand(pool, config, { route: 'retention plan', filter: {}, rows: plan.length });
      write(isJson ? jsonLine({ items: plan.map(plannedJson) }) : planTable(plan));
      return;
    }
    const decided = await decideDrop(verb, { pool, config, month, by: required(values, 'by') });
    write(isJson ? jsonLine(decided.json) : decided.text);
  });
}

interface DropDecision {
  readonly pool: pg.Pool;
  readonly config: Config;
  /** `2026-03`. */
  readonly month: string;
  readonly by: string;
}

/** Approves or revokes, and says so. Refused where nothing is left to decide. */
async function decideDrop(
  verb: 'approve' | 'revoke',
  { pool, config, month, by }: DropDecision,
): Promise<{ readonly text: string; readonly json: object }> {
  const wanted = readMonth(month);
  if (verb === 'approve') {
    const isApproved = await approveDrop(pool, wanted, by, config.retention.rules);
    const row = await selectMonth(pool, wanted);
    if (!isApproved || row === undefined)
      throw new UsageError(
        `${month} cannot be approved: an approval is about the manifest of a month that is archived and not yet gone; \`remediation-audit retention plan\` lists the months`,
      );
    return { text: `${month}: the drop is approved by ${by}\n`, json: approvalJson(row) };
  }
  if (!(await revokeApproval(pool, wanted, by, config.retention.rules)))
    throw new UsageError(
      `${month} has no approval that could be revoked: it was not approved, or it is dropped; \`remediation-audit retention plan\` lists the months`,
    );
  return { text: `${month}: the approval is revoked by ${by}\n`, json: { month, revoked_by: by } };
}

/**
 * `hold list`, `hold place` and `hold release`. A hold counts as soon as it is in the database. That the
 * object store could not be reached is said on standard error and is no failure of the command, because
 * `work` repeats that part.
 */
export async function runHold(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parse(args, {
    ...{
      released: { type: 'boolean' },
      json: { type: 'boolean' },
      by: text,
      reason: text,
      cluster: text,
      remediation: text,
    },
    ...{ namespace: text, target: text, from: text, to: text },
  });
  const [verb, id = ''] = positionals;
  if (verb === undefined || values['help'] === true) {
    write(HOLD_USAGE);
    return;
  }
  const isJson = values['json'] === true;
  await withCommandPool({ command: 'hold', as: OWNER_FIRST }, async (pool, config) => {
    if (verb === 'list') {
      const released = values['released'] === true;
      const holds = await listHolds(pool, { released });
      await noteCommand(pool, config, { route: 'hold list', filter: { released }, rows: holds.length });
      write(isJson ? jsonLine({ items: holds.map(holdJson) }) : listOf(holds));
    } else if (verb === 'place') {
      const placed = { by: required(values, 'by'), reason: required(values, 'reason') };
      const { id: held } = await placeHold(pool, scopeOf(values), placed);
      await writeToStore(config);
      // Read again: only now does the hold say which months of the archive it reached.
      const hold = (await listHolds(pool)).find((candidate) => candidate.id === held);
      if (hold !== undefined) write(isJson ? jsonLine(holdJson(hold)) : `${holdLine(hold)}\n`);
      await sayMatches(pool, held, isJson ? process.stderr : process.stdout);
    } else if (verb === 'release') {
      const hold = await releaseHold(pool, id, required(values, 'by'));
      write(isJson ? jsonLine(holdJson(hold)) : `released: ${describeHold(hold)}\n`);
      await writeToStore(config);
    } else throw unknown('hold', verb, HOLD_USAGE);
  });
}

function listOf(holds: readonly Hold[]): string {
  if (holds.length === 0)
    return 'no hold is in force; `hold list --released` also lists those that were released\n';
  return holds.map((hold) => `${holdLine(hold)}\n`).join('');
}

function holdLine(hold: Hold): string {
  const inArchive = describeHoldInArchive(hold);
  return inArchive === undefined ? describeHoldInTime(hold) : `${describeHoldInTime(hold)}; ${inArchive}`;
}

/** The hold counts whether its records could be counted or not. `stream`: standard output holds nothing beside JSON. */
async function sayMatches(pool: pg.Pool, id: string, stream: NodeJS.WriteStream): Promise<void> {
  try {
    const matches = await countHoldMatches(pool, id);
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
  if (given.length === 0) throw new UsageError(`a hold needs a scope; ${HOLD_USAGE}`);
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

const PLAN_COLUMNS: readonly TableColumn[] = [
  { title: 'MONTH' },
  { title: 'STATE' },
  { title: 'ACTION' },
  { title: 'SIZE', align: 'right', goes: 2 },
  { title: 'ROWS', align: 'right', goes: 1 },
  { title: 'REASON', cut: 'end' },
];

/** The reason of a month that is held names each of its holds. */
function planTable(plan: readonly PlannedMonth[]): string {
  if (plan.length === 0) return 'there is no month yet\n';
  const rows = plan.map(({ month, state, action, sizeBytes, estimatedRows, reason, fault }) => [
    ...[month.slice(0, 7), state, action, sizeText(sizeBytes), `~${estimatedRows}`],
    `${reason}${fault === null ? '' : ` (last run stopped: ${fault})`}`,
  ]);
  return tableText(PLAN_COLUMNS, rows, operatorView());
}

function parse(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  const { values, positionals } = readFlags(args, { ...options, help: { type: 'boolean', short: 'h' } });
  return { values: values as Values, positionals };
}

/** For what the record of a hold or of a consent keeps: who, and why. Blanks alone do not count. */
function required(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== 'string' || value.trim() === '')
    throw new UsageError(`--${name} is required: it is stored for ever`);
  return value;
}

function unknown(command: string, verb: string, usage: string): UsageError {
  return new UsageError(`unknown command \`${command} ${verb}\`; ${usage.split('\n', 1)[0] ?? ''}`);
}

function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function write(text: string): void {
  process.stdout.write(text);
}
