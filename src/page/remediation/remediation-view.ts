import { isJsonObject, type JsonValue } from '../../domain/json.ts';
import { NO_RECORD } from '../../query/remediation/blockers.ts';
import type { RemediationSummary } from '../../query/remediation/summary.ts';
import type { TimelineEvent } from '../../query/remediation/timeline.ts';
import { spanText } from '../../terminal/view.ts';
import { known, long, short, time, utcTime } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { badge, remediationLink } from '../remediation-table.ts';
import { type CoverageParts, coverageView } from './coverage-view.ts';
import { differencesAddress } from './differences-view.ts';
import { facts, listed, section, shown } from './parts.ts';
import { blocksIn, phaseChart } from './phase-chart.ts';
import { cameBack, relatedView } from './related-view.ts';
import type { Related } from './related.ts';
import { type SourceParts, sourceView } from './source-view.ts';

interface RemediationPage extends SourceParts, Pick<CoverageParts, 'coverage'> {
  readonly row: RemediationRow;
  readonly summary: RemediationSummary;
  readonly events: readonly TimelineEvent[];
  readonly related: Related;
  /** Others of the same name. */
  readonly others: readonly { readonly uid: unknown; readonly created_at: string }[];
  readonly nowMs: number;
}

export function remediationView(page: RemediationPage): Html {
  return html`<h1>${short(page.row.target)}</h1>
    ${verdict(page)} ${section('phases', 'How long each phase took', phases(page))}
    ${section('decided', 'Who decided', decided(page))} ${section('why', 'Why', why(page.summary))}
    ${section('workflows', 'Recommended, approved, executed', workflows(page.summary))}
    ${page.summary.blocks.length === 0 ? '' : section('blocks', 'Why it was held back', blocks(page))}
    ${section('effect', 'Did it help', effect(page))} ${section('events', 'What happened', events(page))}
    ${section('coverage', 'Was it watched', coverageView(page))}
    ${section('source', 'What this page is made of', sourceView(page))} ${relatedView(page)}`;
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
      const { conflicting_execution: running, duplicate_of: original } = block;
      const until = block['blocked_until'];
      return html`<li>
        <strong>${shown(block['reason'])}</strong>
        ${block['message'] === null ? '' : shown(block['message'])}
        ${typeof until === 'string' ? html`Until ${utcTime(until)}.` : ''}
        ${
          running === null
            ? ''
            : html`<br />In the way: execution ${shown(running)}
                ${otherLink(row, block['conflicting_remediation'])}`
        }
        ${
          original === null
            ? ''
            : html`<br />Duplicate of ${shown(original)} ${otherLink(row, block['original_remediation'])}`
        }
      </li>`;
    })}
  </ul>`;
}

/** The other remediation behind a block, as `RemediationReference` of the API. */
function otherLink(row: RemediationRow, reference: JsonValue | undefined): Html {
  if (!isJsonObject(reference)) return html`(${NO_RECORD})`;
  const text = (name: string): string => {
    const value = reference[name];
    return typeof value === 'string' ? value : '';
  };
  const [namespace, name, uid] = [text('namespace'), text('name'), text('uid')];
  const link = remediationLink(
    { cluster: row.cluster, namespace, name, uid },
    html`The other remediation, ${short(name)}`,
  );
  return html`(${link}${text('source') === 'archive' ? ', in the archive' : ''})`;
}

function effect({ summary: { outcome, verdict: end }, related, nowMs }: RemediationPage): Html {
  const verifiedAt = outcome['verified_at'];
  return facts([
    ['Outcome', shown(outcome['outcome'] ?? outcome['failure_reason'])],
    ['Message', shown(outcome['message'])],
    ['Verification', shown(outcome['verification'])],
    ['Verified', time(typeof verifiedAt === 'string' ? verifiedAt : null, nowMs)],
    ['Health score', shown(outcome['health_score'])],
    ['Alert score', shown(outcome['alert_score'])],
    ['Metrics score', shown(outcome['metrics_score'])],
    ['Did the alert come back', end === 'open' ? html`it has not ended` : cameBack(related.again, nowMs)],
    ['Hash of the target before', shown(outcome['pre_remediation_spec_hash'])],
    ['Hash right after', shown(outcome['post_remediation_spec_hash'])],
    ['Hash when verified', shown(outcome['current_spec_hash'])],
    ['What the hashes say', html`${hashesText(outcome)}`],
  ]);
}

/** What the three hashes of the target mean beside each other. */
function hashesText(outcome: RemediationSummary['outcome']): string {
  const [before, after, verified] = [
    'pre_remediation_spec_hash',
    'post_remediation_spec_hash',
    'current_spec_hash',
  ].map((name) => outcome[name] ?? null);
  if (after === null) return 'nothing: no hash after the remediation is recorded';
  return [
    before === null
      ? 'whether the remediation changed the target is not known'
      : before === after
        ? 'the remediation left the target as it was'
        : 'the remediation changed the target',
    ...(verified === null
      ? []
      : [
          verified === after
            ? 'it was still so when it was verified'
            : 'it was changed again before it was verified',
        ]),
  ].join('; ');
}

function events({ row, events: all, nowMs }: RemediationPage): Html {
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
    </ol>
    <p><a href="${differencesAddress(row)}">What differs between two observations of a record</a></p>`;
}
