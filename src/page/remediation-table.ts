import { spanText } from '../terminal/view.ts';
import { known, short, spanSince, time, UNKNOWN } from './cells.ts';
import { type Html, html } from './html.ts';
import type { RemediationRow, Tone } from './remediation-row.ts';

interface TableOptions {
  /** Id of the heading that names the table. */
  readonly labelledBy: string;
  readonly nowMs: number;
}

interface TableColumn {
  readonly label: string;
  readonly cell: (row: RemediationRow, nowMs: number) => Html | string;
}

const COLUMNS = {
  outcome: { label: 'Outcome', cell: badge },
  phase: { label: 'Phase', cell: badge },
  phaseSince: { label: 'In it for', cell: ({ phaseSince }, nowMs) => spanSince(phaseSince, nowMs) },
  openFor: { label: 'Open for', cell: ({ startedAt }, nowMs) => spanSince(startedAt, nowMs) },
  signal: { label: 'Signal', cell: signalCell },
  workflow: { label: 'Workflow', cell: ({ workflow }) => known(workflow) },
  started: { label: 'Started', cell: ({ startedAt }, nowMs) => time(startedAt, nowMs) },
  took: {
    label: 'Took',
    cell: ({ tookSeconds }) =>
      tookSeconds === null ? UNKNOWN : html`<span class="span">${spanText(tookSeconds)}</span>`,
  },
  decided: { label: 'Decided by', cell: ({ decidedBy }) => known(decidedBy) },
  cluster: { label: 'Cluster', cell: clusterCell },
} satisfies Record<string, TableColumn>;

/** Of those that have ended, and of any. */
export function remediationTable(rows: readonly RemediationRow[], options: TableOptions): Html {
  const { outcome, signal, workflow, started, took, decided, cluster } = COLUMNS;
  return table(rows, [outcome, signal, workflow, started, took, decided, cluster], options);
}

/** Of those that are open: what they do, and for how long. */
export function openTable(rows: readonly RemediationRow[], options: TableOptions): Html {
  const { phase, phaseSince, openFor, signal, workflow, cluster } = COLUMNS;
  return table(rows, [phase, phaseSince, openFor, signal, workflow, cluster], options);
}

/** One row for each remediation; on a phone one card for each. */
function table(
  rows: readonly RemediationRow[],
  columns: readonly TableColumn[],
  { labelledBy, nowMs }: TableOptions,
): Html {
  return html`<table class="cards" aria-labelledby="${labelledBy}">
    <thead>
      <tr>
        <th scope="col">Target</th>
        ${columns.map(({ label }) => html`<th scope="col">${label}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            <th scope="row" data-label="Target">${remediationLink(row, short(row.target))}</th>
            ${columns.map(({ label, cell }) => html`<td data-label="${label}">${cell(row, nowMs)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Colour is never the only sign. */
const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', bad: '✗', open: '▶', waiting: '‖', neutral: '•' };

export function badge({ tone, outcome }: RemediationRow): Html {
  return html`<span class="badge ${tone}"
    ><span aria-hidden="true">${SIGNS[tone]}</span> ${short(outcome)}</span
  >`;
}

function signalCell({ signal, severity }: RemediationRow): Html {
  return html`${known(signal)}${severity === null ? '' : html` <small>${short(severity)}</small>`}`;
}

function clusterCell({ cluster, source }: RemediationRow): Html {
  return html`${known(cluster)}${source === 'database' ? '' : html` <small>(archive)</small>`}`;
}

/** More characters than these a server may refuse: then there is no link. */
const LONGEST_ADDRESS = 8_000;

export function remediationLink(remediation: Parameters<typeof remediationAddress>[0], text: Html): Html {
  const address = remediationAddress(remediation);
  return address.length > LONGEST_ADDRESS ? text : html`<a href="${address}">${text}</a>`;
}

/** A name may be used again, so the uid says which one is meant. */
export function remediationAddress({
  cluster,
  namespace,
  name,
  uid,
}: Pick<RemediationRow, 'cluster' | 'namespace' | 'name' | 'uid'>): string {
  const path = [cluster, namespace, name].map(encodeURIComponent).join('/');
  return `/remediations/${path}${uid === '' ? '' : `?uid=${encodeURIComponent(uid)}`}`;
}
