import { type LeftOut, memberName } from '../../api/routes/left-out.ts';
import type { SourcedRow, Unsearched } from '../../query/combined-answer.ts';
import type { CombinedRemediation } from '../../query/combined-remediation.ts';
import type { RemediationSummary } from '../../query/remediation/summary.ts';
import { count, monthsText } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { facts, listed } from './parts.ts';

export interface SourceParts {
  readonly row: RemediationRow;
  readonly summary: RemediationSummary;
  readonly parts: CombinedRemediation['parts'];
  /** Entries of the ledger that were read. */
  readonly entries: number;
  readonly leftOut: readonly LeftOut[];
  readonly unsearched: Unsearched | undefined;
}

/** Where each part was read, and what was not read. */
export function sourceView({ row, summary, parts, entries, leftOut, unsearched }: SourceParts): Html {
  return html`${facts([
    ['Remediation', html`1, from the ${row.source === 'both' ? 'database and the archive' : row.source}`],
    ...parts.map(
      ({ definition, rows }) =>
        [memberName(definition).replaceAll('_', ' '), html`${sourcesText(rows)}`] as const,
    ),
    ['Entries of its ledger', html`${entries === 0 ? 'none was found' : count(entries)}`],
  ])}
  ${
    unsearched === undefined
      ? html`<p>Each month that may have something of it was searched.</p>`
      : html`<p class="notice">
          Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.
        </p>`
  }
  ${leftOut.map(
    ({ what, given, next }) =>
      html`<p class="notice">
        Only the first ${count(given)} of ${what.replaceAll('_', ' ')} are on this page. The rest, over the
        API: ${next.map((address) => html`<code>GET ${address}</code> `)}
      </p>`,
  )}
  ${
    summary.missing.length === 0
      ? html`<p>Nothing is known to be missing.</p>`
      : html`<h3>Missing</h3>
          ${listed([...summary.missing])}`
  }`;
}

function sourcesText(rows: readonly SourcedRow[]): string {
  if (rows.length === 0) return 'none was found';
  const names = { database: 'from the database', archive: 'from the archive', both: 'from both' } as const;
  const of = Object.groupBy(rows, ({ source }) => source);
  return (Object.keys(names) as (keyof typeof names)[])
    .flatMap((source) => (of[source] === undefined ? [] : [`${count(of[source].length)} ${names[source]}`]))
    .join(', ');
}
