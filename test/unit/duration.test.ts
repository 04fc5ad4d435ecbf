import fc from 'fast-check';
import { expect, test } from 'vitest';

import { formatInterval, intervalBetween, parseDuration, parseInterval } from '../../src/domain/duration.ts';

const SECOND = 1_000_000_000n;

test.each<[string, bigint]>([
  ['2m3s', 123n * SECOND],
  ['1h0m0.5s', 3_600n * SECOND + SECOND / 2n],
  ['1.5h', 5_400n * SECOND],
  ['-1m30s', -90n * SECOND],
  ['+10s', 10n * SECOND],
  ['.5s', SECOND / 2n],
  ['0s', 0n],
  ['0', 0n],
  ['350ms', 350_000_000n],
  ['1µs', 1_000n],
  ['1μs', 1_000n],
  ['1us', 1_000n],
  ['7ns', 7n],
  ['1.9ns', 1n],
  ['2562047h47m16.854775807s', 9_223_372_036_854_775_807n],
  ['PT2M3S', 123n * SECOND],
  ['PT0.5S', SECOND / 2n],
  ['P1D', 86_400n * SECOND],
  ['P1DT12H', 129_600n * SECOND],
  ['P2W', 1_209_600n * SECOND],
  ['-PT5M', -300n * SECOND],
  ['PT1.5H', 5_400n * SECOND],
  ['123000000000', 123n * SECOND],
  ['-5', -5n],
  ['9223372036854775807', 9_223_372_036_854_775_807n],
])('%s is %d nanoseconds', (text, nanoseconds) => {
  expect(parseDuration(text)).toBe(nanoseconds);
});

test.each([
  '',
  's',
  '1',
  '.',
  '.s',
  '2 m',
  '1d',
  '5 minutes',
  'PT',
  'P',
  'P1DT',
  'P1Y',
  'P1M',
  '1.5',
  '1e9',
  '2m3',
  'NaN',
  '--1s',
])('%j is no duration, unless it is a count of nanoseconds', (text) => {
  expect(parseDuration(text)).toBe(text === '1' ? 1n : undefined);
});

test.each<[bigint, string]>([
  [0n, '00:00:00'],
  [123n * SECOND, '00:02:03'],
  [SECOND / 2n, '00:00:00.5'],
  [1_500n, '00:00:00.000001'],
  [999n, '00:00:00'],
  [-999n, '00:00:00'],
  [-90n * SECOND, '-00:01:30'],
  [100n * 3_600n * SECOND, '100:00:00'],
])('%d nanoseconds are the interval %s', (nanoseconds, text) => {
  expect(formatInterval(nanoseconds)).toBe(text);
});

test('every duration of whole microseconds survives as an interval', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (nanoseconds) => {
      const kept = (nanoseconds / 1_000n) * 1_000n;
      expect(parseInterval(formatInterval(nanoseconds))).toBe(kept);
    }),
    { numRuns: 1_000 },
  );
});

test.each<[string, bigint]>([
  ['1 day', 86_400n * SECOND],
  ['3 days 04:05:06.789', (3n * 86_400n + 4n * 3_600n + 5n * 60n + 6n) * SECOND + 789_000_000n],
  ['-1 days +02:03:00', -(86_400n - 7_380n) * SECOND],
  ['-1 days -02:03:00', -(86_400n + 7_380n) * SECOND],
  ['-00:00:00.000001', -1_000n],
])("PostgreSQL's own %s is read", (text, nanoseconds) => {
  expect(parseInterval(text)).toBe(nanoseconds);
});

test.each(['', '1 mon', '1 year 2 mons', '00:00', 'PT1S', '1:2:3', '00:00:00.1234567'])(
  'the interval %j has no fixed length in nanoseconds, or is none',
  (text) => {
    expect(parseInterval(text)).toBeUndefined();
  },
);

test('Go text, ISO text and nanoseconds of one duration agree', () => {
  const part = fc.integer({ min: 0, max: 59 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999 }), part, part, (hours, minutes, seconds) => {
      const nanoseconds = BigInt(hours * 3_600 + minutes * 60 + seconds) * SECOND;
      expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(nanoseconds);
      expect(parseDuration(`PT${hours}H${minutes}M${seconds}S`)).toBe(nanoseconds);
      expect(parseDuration(String(nanoseconds))).toBe(nanoseconds);
    }),
  );
});

test('the time between two instants counts microseconds and may be negative', () => {
  const [start, end] = ['2026-12-31T23:59:59.999999Z', '2027-01-01T00:02:03.000000Z'];
  expect(intervalBetween(start, end)).toBe('00:02:03.000001');
  expect(intervalBetween(end, start)).toBe('-00:02:03.000001');
});

test('a duration of very many digits takes time in proportion, and is still read exactly', () => {
  expect(parseDuration(`0.${'0'.repeat(5_000)}1s`)).toBe(0n);
  expect(parseDuration('1'.repeat(5_000))).toBe(BigInt('1'.repeat(5_000)));
});
