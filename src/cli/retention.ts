import type pg from 'pg';

import { approvalJson, plannedJson } from '../api/routes/retention-routes.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { approveDrop, revokeApproval, selectMonth } from '../database/months/month-states.ts';
import type { PlannedMonth } from '../database/months/retention-plan.ts';
import { planRetention } from '../database/months/retention-plan.ts';
import { instantOf } from '../domain/instant.ts';
import { printJson } from '../terminal/json-document.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { noMore, readFlags, readMonth, readVerb, requiredFlag } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { operatorView, sizeText, withOperatorProgress } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit retention <plan | approve YYYY-MM --by WHO | revoke YYYY-MM --by WHO> [--json]

  plan          what the next run of retention would do with each month, and why; changes nothing
  approve       consent to the drop of an archived month, where REMEDIATION_AUDIT_REQUIRE_APPROVAL is set
  revoke        take such a consent back, as long as the month is not dropped

  --json        as GET /api/v1/retention/plan, POST and DELETE /api/v1/retention/approvals answer it
`;

/**
 * `retention plan` prints what the next run would do with each month, and changes nothing. `retention
 * approve` stores a consent to the drop of one month, `retention revoke` takes it back. All apply the rules in the environment of this
 * process: the answer is right only where they are those of `work`.
 */
export async function runRetention(args: readonly string[]): Promise<void> {
  const command = readCommand(args);
  if (command === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  // The owner also sees what is detached.
  await withCommandPool({ command: 'retention', as: ['ownerUrl', 'url'] }, async (pool, config) => {
    if (command.verb === 'plan') await plan(command, pool, config);
    else await decideDrop(command, pool, config);
  });
}

const FLAGS = {
  json: { type: 'boolean' },
  by: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface DropDecision {
  readonly verb: 'approve' | 'revoke';
  readonly isJson: boolean;
  /** `2026-03`. */
  readonly month: string;
  readonly by: string;
}

type RetentionCommand = { readonly verb: 'plan'; readonly isJson: boolean } | DropDecision;

/** All of what is wrong with the arguments is found before a database is opened. */
function readCommand(args: readonly string[]): RetentionCommand | 'help' {
  const { values, positionals } = readFlags(args, FLAGS);
  const [word, ...others] = positionals;
  if (word === undefined || values.help === true) return 'help';
  const verb = readVerb('retention', word, ['plan', 'approve', 'revoke']);
  const isJson = values.json === true;
  noMore('retention', verb === 'plan' ? others : others.slice(1));
  if (verb === 'plan') return { verb, isJson };
  const [month = ''] = others;
  readMonth(month);
  return { verb, isJson, month, by: requiredFlag(values, 'by') };
}

async function plan({ isJson }: { readonly isJson: boolean }, pool: pg.Pool, config: Config): Promise<void> {
  const planned = await withOperatorProgress('planning', () =>
    planRetention(pool, config.retention.rules, instantOf(Date.now())),
  );
  await noteCommand(pool, config, { route: 'retention plan', filter: {}, rows: planned.length });
  if (isJson) printJson('RetentionPlan', { items: planned.map(plannedJson) });
  else process.stdout.write(planTable(planned));
}

/** Approves or revokes, and says so. Refused where nothing is left to decide. */
async function decideDrop(
  { verb, month, by, isJson }: DropDecision,
  pool: pg.Pool,
  config: Config,
): Promise<void> {
  const wanted = readMonth(month);
  if (verb === 'approve') {
    const isApproved = await approveDrop(pool, wanted, by, config.retention.rules);
    const row = await selectMonth(pool, wanted);
    if (!isApproved || row === undefined)
      throw new UsageError(
        `${month} cannot be approved: an approval is about the manifest of a month that is archived and not yet gone; \`remediation-audit retention plan\` lists the months`,
      );
    if (isJson) printJson('Approval', approvalJson(row));
    else process.stdout.write(`${month}: the drop is approved by ${by}\n`);
    return;
  }
  if (!(await revokeApproval(pool, wanted, by, config.retention.rules)))
    throw new UsageError(
      `${month} has no approval that could be revoked: it was not approved, or it is dropped; \`remediation-audit retention plan\` lists the months`,
    );
  if (isJson) printJson('RevokedApproval', { month, revoked_by: by });
  else process.stdout.write(`${month}: the approval is revoked by ${by}\n`);
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
