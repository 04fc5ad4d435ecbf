/*
 * What stands in cells and sentences of the page: times, numbers, and text that others wrote. Such text may be of any length,
 * run from right to left and hold characters that show as nothing.
 */
import { millisecondsOf } from '../domain/instant.ts';
import { DAY_MS } from '../domain/time.ts';
import { spanText } from '../terminal/view.ts';
import { type Html, html } from './html.ts';

/** What is not known, said also to those who hear it. */
export const UNKNOWN: Html = html`<span class="unknown"
  ><span aria-hidden="true">–</span><span class="visually-hidden">not known</span></span
>`;

/** Characters of a text in a narrow cell, and in one that has room. */
const SHORT = 120;
const LONG = 600;

/** Controls, and marks that turn the direction of what follows: the frame of each text does that. */
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export const short = (text: string): Html => foreignText(text, SHORT);
export const long = (text: string): Html => foreignText(text, LONG);

/** Null and nothing are shown as not known. */
export function known(text: string | null): Html {
  return text === null || text === '' ? UNKNOWN : short(text);
}

function foreignText(text: string, most: number): Html {
  const characters = Array.from(text.slice(0, 2 * most));
  const isCut = text.length > most && characters.length > most;
  const shown = (isCut ? characters.slice(0, most).join('') : text).replaceAll(INVISIBLE, '\ufffd');
  return html`<bdi>${shown.toWellFormed()}</bdi
    >${isCut ? html`<span class="cut">… (${count(text.length)} characters)</span>` : ''}`;
}

/** `2026-11-30 05:32:10 UTC`. */
export function utcTime(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC`;
}

/** `3m12s ago`; beyond a day, the day. */
export function ago(instant: string, nowMs: number): string {
  const ms = nowMs - millisecondsOf(instant);
  if (ms >= 2 * DAY_MS || ms < -1_000) return `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;
  return `${spanText(Math.max(0, ms) / 1_000)} ago`;
}

/** An instant as people say it, with the exact one for machines and under the pointer. */
export function time(instant: string | null, nowMs: number): Html {
  if (instant === null) return UNKNOWN;
  return html`<time datetime="${instant}" title="${utcTime(instant)}">${ago(instant, nowMs)}</time>`;
}

/** How long it is since, for what goes on. */
export function spanSince(instant: string | null, nowMs: number): Html {
  if (instant === null) return UNKNOWN;
  const seconds = Math.max(0, nowMs - millisecondsOf(instant)) / 1_000;
  return html`<time datetime="${instant}" title="since ${utcTime(instant)}">${spanText(seconds)}</time>`;
}

const NUMBER = new Intl.NumberFormat('en-GB');
export const count = (number: number): string => NUMBER.format(number);

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

export function byteText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${UNITS[power] ?? ''}`;
}

/** `2026-01 to 2026-03` where none between is missing, else each of them. */
export function monthsText(months: readonly string[]): string {
  const [first = ''] = months;
  const last = months.at(-1) ?? first;
  const span = 12 * (yearOf(last) - yearOf(first)) + monthNumber(last) - monthNumber(first) + 1;
  return months.length > 2 && span === months.length ? `${first} to ${last}` : months.join(', ');
}

const yearOf = (month: string): number => Number(month.slice(0, 4));
const monthNumber = (month: string): number => Number(month.slice(5, 7));

/** A table that may be wider than the screen: it scrolls by itself, by the keyboard too, and says what it is to those who hear it. */
export function scrolling(
  name: { readonly label: string } | { readonly labelledBy: string },
  table: Html,
): Html {
  const attribute =
    'label' in name ? html`aria-label="${name.label}"` : html`aria-labelledby="${name.labelledBy}"`;
  return html`<div class="scroll" role="region" ${attribute} tabindex="0">${table}</div>`;
}
