import type { JsonValue } from '../../domain/json.ts';
import type { RemediationSummary } from './summary.ts';
import { noApprovalText, spanText } from './summary.ts';
import type { TimelineEvent } from './timeline.ts';

/** For people: what one wants to know first stands first, and what is not known is left out. */
export function summaryText(summary: RemediationSummary): string {
  const { decided, outcome, why, what } = summary;
  const lines = [
    summary.headline,
    '',
    line('remediation', `${summary.cluster ?? ''}/${summary.namespace ?? ''}/${summary.name ?? ''}`),
    line('uid', summary.uid),
    line('what', joined(what['signal'], what['severity'], what['environment'], what['priority'])),
    line('why', why['cause']),
    line('confidence', why['confidence']),
    ...listed('because', why['causal_chain']),
    line('recommended', why['recommended']),
    line('decided', decisionText(decided)),
    ...summary.blocks.map((block) =>
      line('blocked', joined(block['reason'], block['conflicting_execution'], block['message'])),
    ),
    ...summary.executions.map((one) =>
      line(
        'executed',
        joined(
          one['workflow_name'],
          one['target'],
          one['phase'],
          took(one['duration_seconds']),
          one['failure_message'],
        ),
      ),
    ),
    line('outcome', joined(outcome['phase'], outcome['outcome'], outcome['failure_reason'])),
    line('verified', verifiedText(outcome)),
    line('deleted', outcome['deleted_at']),
    ...summary.missing.map((sentence) => line('missing', sentence)),
    '',
    ...phaseLines(summary),
  ];
  return `${lines.filter((one) => one !== undefined).join('\n')}\n`;
}

const LABEL_WIDTH = 14;

function line(label: string, value: JsonValue | undefined): string | undefined {
  const text = shown(value);
  return text === '' ? undefined : `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function listed(label: string, value: JsonValue | undefined): (string | undefined)[] {
  return Array.isArray(value) ? value.map((item) => line(label, item)) : [];
}

function joined(...values: readonly (JsonValue | undefined)[]): string {
  return values
    .map(shown)
    .filter((text) => text !== '')
    .join(', ');
}

const took = (seconds: JsonValue | undefined): string =>
  typeof seconds === 'number' ? `in ${spanText(seconds)}` : '';

function decisionText({
  kind,
  decision,
  by,
  how_known: how,
  via,
  at,
  reason,
}: RemediationSummary['decided']): string {
  const who = by === null ? '' : `by ${by} (${how}${via === null ? '' : `, via ${via}`})`;
  if (kind === 'policy') return joined(noApprovalText(by), at, reason);
  return joined(kind === 'open' ? null : kind, decision, who, at, reason);
}

function verifiedText(outcome: RemediationSummary['outcome']): string {
  const scores = (['health', 'alert', 'metrics'] as const).map((what) => {
    const score = shown(outcome[`${what}_score`]);
    return score === '' ? '' : `${what} ${score}`;
  });
  return joined(outcome['verification'], ...scores);
}

function phaseLines({ phases, duration_seconds: total }: RemediationSummary): string[] {
  const lines = phases.map(({ phase, started_at: at, duration_seconds: seconds }) =>
    `${phase.padEnd(18)}${at}  ${seconds === null ? '–' : spanText(seconds)}`.trimEnd(),
  );
  return total === null ? lines : [...lines, `${'total'.padEnd(18)}${' '.repeat(29)}${spanText(total)}`];
}

/** One line per event: when, who, what. */
export function timelineText(events: readonly TimelineEvent[]): string {
  const width = events.reduce((widest, { actor }) => Math.max(widest, (actor ?? '–').length), 0);
  return events
    .map(({ at, actor, event }) => `${at}  ${onOneLine(actor ?? '–').padEnd(width)}  ${onOneLine(event)}\n`)
    .join('');
}

function shown(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '';
  return onOneLine(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Text of models has line breaks, and may have what a terminal would obey. */
function onOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
