import type { differenceIn } from '../../api/routes/remediation-diff-route.ts';
import type { LedgerEntry } from '../../database/reading/record-history.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Unsearched } from '../../query/combined-answer.ts';
import { count, known, long, monthsText, scrolling, short, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { remediationAddress } from '../remediation-table.ts';

/** A record of a remediation, and what was observed of it, oldest first and each content once. */
export interface ObservedRecord {
  readonly id: string;
  readonly table: string;
  readonly observations: readonly LedgerEntry[];
}

type Difference = ReturnType<typeof differenceIn>;

interface DifferencesPage {
  readonly row: RemediationRow;
  readonly records: readonly ObservedRecord[];
  /** Whose observations are listed. */
  readonly chosen: ObservedRecord | undefined;
  readonly difference: Difference | undefined;
  /** The ledger has more entries than are listed. */
  readonly hasMore: boolean;
  readonly unsearched: Unsearched | undefined;
}

/** With a record, its observations are listed there. */
export function differencesAddress(row: RemediationRow, record?: string): string {
  const [path = ''] = remediationAddress(row).split('?');
  const query = new URLSearchParams({
    ...(row.uid === '' ? {} : { uid: row.uid }),
    ...(record === undefined ? {} : { record }),
  }).toString();
  return `${path}/differences${query === '' ? '' : `?${query}`}`;
}

export function differencesView(page: DifferencesPage): Html {
  const { row, records, chosen, difference, hasMore, unsearched } = page;
  return html`<h1>What differs between two observations</h1>
    <p>
      Of the remediation
      <a href="${remediationAddress(row)}">${short(`${row.namespace}/${row.name}`)}</a>.
    </p>
    ${difference === undefined ? '' : differenceSection(difference)}
    ${
      unsearched === undefined
        ? ''
        : html`<p class="notice">
            Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.
          </p>`
    }
    ${hasMore ? html`<p class="notice">Its ledger has more entries than are listed here.</p>` : ''}
    <section aria-labelledby="records">
      <h2 id="records">Records</h2>
      ${
        records.length === 0
          ? html`<p>The ledger has no observation of it, or was not searched.</p>`
          : html`<ul class="gaps">
              ${records.map((record) => recordItem(row, record, record === chosen))}
            </ul>`
      }
    </section>
    ${chosen === undefined ? '' : observationsOf(row, chosen, difference)}`;
}

function recordItem(
  row: RemediationRow,
  { id, table, observations }: ObservedRecord,
  isChosen: boolean,
): Html {
  return html`<li>
    <a href="${differencesAddress(row, id)}" ${isChosen ? html`aria-current="true"` : ''}>${table} ${id}</a>
    <small>${count(observations.length)} that differ</small>
  </li>`;
}

function observationsOf(
  row: RemediationRow,
  record: ObservedRecord,
  difference: Difference | undefined,
): Html {
  const { observations, id } = record;
  if (observations.length < 2) return html`<p>Only one observation of this record is known.</p>`;
  const from = difference?.from.content_hash ?? observations.at(-2)?.contentHash;
  const to = difference?.to.content_hash ?? observations.at(-1)?.contentHash;
  const [action = ''] = differencesAddress(row).split('?');
  return html`<section aria-labelledby="observations">
    <h2 id="observations">Observations</h2>
    <form method="get" action="${action}">
      <input type="hidden" name="record" value="${id}" />
      ${row.uid === '' ? '' : html`<input type="hidden" name="uid" value="${row.uid}" />`}
      ${scrolling(
        { label: 'Table of observations' },
        html`<table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Observed</th>
              <th scope="col">Phase</th>
              <th scope="col">By</th>
              <th scope="col">Version</th>
            </tr>
          </thead>
          <tbody>
            ${observations.map((entry) => observationRow(entry, { from, to }))}
          </tbody>
        </table>`,
      )}
      <button type="submit">Compare</button>
    </form>
  </section>`;
}

function observationRow(
  { contentHash, observedAt, phase, actor, sourceVersion }: LedgerEntry,
  chosen: Readonly<Record<'from' | 'to', string | undefined>>,
): Html {
  const choice = (name: 'from' | 'to'): Html =>
    html`<td>
      <input
        type="radio"
        name="${name}"
        value="${contentHash}"
        required
        aria-label="${name} ${utcTime(observedAt)}, version ${sourceVersion}"
        ${chosen[name] === contentHash ? html`checked` : ''}
      />
    </td>`;
  return html`<tr>
    ${choice('from')} ${choice('to')}
    <td>${utcTime(observedAt)}</td>
    <td>${known(phase)}</td>
    <td>${known(actor)}</td>
    <td>${short(sourceVersion)}</td>
  </tr>`;
}

function differenceSection({ from, to, items, is_complete: isComplete }: Difference): Html {
  return html`<section aria-labelledby="difference">
    <h2 id="difference">Differences <span class="count">${items.length}</span></h2>
    <p>
      From ${utcTime(from.observed_at)} (${known(from.phase)}) to ${utcTime(to.observed_at)}
      (${known(to.phase)}).
    </p>
    ${
      items.length === 0
        ? html`<p>Nothing: both say the same.</p>`
        : scrolling(
            { label: 'Table of differences' },
            html`<table>
              <thead>
                <tr>
                  <th scope="col">Path</th>
                  <th scope="col">Before</th>
                  <th scope="col">After</th>
                </tr>
              </thead>
              <tbody>
                ${items.map(
                  ({ path, before, after }) =>
                    html`<tr>
                      <th scope="row">${long(path)}</th>
                      <td>${side(before)}</td>
                      <td>${side(after)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`,
          )
    }
    ${isComplete ? '' : html`<p class="notice">Only the first ${items.length} are listed; there are more.</p>`}
  </section>`;
}

/** An observation says only what it knows, and unsaid is not null. */
function side(value: JsonValue | undefined): Html {
  if (value === undefined) return html`<span class="unknown">says nothing of it</span>`;
  return long(typeof value === 'string' ? value : JSON.stringify(value));
}
