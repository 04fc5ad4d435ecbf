import type { JsonValue } from '../../domain/json.ts';
import { padEnd, safeText, wrapped } from '../../terminal/text.ts';
import type { Colour, View } from '../../terminal/view.ts';
import { painted } from '../../terminal/view.ts';

export const LABEL_WIDTH = 14;
/** Narrower, and a line would hold no word: then it is longer than the terminal. */
const LEAST_WIDTH = 16;

/** A label and what belongs to it, on as many lines as the view needs; none where nothing is known. */
export function labelled(label: string, value: JsonValue | undefined, view: View, colour?: Colour): string[] {
  const text = shown(value);
  if (text === '') return [];
  const lines =
    view.width === undefined ? [text] : wrapped(text, Math.max(LEAST_WIDTH, view.width - LABEL_WIDTH));
  return lines.map((line, index) => {
    const begin = painted(padEnd(index === 0 ? label : '', LABEL_WIDTH), 'dim', view);
    return `${begin}${painted(line, colour, view)}`.trimEnd();
  });
}

/** The label once, and what is listed below each other. What was said above already is not said again. */
export function listed(
  label: string,
  value: JsonValue | undefined,
  view: View,
  said: readonly (JsonValue | undefined)[] = [],
): string[] {
  const items = Array.isArray(value) ? value.filter((item) => !said.includes(item)) : [];
  return items.flatMap((item, index) => labelled(index === 0 ? label : '', item, view));
}

export function joined(...values: readonly (JsonValue | undefined)[]): string {
  return values
    .map(shown)
    .filter((text) => text !== '')
    .join(', ');
}

/** Text of models has line breaks, and may have what a terminal would obey. */
export function shown(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '';
  return safeText(typeof value === 'string' ? value : JSON.stringify(value));
}
