import { MINUTE_MS, SECOND_MS } from './time.ts';

/**
 * Instants are ISO 8601 text in UTC with exactly six decimals, `2026-11-21T10:48:00.000000Z`: what PostgreSQL holds, and
 * text that sorts as time does.
 */
const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)$/;

const MICROSECONDS_PER_SECOND = 1_000_000;

/** Go's zero time means "absent", not the year 1. */
const ZERO_TIME = Date.parse('0001-01-01T00:00:00Z');
/** Behind it a year has five digits, and text no longer sorts as time does. */
const LAST_MILLISECOND = Date.parse('9999-12-31T23:59:59.999Z');

/** UTC on any day but a leap day: so machines write nearly every time, and nothing is to be worked out. */
const PLAIN =
  /^[1-9]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/;

/** Reads RFC 3339 text; cuts (never rounds) below the microsecond. Undefined for Go's zero time and for what is no time. */
export function parseInstant(text: string): string | undefined {
  if (PLAIN.test(text)) return `${text.slice(0, 19)}.${microsecondsOf(text.slice(20, -1))}Z`;
  const moment = readMoment(text);
  if (moment === undefined || isZero(moment)) return undefined;
  return `${new Date(moment.milliseconds).toISOString().slice(0, 19)}.${moment.microseconds}Z`;
}

/** Whether the text is Go's zero time, in whichever zone. */
export function isZeroTime(text: string): boolean {
  // No zone is so far away that a year behind 1000 is the year 1 there.
  if (PLAIN.test(text)) return false;
  const moment = readMoment(text);
  return moment !== undefined && isZero(moment);
}

interface Moment {
  /** Whole seconds since 1970, in milliseconds. */
  readonly milliseconds: number;
  /** Six digits. */
  readonly microseconds: string;
}

function isZero({ milliseconds, microseconds }: Moment): boolean {
  return milliseconds === ZERO_TIME && microseconds === '000000';
}

function readMoment(text: string): Moment | undefined {
  const match = RFC_3339.exec(text.trim());
  if (match === null) return undefined;
  const [, date = '', time = '', fraction = '', ...offset] = match;
  const wallClock = Date.parse(`${date}T${time}Z`);
  // The parser of JavaScript turns 30 February into 2 March; no source means that.
  if (Number.isNaN(wallClock) || new Date(wallClock).getUTCDate() !== Number(date.slice(8))) return undefined;
  const milliseconds = wallClock - offsetOf(...offset);
  if (milliseconds < ZERO_TIME || milliseconds > LAST_MILLISECOND) return undefined;
  return { milliseconds, microseconds: microsecondsOf(fraction) };
}

function microsecondsOf(fraction: string): string {
  return fraction.slice(0, 6).padEnd(6, '0');
}

function offsetOf(sign?: string, hours = '0', minutes = '0'): number {
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  return sign === '-' ? -offset : offset;
}

/** PostgreSQL's text of a timestamptz in UTC, as an instant. */
export function instantFromSql(text: string): string {
  const [date = '', clock = ''] = text.replace(/\+00$/, '').split(' ');
  const [time = '', fraction = ''] = clock.split('.');
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}

/** A clock's milliseconds as an instant. */
export function instantOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 23)}000Z`;
}

/** A microsecond later. */
export function nextInstant(instant: string): string {
  const microseconds = Number(instant.slice(20, 26)) + 1;
  if (microseconds < MICROSECONDS_PER_SECOND)
    return `${instant.slice(0, 20)}${String(microseconds).padStart(6, '0')}Z`;
  const second = new Date(Date.parse(`${instant.slice(0, 19)}Z`) + SECOND_MS);
  return `${second.toISOString().slice(0, 19)}.000000Z`;
}

export function millisecondsOf(instant: string): number {
  return Date.parse(instant);
}

/** First day of the instant's month in UTC, `2026-11-01`. Months are counted from their first day: 31 + 1 month skips. */
export function monthOf(instant: string): string {
  return `${instant.slice(0, 7)}-01`;
}

/** The month `count` months after (or before) the given first day of a month. */
export function addMonths(month: string, count: number): string {
  const months = Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7)) - 1 + count;
  const year = Math.floor(months / 12);
  return `${String(year).padStart(4, '0')}-${String((months % 12) + 1).padStart(2, '0')}-01`;
}

/** The last microsecond of a month that is given by its first day. */
export function lastInstantOf(month: string): string {
  const end = Date.parse(`${addMonths(month, 1)}T00:00:00Z`);
  return `${new Date(end - SECOND_MS).toISOString().slice(0, 19)}.999999Z`;
}
