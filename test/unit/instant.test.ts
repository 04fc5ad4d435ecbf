import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  addMonths,
  instantOf,
  isZeroTime,
  lastInstantOf,
  millisecondsOf,
  monthOf,
  parseInstant,
} from '../../src/domain/instant.ts';

test.each([
  ['2026-11-21T10:48:00Z', '2026-11-21T10:48:00.000000Z'],
  ['2026-11-21T10:48:00.5Z', '2026-11-21T10:48:00.500000Z'],
  ['2026-11-21t10:48:00.123456z', '2026-11-21T10:48:00.123456Z'],
  ['2026-11-21 10:48:00+00:00', '2026-11-21T10:48:00.000000Z'],
  ['2026-11-21T10:48:00+02:00', '2026-11-21T08:48:00.000000Z'],
  ['2026-11-21T10:48:00-05:30', '2026-11-21T16:18:00.000000Z'],
  ['2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00.000000Z'],
  ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00.000000Z'],
  ['  2026-11-21T10:48:00Z  ', '2026-11-21T10:48:00.000000Z'],
  ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
])('%s is the instant %s', (text, instant) => {
  expect(parseInstant(text)).toBe(instant);
});

test('what is finer than a microsecond is cut and never rounded up', () => {
  expect(parseInstant('2026-11-21T10:48:00.123456999Z')).toBe('2026-11-21T10:48:00.123456Z');
  expect(parseInstant('2026-12-31T23:59:59.999999999Z')).toBe('2026-12-31T23:59:59.999999Z');
  expect(parseInstant('1960-01-01T00:00:00.999999999Z')).toBe('1960-01-01T00:00:00.999999Z');
});

test.each([
  '2026-02-29T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2100-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T23:60:00Z',
  '2026-01-01T23:59:60Z',
  '2026-01-01T00:00:00',
  '2026-01-01',
  '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00+02:60',
  '2026-01-01T00:00:00.Z',
  '+12026-01-01T00:00:00Z',
  '9999-12-31T23:59:59-01:00',
  '1732186080',
  'infinity',
  'yesterday',
  '',
])('%j is no instant', (text) => {
  expect(parseInstant(text)).toBeUndefined();
  expect(isZeroTime(text)).toBe(false);
});

test('29 February exists in leap years only', () => {
  expect(parseInstant('2028-02-29T12:00:00Z')).toBe('2028-02-29T12:00:00.000000Z');
  expect(parseInstant('2000-02-29T12:00:00Z')).toBe('2000-02-29T12:00:00.000000Z');
});

test("Go's zero time is absent in whichever zone it is written", () => {
  for (const text of [
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00.000000000Z',
    '0001-01-01T02:00:00+02:00',
  ]) {
    expect(parseInstant(text), text).toBeUndefined();
    expect(isZeroTime(text), text).toBe(true);
  }
  expect(isZeroTime('0001-01-01T00:00:00.000001Z')).toBe(false);
  expect(isZeroTime('2026-11-21T10:48:00Z')).toBe(false);
});

test('instants sort as text in the order of time', () => {
  const moment = fc.date({
    min: new Date('0002-01-01T00:00:00Z'),
    max: new Date('9999-12-30'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(moment, moment, (left, right) => {
      const [first, second] = [parseInstant(left.toISOString()), parseInstant(right.toISOString())];
      expect(Math.sign(left.getTime() - right.getTime())).toBe(
        (first ?? '') < (second ?? '') ? -1 : (first ?? '') > (second ?? '') ? 1 : 0,
      );
    }),
  );
});

test('an instant is read back as itself, and its milliseconds too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (milliseconds) => {
      const instant = instantOf(milliseconds);
      expect(parseInstant(instant)).toBe(instant);
      expect(millisecondsOf(instant)).toBe(milliseconds);
    }),
  );
});

test('the same moment written in any zone is one instant', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000_000, max: 2_000_000_000 }),
      fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }),
      (seconds, offsetMinutes) => {
        const wall = new Date((seconds + offsetMinutes * 60) * 1_000).toISOString().slice(0, 19);
        const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
        const sign = offsetMinutes < 0 ? '-' : '+';
        const zone = `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
        expect(parseInstant(`${wall}${zone}`)).toBe(instantOf(seconds * 1_000));
      },
    ),
  );
});

test('a month is named by its first day in UTC', () => {
  expect(monthOf('2026-11-30T23:59:59.999999Z')).toBe('2026-11-01');
  expect(monthOf('2026-12-01T00:00:00.000000Z')).toBe('2026-12-01');
});

test('adding months from the 29th, 30th and 31st skips none', () => {
  for (const day of ['29', '30', '31']) {
    const start = monthOf(`2026-01-${day}T12:00:00.000000Z`);
    expect([1, 2, 3].map((count) => addMonths(start, count))).toEqual([
      '2026-02-01',
      '2026-03-01',
      '2026-04-01',
    ]);
    expect([-1, -2].map((count) => addMonths(start, count))).toEqual(['2025-12-01', '2025-11-01']);
  }
});

test('months are added over the turn of years, and there and back is where one was', () => {
  expect(addMonths('2026-12-01', 1)).toBe('2027-01-01');
  expect(addMonths('2026-01-01', -1)).toBe('2025-12-01');
  expect(addMonths('2024-02-01', 12)).toBe('2025-02-01');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_000 }), (count) => {
      expect(addMonths(addMonths('2015-01-01', count), -count)).toBe('2015-01-01');
    }),
  );
});

test('a month ends with the last microsecond of its last day', () => {
  expect(lastInstantOf('2026-12-01')).toBe('2026-12-31T23:59:59.999999Z');
  expect(lastInstantOf('2026-11-01')).toBe('2026-11-30T23:59:59.999999Z');
  expect(lastInstantOf('2027-02-01')).toBe('2027-02-28T23:59:59.999999Z');
  expect(lastInstantOf('2028-02-01')).toBe('2028-02-29T23:59:59.999999Z');
});

test('every day of five years is read as JavaScript reads it, and a day that a month does not have is none', () => {
  for (let year = 2024; year <= 2028; year += 1)
    for (let month = 1; month <= 12; month += 1)
      for (let day = 1; day <= 31; day += 1) {
        const date = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
        const isThere = new Date(Date.UTC(year, month - 1, day)).toISOString().startsWith(date);
        expect(parseInstant(`${date}T10:48:00.5Z`)).toBe(isThere ? `${date}T10:48:00.500000Z` : undefined);
      }
});
