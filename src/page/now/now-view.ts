import type { RecordState } from '../../database/reading/completeness.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { ago, long, short, time, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { openTable, remediationLink, remediationTable } from '../remediation-table.ts';

interface NowPage {
  readonly completeness: RecordState;
  readonly countedAtMs: number;
  readonly open: readonly RemediationRow[];
  /** Whether there are more open ones than are listed. */
  readonly hasMoreOpen: boolean;
  /** The newest that have ended. */
  readonly ended: readonly RemediationRow[];
  readonly nowMs: number;
}

/** Longer than kubernaut gives a remediation, or than a resource gives itself; the gap of this name is about it. */
const OVERDUE = 'overdue';

export function nowView({ completeness, countedAtMs, open, hasMoreOpen, ended, nowMs }: NowPage): Html {
  const waiting = open.filter(({ tone }) => tone === 'waiting');
  const going = open.filter(({ tone }) => tone !== 'waiting');
  const stuck = completeness.gaps.filter(({ reason }) => reason === OVERDUE);
  const gaps = completeness.gaps.filter(({ reason }) => reason !== OVERDUE);
  return html`<h1>Now</h1>
    ${clusters(completeness, nowMs)} ${countedNote(countedAtMs, nowMs)}
    ${section(
      'waiting',
      'Waiting for approval',
      waiting.length,
      waiting.length === 0
        ? html`<p>Nobody is asked for an approval.</p>`
        : openTable(waiting, { labelledBy: 'waiting', nowMs }),
    )}
    ${section(
      'stuck',
      'Stuck',
      stuck.length,
      stuck.length === 0
        ? html`<p>Nothing has been open for longer than it should.</p>`
        : html`<p>
              Open for longer than they should: a remediation for an hour, an approval past its own deadline.
              Their controllers should have ended them.
            </p>
            ${gapList(stuck, nowMs)}`,
    )}
    ${section(
      'open',
      'Under way',
      going.length,
      going.length === 0
        ? html`<p>No other remediation is open.</p>`
        : openTable(going, { labelledBy: 'open', nowMs }),
    )}
    ${hasMoreOpen ? html`<p><a href="/history?verdict=open">All open remediations</a></p>` : ''}
    ${section(
      'ended',
      'Ended last',
      ended.length,
      ended.length === 0
        ? html`<p>No remediation has ended yet.</p>`
        : html`${remediationTable(ended, { labelledBy: 'ended', nowMs })}
            <p>
              <a href="/history">All remediations</a>, <a href="/history?since=1h">of the last hour</a>,
              <a href="/history?verdict=deleted-before-terminal">deleted before they ended</a>;
              <a href="/reports/workflow-outcomes">which workflow fails most</a>
            </p>`,
    )}
    ${section(
      'gaps',
      'Known gaps',
      gaps.length,
      gaps.length === 0
        ? html`<p>No gap is known.</p>`
        : html`${gapList(gaps, nowMs)}
          ${completeness.has_more_gaps ? html`<p>There are more; <code>remediation-audit completeness</code> lists them.</p>` : ''}`,
    )}`;
}

function section(id: string, title: string, count: number, body: Html): Html {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title} <span class="count">${count}</span></h2>
    ${body}
  </section>`;
}

const STATES = { complete: 'Complete', incomplete: 'Incomplete', unknown: 'Unknown' } as const;

/** Whether the record can be trusted now, cluster by cluster. */
function clusters({ clusters: known }: RecordState, nowMs: number): Html {
  if (known.length === 0)
    return html`<p class="notice">
      No cluster is watched yet. Start <code>remediation-audit watch</code> with access to a cluster.
    </p>`;
  return html`<ul class="clusters" aria-label="Clusters">
    ${known.map(
      ({ cluster, state, detail, first_watched_at: from, reported_at: reported }) =>
        html`<li class="state-${state}">
          <strong><bdi>${cluster}</bdi></strong>
          ${STATES[state]}${detail === null ? '' : html`: ${long(detail)}`}
          <small>
            ${from === null ? 'never watched' : html`watched from ${utcTime(from)}`}${
              reported === null ? '' : html`, last report ${ago(reported, nowMs)}`
            }
          </small>
        </li>`,
    )}
  </ul>`;
}

/** Less is the time that it takes to read the page. */
const WORTH_SAYING_MS = 2 * SECOND_MS;

/** What is stuck and what is missing is counted over everything; the lists of remediations are of now. */
function countedNote(countedAtMs: number, nowMs: number): Html | string {
  if (nowMs - countedAtMs < WORTH_SAYING_MS) return '';
  return html`<p class="hint">
    State of the clusters, stuck ones and gaps as of ${utcTime(new Date(countedAtMs).toISOString())}.
  </p>`;
}

type Gap = RecordState['gaps'][number];

function gapList(gaps: readonly Gap[], nowMs: number): Html {
  return html`<ul class="gaps">
    ${gaps.map(
      (gap) =>
        html`<li>
          <strong>${gap.reason}</strong>
          ${gapName(gap)}${gap.detail === null ? '' : html`: ${long(gap.detail)}`}
          ${gap.since === null ? '' : html`<small>since ${time(gap.since, nowMs)}</small>`}
        </li>`,
    )}
  </ul>`;
}

/** A gap that the record shows names its remediation, which has a page; one of the watcher may be about any resource. */
function gapName({ cluster, kind, namespace, name, remediation_uid: uid }: Gap): Html {
  const path = [cluster, kind, namespace, name].filter((part) => part !== null).join('/');
  if (kind !== null || namespace === null || name === null) return short(path);
  return remediationLink({ cluster, namespace, name, uid: uid ?? '' }, short(path));
}
