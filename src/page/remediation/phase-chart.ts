/*
 * The course of a remediation on one axis of time, as SVG: a bar for each phase, a mark for each time that it was held back. The
 * table below the drawing says the same, and is what a screen reader reads.
 */
import { millisecondsOf } from '../../domain/instant.ts';
import type { PhaseSpan } from '../../query/remediation/phases.ts';
import type { TimelineEvent } from '../../query/remediation/timeline.ts';
import { spanText } from '../../terminal/view.ts';
import { type Html, html } from '../html.ts';

interface Course {
  readonly phases: readonly PhaseSpan[];
  readonly blocks: readonly TimelineEvent[];
  /** Where the bar of a phase that goes on ends; null where nothing goes on. */
  readonly untilMs: number | null;
}

/** One row of the drawing; a block begins and ends at once. */
interface Mark {
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly text: string;
  readonly style: 'chart-bar' | 'chart-block';
}

/** Events that say that it was skipped or blocked. */
export function blocksIn(events: readonly TimelineEvent[]): readonly TimelineEvent[] {
  return events.filter(({ changes }) =>
    changes.some(({ field, to }) => field === 'skip_reason' && to !== null),
  );
}

/** Blocks more than these are in the table alone: a drawing of hundreds of rows says nothing. */
const MOST_BLOCKS = 12;
const ROW = 26;
const WIDTH = 640;
const LABEL_WIDTH = 150;
const AXIS_WIDTH = 390;
/** Whatever happened can be seen. */
const LEAST_WIDTH = 3;

export function phaseChart({ phases, blocks, untilMs }: Course): Html {
  const marks = [
    ...phases.map((phase) => phaseMark(phase, untilMs)),
    ...blocks.slice(0, MOST_BLOCKS).map(blockMark),
  ].toSorted((left, right) => left.fromMs - right.fromMs);
  const startMs = Math.min(...marks.map(({ fromMs }) => fromMs));
  const spanMs = Math.max(1, ...marks.map(({ toMs }) => toMs - startMs));
  const x = (ms: number): number => LABEL_WIDTH + Math.round(((ms - startMs) / spanMs) * AXIS_WIDTH);
  const height = marks.length * ROW + 4;
  return html`<figure class="chart">
    <figcaption>Phases in their time</figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${height}"
      width="${WIDTH}"
      height="${height}"
      role="img"
      aria-label="Phases in their time, as in the table"
    >
      ${marks.map((mark, index) => markRow(mark, { x, y: index * ROW + 2 }))}
    </svg>
  </figure>`;
}

function phaseMark({ phase, started_at: start, ended_at: end }: PhaseSpan, untilMs: number | null): Mark {
  const fromMs = millisecondsOf(start);
  const toMs = Math.max(fromMs, end === null ? (untilMs ?? fromMs) : millisecondsOf(end));
  const isKnown = end !== null || untilMs !== null;
  const text = isKnown ? spanText((toMs - fromMs) / 1_000) : 'no end is known';
  return { label: phase, fromMs, toMs, text, style: 'chart-bar' };
}

function blockMark({ at }: TimelineEvent): Mark {
  const fromMs = millisecondsOf(at);
  return { label: 'held back', fromMs, toMs: fromMs, text: '', style: 'chart-block' };
}

function markRow(
  { label, fromMs, toMs, text, style }: Mark,
  { x, y }: { readonly x: (ms: number) => number; readonly y: number },
): Html {
  const left = x(fromMs);
  const width = Math.max(LEAST_WIDTH, x(toMs) - left);
  const middle = y + ROW / 2 + 3;
  return html`<text class="chart-label" x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${label}</text>
    <rect class="${style}" x="${left}" y="${y + 4}" width="${width}" height="${ROW - 10}" rx="2"></rect>
    <text class="chart-value" x="${left + width + 6}" y="${middle}">${text}</text>`;
}
