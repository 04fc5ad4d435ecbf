import type { RemediationCoverage } from '../../api/routes/remediation-coverage-route.ts';
import type { TimelineEvent } from '../../query/remediation/timeline.ts';
import { long, short, time, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { facts } from './parts.ts';

export interface CoverageParts {
  readonly row: RemediationRow;
  readonly coverage: RemediationCoverage;
  /** Oldest first. */
  readonly events: readonly TimelineEvent[];
  readonly nowMs: number;
}

/** Whether somebody looked while it went on, what is missing of it, and what keeps its record. */
export function coverageView({ row, coverage, events, nowMs }: CoverageParts): Html {
  const { first_watched_at: from, reported_at: reported } = coverage;
  const [first, last] = [events[0], events.at(-1)];
  return html`${facts([
      [
        'Cluster watched',
        from === null ? html`never: only what was posted is recorded of it` : html`from ${utcTime(from)}`,
      ],
      ['Last report of a watcher', reported === null ? html`none` : time(reported, nowMs)],
      ['First observed', first === undefined ? html`no observation was read` : html`${utcTime(first.at)}`],
      ['Last observed', last === undefined ? html`no observation was read` : html`${utcTime(last.at)}`],
    ])}
    ${lateText(row, from)}
    <h3>Gaps</h3>
    ${gaps(coverage, nowMs)}
    <h3>Legal holds</h3>
    ${holds(coverage)}`;
}

function lateText({ startedAt }: RemediationRow, from: string | null): Html | string {
  if (startedAt === null || from === null || startedAt >= from) return '';
  return html`<p class="notice">
    It began before the cluster was watched: what changed until then was not seen.
  </p>`;
}

function gaps({ gaps: known, first_watched_at: from }: RemediationCoverage, nowMs: number): Html {
  const others = html`<a href="/#gaps">All known gaps</a>`;
  if (known.length === 0)
    return html`<p>
      ${
        from === null
          ? 'Nobody watched the cluster, so nobody could notice a gap.'
          : 'No gap is about it: each of its resources that was seen is recorded with its newest state.'
      }
      ${others}
    </p>`;
  return html`<ul class="gaps">
      ${known.map(
        ({ reason, detail, since }) =>
          html`<li>
            <strong>${reason}</strong>${detail === null ? '' : html`: ${long(detail)}`}
            ${since === null ? '' : html`<small>since ${time(since, nowMs)}</small>`}
          </li>`,
      )}
    </ul>
    <p>${others}</p>`;
}

function holds({ holds: active }: RemediationCoverage): Html {
  const all = html`<a href="/retention#holds">All holds</a>`;
  if (active.length === 0)
    return html`<p>
      No active hold covers it: retention may move its month to the archive and drop it. ${all}
    </p>`;
  return html`<ul class="gaps">
      ${active.map(
        ({ reason, placedBy, placedAt, id }) =>
          html`<li>
            ${long(reason)} <small>placed ${utcTime(placedAt)} by ${short(placedBy)}, hold ${id}</small>
          </li>`,
      )}
    </ul>
    <p>${all}</p>`;
}
