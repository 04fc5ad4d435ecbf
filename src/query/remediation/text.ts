import { millisecondsOf } from '../../domain/instant.ts';
import type { JsonValue } from '../../domain/json.ts';
import { cutEnd, cutMiddle, padEnd, padStart, safeText, widthOf, wrapped } from '../../terminal/text.ts';
import { colourOf, painted, spanText, timeText, type View } from '../../terminal/view.ts';
import { NO_RECORD } from './blockers.ts';
import { textIn } from './facts.ts';
import { joined, LABEL_WIDTH, labelled, listed, shown } from './labelled-lines.ts';
import type { RemediationSummary } from './summary.ts';
import { noApprovalText } from './summary.ts';
import type { TimelineEvent } from './timeline.ts';

/*
 * One remediation for people, on any terminal and in any pipe: of the service's own command and of users'. What one wants to
 * know first stands first, and what is not known is left out.
 */

export function summaryText(summary: RemediationSummary, view: View): string {
  const { what, why, outcome } = summary;
  const phase = shown(outcome['phase']);
  return textOf([
    ...headline(summary, view),
    '',
    ...labelled('remediation', addressOf(summary), view),
    ...labelled('uid', summary.uid, view),
    ...labelled('started', timeOf(what['started_at'], view), view),
    ...labelled(
      'what',
      joined(what['signal'], what['severity'], what['environment'], what['priority']),
      view,
    ),
    ...labelled('why', why['cause'], view),
    ...labelled('confidence', why['confidence'], view),
    ...listed('because', why['causal_chain'], view, [why['cause']]),
    ...labelled('recommended', why['recommended'], view),
    ...decidedLines(summary, view),
    ...writerLines(summary, view),
    ...summary.executions.flatMap((one) => labelled('executed', executionText(one), view)),
    ...labelled(
      'outcome',
      joined(phase, outcome['outcome'], outcome['failure_reason']),
      view,
      colourOf(phase),
    ),
    ...labelled('verified', verifiedText(outcome), view),
    ...labelled('deleted', timeOf(outcome['deleted_at'], view), view, 'red'),
    ...missingLines(summary, view),
    '',
    ...phaseLines(summary, view),
  ]);
}

export function textOf(lines: readonly string[]): string {
  return `${lines.join('\n').trimEnd()}\n`;
}

export function headline({ headline: text }: RemediationSummary, view: View): string[] {
  const safe = safeText(text);
  return (view.width === undefined ? [safe] : wrapped(safe, view.width)).map((line) =>
    painted(line, 'bold', view),
  );
}

export const addressOf = ({ cluster, namespace, name }: RemediationSummary): string =>
  [cluster, namespace, name].map((part) => part ?? '').join('/');

function timeOf(value: JsonValue | undefined, view: View): string | null {
  return typeof value === 'string' ? timeText(value, view) : null;
}

/** Who or what decided, and what kept it from running. */
export function decidedLines({ decided, blocks }: RemediationSummary, view: View): string[] {
  return [
    ...labelled('decided', decisionText(decided, view), view, colourOf(decided.decision ?? '')),
    ...blocks.flatMap((block) => labelled('blocked', blockText(block, view), view, 'yellow')),
  ];
}

function blockText(block: RemediationSummary['blocks'][number], view: View): string {
  const by = shown(block['conflicting_execution']);
  const original = shown(block['duplicate_of']);
  const until = timeOf(block['blocked_until'], view);
  return joined(
    block['reason'],
    by === '' ? '' : `by execution ${by}${ownerText(block['conflicting_remediation'])}`,
    original === '' ? '' : `duplicate of ${original}${whereText(block['original_remediation'])}`,
    until === null ? '' : `until ${until}`,
    block['message'],
  );
}

/** Whose the execution was that was in the way. */
function ownerText(other: JsonValue | undefined): string {
  const name = textIn(other, 'name');
  return `${name === null ? '' : ` of remediation ${name}`}${whereText(other)}`;
}

/** Where the other remediation behind a block can be looked up, unless it is as near as this one. */
function whereText(other: JsonValue | undefined): string {
  if (textIn(other, 'name') === null) return ` (${NO_RECORD})`;
  return textIn(other, 'source') === 'archive' ? ' (in the archive)' : '';
}

/**
 * Controllers and clients, a line for each way in which they are known: the name of a client is its own claim. On a terminal the
 * line is cut, so that the summary stays on one screen; the timeline has all.
 */
function writerLines({ actors }: RemediationSummary, view: View): string[] {
  const lines = [...new Set(actors.map(({ how_known: how }) => how))].map((how) => {
    const names = actors.filter((one) => one.how_known === how).map(({ actor }) => actor);
    const line = `${how}: ${joined(...names)}`;
    return view.width === undefined ? line : cutEnd(line, view.width - LABEL_WIDTH);
  });
  return listed('written by', lines, view);
}

function executionText(one: RemediationSummary['executions'][number]): string {
  const seconds = one['duration_seconds'];
  const took = typeof seconds === 'number' ? `in ${spanText(seconds)}` : '';
  return joined(one['workflow_name'], one['target'], one['phase'], took, one['failure_message']);
}

function decisionText(
  { kind, decision, by, how_known: how, via, at, reason }: RemediationSummary['decided'],
  view: View,
): string {
  const who = by === null ? '' : `by ${by} (${how}${via === null ? '' : `, via ${via}`})`;
  const when = timeOf(at, view);
  if (kind === 'policy') return joined(noApprovalText(by), when, reason);
  return joined(kind === 'open' ? null : kind, decision, who, when, reason);
}

function verifiedText(outcome: RemediationSummary['outcome']): string {
  const scores = (['health', 'alert', 'metrics'] as const).map((what) => {
    const score = shown(outcome[`${what}_score`]);
    return score === '' ? '' : `${what} ${score}`;
  });
  return joined(outcome['verification'], ...scores);
}

/** That nothing is missing is an answer, too. */
export function missingLines({ missing }: RemediationSummary, view: View): string[] {
  if (missing.length === 0) return labelled('missing', 'nothing', view, 'green');
  return missing.flatMap((sentence, index) => labelled(index === 0 ? 'missing' : '', sentence, view, 'red'));
}

const PHASE_WIDTH = 18;
const BAR_WIDTH = 24;
/** Of the longest duration, and a gap. */
const TOOK_WIDTH = 8;

function phaseLines({ phases, duration_seconds: total }: RemediationSummary, view: View): string[] {
  const times = phases.map(({ started_at: at }, index) =>
    laterText(at, index === 0 ? undefined : phases[0]?.started_at, view),
  );
  const timeWidth = Math.max(0, ...times.map(widthOf));
  const longest = Math.max(0, ...phases.map(({ duration_seconds: seconds }) => seconds ?? 0));
  const lines = phases.map(({ phase, duration_seconds: seconds }, index) => {
    const name = painted(padEnd(phase, PHASE_WIDTH), colourOf(phase), view);
    const took = seconds === null ? '–' : spanText(seconds);
    const line = `${name}${padStart(times[index] ?? '', timeWidth)}  ${took}`;
    const left = (view.width ?? 0) - PHASE_WIDTH - timeWidth - 2 - TOOK_WIDTH;
    return left < BAR_WIDTH
      ? line
      : `${line}${' '.repeat(TOOK_WIDTH - took.length)}${barOf(seconds, longest)}`.trimEnd();
  });
  return total === null
    ? lines
    : [...lines, `${'total'.padEnd(PHASE_WIDTH + timeWidth)}  ${spanText(total)}`];
}

/** As long as the phase is beside the longest; what took any time has a mark. */
function barOf(seconds: number | null, longest: number): string {
  if (seconds === null || seconds === 0 || longest === 0) return '';
  return '▇'.repeat(Math.max(1, Math.round((BAR_WIDTH * seconds) / longest)));
}

/** Wider names of programs are cut: what happened must stay on the line. */
const ACTOR_WIDTH = 32;

/** One line per event: when, who, what; after the first how much later. On a terminal no line is longer than it is wide. */
export function timelineText(events: readonly TimelineEvent[], view: View): string {
  const times = events.map(({ at }, index) => laterText(at, index === 0 ? undefined : events[0]?.at, view));
  const actors = events.map(({ actor }) => (actor === null ? '–' : actorText(actor, view)));
  const [timeWidth = 0, actorWidth = 0] = [times, actors].map((texts) => Math.max(0, ...texts.map(widthOf)));
  return events
    .map(({ event }, index) => {
      const begin = `${padStart(times[index] ?? '', timeWidth)}  ${padEnd(actors[index] ?? '', actorWidth)}  `;
      const line = begin + safeText(event);
      return `${view.width === undefined ? line : cutEnd(line, view.width)}\n`;
    })
    .join('');
}

function actorText(actor: string, { width }: View): string {
  return width === undefined ? safeText(actor) : cutMiddle(safeText(actor), ACTOR_WIDTH);
}

/** After the first, how much later. */
function laterText(at: string, first: string | undefined, view: View): string {
  if (view.isExact || first === undefined) return timeText(at, view);
  return `+${spanText(Math.max(0, millisecondsOf(at) - millisecondsOf(first)) / 1_000)}`;
}
