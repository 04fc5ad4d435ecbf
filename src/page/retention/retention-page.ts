import type pg from 'pg';

import { fromDatabase } from '../../api/routes/storage-problems.ts';
import { type Hold, listHolds } from '../../database/holds/holds.ts';
import { type MonthState, selectMonths } from '../../database/months/month-list.ts';
import {
  type PlannedMonth,
  planRetention,
  type RetentionRules,
} from '../../database/months/retention-plan.ts';
import { instantOf } from '../../domain/instant.ts';
import { byteText, count, long, UNKNOWN, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { PageContent } from '../page-route.ts';

interface RetentionPage {
  readonly rules: RetentionRules;
  readonly plan: readonly PlannedMonth[];
  /** Newest first. */
  readonly months: readonly MonthState[];
  /** Released ones too, newest first. */
  readonly holds: readonly Hold[];
}

/** What `GET /api/v1/retention/plan`, `/partitions` and `/holds` answer, on one page. */
export async function retentionPage(pool: pg.Pool, rules: RetentionRules): Promise<PageContent> {
  const [plan, months, holds] = await fromDatabase(() =>
    Promise.all([
      planRetention(pool, rules, instantOf(Date.now())),
      selectMonths(pool),
      listHolds(pool, { released: true }),
    ]),
  );
  return {
    title: 'Retention',
    rows: plan.length + holds.length,
    body: retentionView({ rules, plan, months, holds }),
  };
}

/** The plan of the next run, where each month is, what is held, and who decided. It changes nothing. */
function retentionView({ rules, plan, months, holds }: RetentionPage): Html {
  const active = holds.filter(({ releasedAt }) => releasedAt === undefined);
  const released = holds.filter(({ releasedAt }) => releasedAt !== undefined);
  return html`<h1>Retention</h1>
    <p>${rulesText(rules)}</p>
    <h2 id="plan">What the next run does</h2>
    ${plan.length === 0 ? html`<p>There is no month yet.</p>` : planTable(plan)}
    <h2 id="holds">Legal holds</h2>
    ${active.length === 0 ? html`<p>No hold is active: no month is kept for the sake of one.</p>` : holdTable(active, 'holds')}
    ${
      released.length === 0
        ? ''
        : html`<h3 id="released">Released holds</h3>
            ${holdTable(released, 'released')}`
    }
    <h2 id="months">Months</h2>
    ${months.length === 0 ? html`<p>There is no month yet.</p>` : monthTable(months)}
    <h2 id="decisions">Decisions</h2>
    ${decisions(months)}`;
}

function rulesText({ hotDays, dropGraceHours, requireApproval, archiveDays = 0 }: RetentionRules): string {
  return [
    `A month stays in the database for ${days(hotDays)} after its end and then moves to the archive.`,
    requireApproval
      ? 'Somebody has to approve that its rows are dropped from the database.'
      : 'Its rows are dropped from the database without an approval.',
    `Between the two it waits for ${dropGraceHours} hours.`,
    archiveDays === 0
      ? 'It stays in the archive for ever.'
      : `It stays in the archive for ${days(archiveDays)} after its end.`,
  ].join(' ');
}

const days = (number: number): string => `${number} ${number === 1 ? 'day' : 'days'}`;

function planTable(plan: readonly PlannedMonth[]): Html {
  return html`<table class="cards" aria-labelledby="plan">
    <thead>
      <tr>
        <th scope="col">Month</th>
        <th scope="col">State</th>
        <th scope="col">Next</th>
        <th scope="col">Why</th>
        <th scope="col">In the database</th>
      </tr>
    </thead>
    <tbody>
      ${plan.map(
        ({ month, state, action, reason, sizeBytes, estimatedRows, fault }) =>
          html`<tr>
            <th scope="row" data-label="Month">${month.slice(0, 7)}</th>
            <td data-label="State">${state}</td>
            <td data-label="Next">${action}</td>
            <td data-label="Why">
              ${long(reason)}${
                fault === null ? '' : html`<br /><strong>Stopped last time: ${long(fault)}</strong>`
              }
            </td>
            <td data-label="In the database">
              ${sizeBytes === 0 ? 'nothing' : sizeText(sizeBytes, estimatedRows)}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** The planner knows no number of rows before it has looked at a table. */
function sizeText(bytes: number, rows: number): string {
  return rows > 0 ? `${byteText(bytes)}, about ${count(rows)} rows` : byteText(bytes);
}

function holdTable(holds: readonly Hold[], labelledBy: string): Html {
  return html`<table class="cards" aria-labelledby="${labelledBy}">
    <thead>
      <tr>
        <th scope="col">What is held</th>
        <th scope="col">Reason</th>
        <th scope="col">Placed</th>
        <th scope="col">In the archive</th>
      </tr>
    </thead>
    <tbody>
      ${holds.map(
        (hold) =>
          html`<tr>
            <th scope="row" data-label="What is held">${long(scopeText(hold))}</th>
            <td data-label="Reason">${long(hold.reason)}</td>
            <td data-label="Placed">
              ${utcTime(hold.placedAt)} by <bdi>${hold.placedBy}</bdi>${
                hold.releasedAt === undefined
                  ? ''
                  : html`<br />released ${utcTime(hold.releasedAt)} by
                      <bdi>${hold.releasedBy ?? UNKNOWN}</bdi>`
              }
            </td>
            <td data-label="In the archive">
              ${
                hold.archive.length === 0
                  ? 'no archived month'
                  : hold.archive.map(({ month, state }) => `${month} ${state}`).join(', ')
              }
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function scopeText({ scope: { cluster, remediationUid, namespace, target, from, to } }: Hold): string {
  const parts = [
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
    ...(remediationUid === undefined ? [] : [`remediation ${remediationUid}`]),
    ...(namespace === undefined ? [] : [`namespace ${namespace}`]),
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`before ${to}`]),
  ];
  return parts.join(', ');
}

function monthTable(months: readonly MonthState[]): Html {
  return html`<table class="cards" aria-labelledby="months">
    <thead>
      <tr>
        <th scope="col">Month</th>
        <th scope="col">State</th>
        <th scope="col">Archived</th>
        <th scope="col">Left the database</th>
        <th scope="col">Rows in the archive</th>
      </tr>
    </thead>
    <tbody>
      ${months.map(
        (month) =>
          html`<tr>
            <th scope="row" data-label="Month">${month.month}</th>
            <td data-label="State">${month.state}</td>
            <td data-label="Archived">${timeOr(month.archived_at, 'not yet')}</td>
            <td data-label="Left the database">${timeOr(month.dropped_at, 'no')}</td>
            <td data-label="Rows in the archive">
              ${
                month.row_counts === null
                  ? 'none'
                  : count(Object.values(month.row_counts).reduce((sum, rows) => sum + rows, 0))
              }
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

const timeOr = (instant: string | null, otherwise: string): string =>
  instant === null ? otherwise : utcTime(instant);

/** Who approved, revoked and restored, newest first. */
function decisions(months: readonly MonthState[]): Html {
  const made = months
    .flatMap((month) => [
      decision(month.approved_at, month.approved_by, `approved that ${month.month} is dropped`),
      decision(month.revoked_at, month.revoked_by, `revoked the approval of ${month.month}`),
      decision(month.restored_at, month.restored_by, `restored ${month.month}`),
    ])
    .filter((one) => one !== undefined)
    .toSorted((left, right) => (left.at < right.at ? 1 : -1));
  if (made.length === 0) return html`<p>Nobody has approved, revoked or restored anything.</p>`;
  return html`<ul>
    ${made.map(({ at, by, what }) => html`<li>${utcTime(at)}: <bdi>${by}</bdi> ${what}</li>`)}
  </ul>`;
}

function decision(at: string | null, by: string | null, what: string) {
  return at === null ? undefined : { at, by: by ?? 'somebody', what };
}
