import type { Unsearched } from '../../query/combined-answer.ts';
import { long, monthsText, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { remediationTable } from '../remediation-table.ts';
import {
  activeFilters,
  addressOf,
  hiddenFilters,
  type HistoryFilters,
  TEXT_FIELDS,
  TIME_FIELDS,
  WORD_FIELDS,
} from './history-filters.ts';

export const HISTORY_PATH = '/history';

interface HistoryPage {
  readonly filters: HistoryFilters;
  readonly rows: readonly RemediationRow[];
  /** Cursor of the next page. */
  readonly next: string | undefined;
  /** Where the page ends, though it has room: it looked no further. */
  readonly endsEarlyAt: string | undefined;
  readonly unsearched: Unsearched | undefined;
  /** Why there are no rows; empty where there are some. */
  readonly whyEmpty: readonly string[];
  readonly nowMs: number;
}

export function historyView(page: HistoryPage): Html {
  const { filters, rows, unsearched, whyEmpty, nowMs } = page;
  return html`<h1>History</h1>
    ${filterForm(filters)} ${chips(filters)}
    ${
      unsearched === undefined || rows.length === 0
        ? ''
        : html`<p class="notice">
            Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.
          </p>`
    }
    ${
      rows.length === 0
        ? html`<section class="empty" aria-labelledby="empty">
            <h2 id="empty">No remediation is listed</h2>
            <ul>
              ${whyEmpty.map((sentence) => html`<li>${long(sentence)}</li>`)}
            </ul>
          </section>`
        : html`<h2 id="list">Remediations</h2>
            ${remediationTable(rows, { labelledBy: 'list', nowMs })}`
    }
    ${pageLinks(page)}`;
}

function filterForm(filters: HistoryFilters): Html {
  const valueOf = (name: string): string => (filters.get(name) ?? []).join(', ');
  return html`<form class="filters" method="get" action="${HISTORY_PATH}" aria-label="Filters">
    ${[...TIME_FIELDS, ...TEXT_FIELDS].map(
      ({ name, label, hint }: { name: string; label: string; hint?: string }) =>
        html`<label class="field"
          >${label}<input
            name="${name}"
            value="${valueOf(name)}"
            placeholder="${hint ?? ''}"
            autocomplete="off"
            spellcheck="false"
        /></label>`,
    )}
    ${WORD_FIELDS.map(({ name, label, words }) => wordField({ name, label, words, chosen: filters.get(name) ?? [] }))}
    ${select('order', 'Order', filters, [
      ['', 'Newest first'],
      ['oldest', 'Oldest first'],
    ])}
    ${select('include_archive', 'Search', filters, [
      ['', 'Database and archive'],
      ['false', 'Database only'],
    ])}
    ${hiddenFilters(filters).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <div class="actions">
      <button type="submit">Show</button>
      <a href="${HISTORY_PATH}">Clear</a>
    </div>
    <p class="hint">
      Several values stand between commas. A name that ends with * matches every name that begins so. Times
      are UTC.
    </p>
  </form>`;
}

interface WordField {
  readonly name: string;
  readonly label: string;
  readonly words: readonly string[];
  readonly chosen: readonly string[];
}

/** Closed until it is needed: thirteen phases would fill the screen of a phone. */
function wordField({ name, label, words, chosen }: WordField): Html {
  return html`<details class="field words">
    <summary>${label}: ${chosen.length === 0 ? 'any' : chosen.join(', ')}</summary>
    <fieldset>
      <legend>${label}</legend>
      ${words.map(
        (word) =>
          html`<label
            ><input
              type="checkbox"
              name="${name}"
              value="${word}"
              ${chosen.includes(word) ? html` checked` : ''}
            />${word}</label
          >`,
      )}
    </fieldset>
  </details>`;
}

function select(
  name: string,
  label: string,
  filters: HistoryFilters,
  options: readonly (readonly [value: string, text: string])[],
): Html {
  const chosen = filters.get(name)?.[0] ?? '';
  return html`<label class="field"
    >${label}<select name="${name}">
      ${options.map(
        ([value, text]) =>
          html`<option value="${value}" ${value === chosen ? html` selected` : ''}>${text}</option>`,
      )}
    </select></label
  >`;
}

function chips(filters: HistoryFilters): Html {
  const active = activeFilters(HISTORY_PATH, filters);
  if (active.length === 0) return html``;
  return html`<ul class="chips" aria-label="Active filters">
    ${active.map(
      ({ label, value, without }) =>
        html`<li>
          <a href="${without}"
            ><span class="visually-hidden">Remove the filter </span>${label}: <bdi>${value}</bdi>
            <span aria-hidden="true">×</span></a
          >
        </li>`,
    )}
  </ul>`;
}

function pageLinks({ filters, next, rows, endsEarlyAt }: HistoryPage): Html {
  const onFirst = !filters.has('cursor');
  if (onFirst && next === undefined && rows.length === 0) return html``;
  return html`<nav class="pages" aria-label="Pages">
      ${onFirst ? '' : html`<a href="${addressOf(HISTORY_PATH, filters, { cursor: undefined })}">First page</a>`}
      ${
        next === undefined
          ? html`<span>This is the end of the list.</span>`
          : html`<a rel="next" href="${addressOf(HISTORY_PATH, filters, { cursor: [next] })}">Next page</a>`
      }
      ${endsEarlyAt === undefined ? '' : html`<span>Looked as far as ${utcTime(endsEarlyAt)}; the next page goes on from there.</span>`}
    </nav>
    <p class="hint">
      As a file, up to 1,000 remediations from here on:
      <a href="${addressOf(`${HISTORY_PATH}.csv`, filters)}">CSV</a>,
      <a href="${addressOf(`${HISTORY_PATH}.ndjson`, filters)}">NDJSON</a>
    </p>`;
}
