import type { Query } from '../../api/http/route.ts';
import { basisText, noteOn } from '../../query/reports/basis.ts';
import { cellText } from '../../query/reports/formats.ts';
import type { Report, ReportName } from '../../query/reports/reports.ts';
import { REPORTS } from '../../query/reports/reports.ts';
import type { ReportAnswer, ReportColumn } from '../../query/reports/run-report.ts';
import { long, monthsText, scrolling, UNKNOWN, utcTime } from '../cells.ts';
import { barChart } from '../charts.ts';
import { type Html, html } from '../html.ts';
import { chartOf } from './report-charts.ts';

export const REPORTS_PATH = '/reports';

/** All questions, each with a link to its answer. */
export function reportList(): Html {
  return html`<h1>Reports</h1>
    <p>Each report answers one question out of the records. The window can be changed on its page.</p>
    <ul class="reports">
      ${REPORTS.map(
        ({ name, title, question }) =>
          html`<li><a href="${REPORTS_PATH}/${name}">${title}</a><br />${question}</li>`,
      )}
    </ul>`;
}

interface ReportPage {
  readonly report: Report & { readonly name: ReportName };
  /** What the address says. */
  readonly query: Query;
  readonly answer: ReportAnswer;
  /** The page has a window that nobody asked for. */
  readonly hasMore: boolean;
}

/** Rows that a page shows; the file has all of them. */
const MOST_ROWS = 500;

export function reportView({ report, query, answer, hasMore }: ReportPage): Html {
  const { rows, basis, unsearched } = answer;
  const note = noteOn(basis, rows.length);
  const chart = chartOf(report.name, answer);
  const shown = rows.slice(0, MOST_ROWS);
  return html`<p><a href="${REPORTS_PATH}">All reports</a></p>
    <h1 id="report">${report.title}</h1>
    <p>${report.question}</p>
    ${parameterForm(report, query)}
    <p class="basis">
      Made of ${basisText(basis)}.
      ${hasMore ? html`Older ones are left out: <a href="${address(report.name, { ...query, since: 'all' })}">show all</a>.` : ''}
    </p>
    ${note === undefined ? '' : html`<p class="notice">${sentence(note)}</p>`}
    ${
      unsearched === undefined
        ? ''
        : html`<p class="notice">
            Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.
          </p>`
    }
    ${barChart(chart)}
    ${rows.length === 0 ? html`<p>The answer has no rows.</p>` : answerTable(answer, shown)}
    ${rows.length > shown.length ? html`<p>The first ${shown.length} of ${rows.length} rows are shown; the file has all.</p>` : ''}
    <p><a href="${address(`${report.name}.csv`, query)}">CSV</a></p>`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function address(file: string, query: Query): string {
  const text = new URLSearchParams(query as Record<string, string>).toString();
  return `${REPORTS_PATH}/${file}${text === '' ? '' : `?${text}`}`;
}

function parameterForm({ name, parameters }: Report, query: Query): Html {
  const valueOf = (parameter: string): string => {
    const value = query[parameter];
    return typeof value === 'string' ? value : '';
  };
  const hasArchive = query['include_archive'] === 'true';
  return html`<form class="filters" method="get" action="${REPORTS_PATH}/${name}" aria-label="Parameters">
    ${parameters.map(
      (parameter) =>
        html`<label class="field"
          >${LABELS[parameter.name] ?? parameter.name}<input
            name="${parameter.name}"
            value="${valueOf(parameter.name)}"
            placeholder="${parameter.default ?? 'all'}"
            autocomplete="off"
            spellcheck="false"
        /></label>`,
    )}
    <label class="check"
      ><input type="checkbox" name="include_archive" value="true" ${hasArchive ? html` checked` : ''} />Search
      the archive too</label
    >
    <div class="actions">
      <button type="submit">Show</button><a href="${REPORTS_PATH}/${name}">Defaults</a>
    </div>
    <p class="hint">
      ${parameters.map(({ name: parameter, meaning }) => `${LABELS[parameter] ?? parameter}: ${meaning.replaceAll('`', '')}. `)}
    </p>
  </form>`;
}

const LABELS: Readonly<Record<string, string>> = {
  since: 'Since',
  longer_than: 'Longer than',
  limit: 'Rows at most',
  workflow: 'Workflow execution',
  namespace: 'Namespace',
  fingerprint: 'Fingerprint',
};

function answerTable({ columns }: ReportAnswer, rows: ReportAnswer['rows']): Html {
  return scrolling(
    { labelledBy: 'report' },
    html`<table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" ${isNumber(column) ? html` class="number"` : ''}>${headerOf(column.name)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map((column, index) => cell(column, row[index]))}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

const isNumber = ({ type }: ReportColumn): boolean => type === 'number' || type === 'interval';

const headerOf = (name: string): string => sentence(name.replaceAll('_', ' ')).slice(0, -1);

function cell(column: ReportColumn, value: string | null | undefined): Html {
  if (value === null || value === undefined) return html`<td>${UNKNOWN}</td>`;
  const text = cellText(column, value);
  if (column.type === 'instant') return html`<td><time datetime="${text}">${utcTime(text)}</time></td>`;
  return isNumber(column) ? html`<td class="number">${text}</td>` : html`<td>${long(text)}</td>`;
}
