import type { LeftOut } from '../../api/routes/left-out.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Unsearched } from '../../query/combined-answer.ts';
import type { RemediationSummary } from '../../query/remediation/summary.ts';
import type { TimelineEvent } from '../../query/remediation/timeline.ts';
import { spanText } from '../../terminal/view.ts';
import { known, long, monthsText, short, time, UNKNOWN, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { badge, remediationAddress } from '../remediation-table.ts';
import { blocksIn, phaseChart } from './phase-chart.ts';

interface RemediationPage {
  readonly row: RemediationRow;
  readonly summary: RemediationSummary;
  readonly events: readonly TimelineEvent[];
  readonly leftOut: readonly LeftOut[];
  /** Others of the same name. */
  readonly others: readonly { readonly uid: unknown; readonly created_at: string }[];
  readonly unsearched: Unsearched | undefined;
  readonly nowMs: number;
}

export function remediationView(page: RemediationPage): Html {
  return html`<h1>${short(page.row.target)}</h1>
    ${verdict(page)} ${section('phases', 'How long each phase took', phases(page))}
    ${section('decided', 'Who decided', decided(page))} ${section('why', 'Why', why(page.summary))}
    ${section('workflows', 'Recommended, approved, executed', workflows(page.summary))}
    ${page.summary.blocks.length === 0 ? '' : section('blocks', 'Why it was held back', blocks(page))}
    ${section('effect', 'Did it help', effect(page.summary))}
    ${section('events', 'What happened', events(page))}
    ${section('source', 'What this page is made of', source(page))}
    ${section('similar', 'Others', similar(page))}`;
}

function section(id: string, title: string, body: Html): Html {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${body}
  </section>`;
}

/** What is not known is said; text may be of any length. */
function shown(value: JsonValue | undefined): Html {
  if (value === null || value === undefined || value === '') return UNKNOWN;
  return long(typeof value === 'string' ? value : JSON.stringify(value));
}

function facts(rows: readonly (readonly [string, Html])[]): Html {
  return html`<table>
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function verdict({ row, summary, nowMs }: RemediationPage): Html {
  const { what } = summary;
  return html`<p>${badge(row)} ${long(summary.headline)}</p>
    ${facts([
      ['Remediation', html`${known(row.namespace)} / ${known(row.name)}`],
      ['Cluster', known(row.cluster)],
      ['Signal', known(row.signal)],
      ['Severity', known(row.severity)],
      ['Environment', shown(what['environment'])],
      ['Started', time(row.startedAt, nowMs)],
      ['Took', row.tookSeconds === null ? html`has not ended` : html`${spanText(row.tookSeconds)}`],
    ])}`;
}

function phases({ summary, events: all, nowMs }: RemediationPage): Html {
  const { phases: spans } = summary;
  const blocks = blocksIn(all);
  if (spans.length + blocks.length === 0) return html`<p>No resource says when a phase began.</p>`;
  const took = (seconds: number | null): string => (seconds === null ? 'no end is known' : spanText(seconds));
  const untilMs = summary.verdict === 'open' ? nowMs : null;
  return html`${phaseChart({ phases: spans, blocks, untilMs })}
  ${facts([
    ...spans.map(
      (span) => [span.phase, html`${took(span.duration_seconds)}, from ${utcTime(span.started_at)}`] as const,
    ),
    ...blocks.map(({ at, event }) => ['Held back', html`${utcTime(at)}, ${long(event)}`] as const),
  ])}`;
}

const HOW = {
  'self-reported': 'the resource says so itself; whoever may write it may write any name',
  'managed-fields': 'the API server noted which client wrote the status',
  caller: 'the service knows who posted it',
  unknown: 'nothing says who it was',
} as const;

function decided({ summary: { decided: decision }, nowMs }: RemediationPage): Html {
  if (decision.kind === 'open') return html`<p>Nobody has decided yet.</p>`;
  return facts([
    ['Decision', shown(decision.decision)],
    ['By', shown(decision.by)],
    ['How that is known', html`${HOW[decision.how_known]}`],
    ['Through', shown(decision.via)],
    ['When', time(decision.at, nowMs)],
    ['Reason', shown(decision.reason)],
  ]);
}

function why({ why: reasons }: RemediationSummary): Html {
  const considered = reasons['considered'];
  if (reasons['analysis'] === null) return html`<p>No analysis of it is recorded.</p>`;
  return facts([
    ['Cause', shown(reasons['cause'])],
    ['Confidence', shown(reasons['confidence'])],
    ['Contributing', listed(reasons['contributing_factors'])],
    ['Chain of causes', listed(reasons['causal_chain'])],
    ['Considered too', listed(considered)],
    ['Why the analysis failed', shown(reasons['failure_reason'])],
  ]);
}

function listed(items: JsonValue | undefined): Html {
  if (!Array.isArray(items) || items.length === 0) return html`nothing is recorded`;
  return html`<ul>
    ${items.map((item) => html`<li>${shown(item)}</li>`)}
  </ul>`;
}

function workflows({ why: reasons, decided: decision, executions }: RemediationSummary): Html {
  const run = executions.map(
    (one) =>
      html`<li>
        ${shown(one['workflow_name'] ?? one['workflow_id'])}:
        ${shown(one['phase'])}${
          one['failure_message'] === null ? '' : html`, ${shown(one['failure_message'])}`
        }
      </li>`,
  );
  return facts([
    ['Recommended', shown(reasons['recommended'])],
    [
      'Changed on approval',
      decision.override === null ? html`nothing is recorded` : shown(decision.override),
    ],
    [
      'Executed',
      run.length === 0
        ? html`nothing was executed`
        : html`<ul>
            ${run}
          </ul>`,
    ],
  ]);
}

function blocks({ row, summary }: RemediationPage): Html {
  return html`<ul class="gaps">
    ${summary.blocks.map((block) => {
      const other = block['duplicate_of'];
      return html`<li>
        <strong>${shown(block['reason'])}</strong> ${shown(block['message'])}
        ${
          typeof other === 'string'
            ? html`<a href="${remediationAddress({ ...row, name: other, uid: '' })}"
                >The other remediation, ${short(other)}</a
              >`
            : ''
        }
        ${block['conflicting_execution'] === null ? '' : html`Running then: ${shown(block['conflicting_execution'])}`}
      </li>`;
    })}
  </ul>`;
}

function effect({ outcome }: RemediationSummary): Html {
  return facts([
    ['Outcome', shown(outcome['outcome'] ?? outcome['failure_reason'])],
    ['Message', shown(outcome['message'])],
    ['Verification', shown(outcome['verification'])],
    ['Health score', shown(outcome['health_score'])],
    ['Alert score', shown(outcome['alert_score'])],
    ['Metrics score', shown(outcome['metrics_score'])],
  ]);
}

function events({ events: all, nowMs }: RemediationPage): Html {
  if (all.length === 0)
    return html`<p>The ledger has no event of it that is worth a line, or was not searched; see below.</p>`;
  return html`<ol class="gaps">
    ${all.map(
      (event) =>
        html`<li>
          ${time(event.at, nowMs)} ${long(event.event)}
          ${event.actor === null ? '' : html`<small>by ${short(event.actor)}: ${HOW[event.how_known]}</small>`}
        </li>`,
    )}
  </ol>`;
}

function source({ row, summary, leftOut, unsearched }: RemediationPage): Html {
  return html`<p>Read from the ${row.source}.</p>
    ${
      unsearched === undefined
        ? ''
        : html`<p class="notice">
            Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.
          </p>`
    }
    ${leftOut.map(
      ({ what, given }) =>
        html`<p class="notice">Only the first ${given} of ${what} are on this page; there are more.</p>`,
    )}
    ${
      summary.missing.length === 0
        ? html`<p>Nothing is known to be missing.</p>`
        : html`<p>Missing:</p>
            ${listed([...summary.missing])}`
    }`;
}

function similar({ row, others, nowMs }: RemediationPage): Html {
  const [namespace, kind, name] = row.target.split('/');
  const query = new URLSearchParams({
    cluster: row.cluster,
    ...(name === undefined || row.target.split('/').length !== 3
      ? {}
      : { target_namespace: namespace ?? '', target_kind: kind ?? '', target_name: name }),
  });
  return html`<p><a href="/history?${query.toString()}">Remediations of the same target</a></p>
    ${others.map(
      (other) =>
        html`<p>
          <a href="${remediationAddress({ ...row, uid: typeof other.uid === 'string' ? other.uid : '' })}"
            >Of the same name</a
          >, created ${time(other.created_at, nowMs)}
        </p>`,
    )}`;
}
