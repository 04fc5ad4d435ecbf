/*
 * Small charts as SVG: bars with a label and a value each. Drawn on the server and coloured by the style sheet, so that they
 * need no script. They repeat what a table beside them says, and a screen reader is given one sentence and the table.
 */
import { type Html, html } from './html.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is read. */
  readonly text: string;
}

interface Chart {
  /** What the bars are, as a sentence begins: `Failed executions by workflow`. */
  readonly title: string;
  readonly bars: readonly Bar[];
  /** Value of a full bar. Default: that of the longest. */
  readonly full?: number;
}

/** More bars than this are no longer a picture. */
const MOST_BARS = 12;
const ROW = 26;
const WIDTH = 640;
const LABEL_WIDTH = 250;
const BAR_WIDTH = 290;
/** Characters that fit beside a bar. */
const LABEL_LENGTH = 34;

/** Bars below each other, the longest first in the order in which they come. */
export function barChart({ title, bars, full }: Chart): Html {
  const shown = bars.slice(0, MOST_BARS);
  if (shown.length === 0) return html``;
  const most = full ?? Math.max(...shown.map(({ value }) => value));
  const height = shown.length * ROW + 4;
  const left = bars.length - shown.length;
  return html`<figure class="chart">
    <figcaption>
      ${title}${left > 0 ? html` <small>(the first ${shown.length} of ${bars.length})</small>` : ''}
    </figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${height}"
      width="${WIDTH}"
      height="${height}"
      role="img"
      aria-label="${title}, as in the table"
    >
      ${shown.map((bar, index) => barRow(bar, { index, most }))}
    </svg>
  </figure>`;
}

function barRow({ label, value, text }: Bar, { index, most }: { index: number; most: number }): Html {
  const y = index * ROW + 2;
  const width = most > 0 ? Math.max(1, Math.round((Math.max(0, value) / most) * BAR_WIDTH)) : 1;
  const middle = y + ROW / 2 + 3;
  return html`<text class="chart-label" x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end"
      >${shortLabel(label)}</text
    >
    <rect
      class="chart-bar"
      x="${LABEL_WIDTH}"
      y="${y + 4}"
      width="${width}"
      height="${ROW - 10}"
      rx="2"
    ></rect>
    <text class="chart-value" x="${LABEL_WIDTH + width + 6}" y="${middle}">${text}</text>`;
}

function shortLabel(label: string): string {
  const characters = Array.from(label.slice(0, 4 * LABEL_LENGTH));
  return characters.length <= LABEL_LENGTH ? label : `${characters.slice(0, LABEL_LENGTH - 1).join('')}…`;
}
