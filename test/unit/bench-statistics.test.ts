import { describe, expect, test } from 'vitest';

import { median, quantile, spread } from '../../bench/statistics.ts';

const ONE_TO_TEN = [7, 1, 10, 4, 2, 9, 3, 8, 6, 5];

describe('quantile', () => {
  test('lies between neighbours in proportion', () => {
    expect(quantile(ONE_TO_TEN, 0.9)).toBeCloseTo(9.1, 10);
    expect(quantile(ONE_TO_TEN, 0.1)).toBeCloseTo(1.9, 10);
    expect(quantile([10, 20], 0.25)).toBe(12.5);
  });

  test('reaches the smallest and the largest sample', () => {
    expect(quantile(ONE_TO_TEN, 0)).toBe(1);
    expect(quantile(ONE_TO_TEN, 1)).toBe(10);
  });

  test('orders numbers as numbers, and leaves its input as it was', () => {
    const samples = [100, 9, 20];
    expect(quantile(samples, 0)).toBe(9);
    expect(samples).toEqual([100, 9, 20]);
  });

  test('refuses what has no answer', () => {
    expect(() => quantile([], 0.5)).toThrow('no samples');
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow('not finite');
    expect(() => quantile([1], 1.5)).toThrow('between 0 and 1');
  });
});

describe('median', () => {
  test('is the middle of an odd number and the mean of the middle two of an even number', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('spread', () => {
  test('is the distance from the tenth to the ninetieth percentile over the median', () => {
    expect(spread(ONE_TO_TEN)).toBeCloseTo((9.1 - 1.9) / 5.5, 10);
  });

  test('is 0 for one sample and for equal ones', () => {
    expect(spread([42])).toBe(0);
    expect(spread([0, 0, 0])).toBe(0);
  });

  test('is not moved by one disturbed run among twenty-one', () => {
    const calm = [...Array<number>(20).fill(10)];
    expect(spread([...calm, 10_000])).toBe(0);
  });

  test('is refused around 0, where nothing is relative', () => {
    expect(() => spread([-1, 0, 1])).toThrow('around 0');
  });
});
