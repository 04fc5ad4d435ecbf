import { describe, expect, test } from 'vitest';

import { compare, formatJson, formatTable, ratePerSecond, type Run, summarise } from '../../bench/harness.ts';

const RECORDS = { bench: 'record', metric: 'rows', unit: 'rows/s' };
const READY = { bench: 'start', metric: 'ready', unit: 's' };

/** A run that notes its name and gives the next of the prepared values. */
function scripted(name: string, values: readonly number[], journal: string[]): Run {
  const rest = [...values];
  return () => {
    journal.push(name);
    const value = rest.shift();
    if (value === undefined) throw new Error(`${name} ran more often than the test expects`);
    return Promise.resolve(value);
  };
}

describe('compare', () => {
  test('interleaves figure and ceiling and changes who goes first', async () => {
    const journal: string[] = [];
    await compare({
      ...RECORDS,
      figure: scripted('figure', [1, 1, 1], journal),
      ceiling: scripted('ceiling', [1, 1, 1], journal),
      rounds: 3,
      warmupRounds: 0,
    });
    expect(journal).toEqual(['figure', 'ceiling', 'ceiling', 'figure', 'figure', 'ceiling']);
  });

  test('runs the warm-up on both sides and forgets it', async () => {
    const journal: string[] = [];
    const figure = await compare({
      ...RECORDS,
      figure: scripted('figure', [9_999, 40, 60], journal),
      ceiling: scripted('ceiling', [1, 100, 100], journal),
      rounds: 2,
    });
    expect(journal).toHaveLength(6);
    expect(figure).toEqual({ ...RECORDS, value: 50, ceiling: 100, ratio: 0.5, n: 2, spread: 0.32 });
  });

  test('pairs each run with the ceiling of its own round, whoever went first', async () => {
    const figure = await compare({
      ...RECORDS,
      // The machine is four times slower in the second round; the share of the ceiling is a half in each.
      figure: scripted('figure', [100, 25, 100], []),
      ceiling: scripted('ceiling', [200, 50, 200], []),
      rounds: 3,
      warmupRounds: 0,
    });
    expect(figure.ratio).toBe(0.5);
  });

  test('measures alone where there is no ceiling', async () => {
    const figure = await compare({
      ...READY,
      figure: scripted('figure', [5, 3, 4], []),
      rounds: 3,
      warmupRounds: 0,
    });
    expect(figure).toMatchObject({ value: 4, ceiling: null, ratio: null, n: 3 });
  });

  test('passes on the failure of a run', async () => {
    const failing = () => Promise.reject(new Error('no server'));
    await expect(compare({ ...READY, figure: failing, rounds: 1 })).rejects.toThrow('no server');
  });
});

describe('summarise', () => {
  test('takes the ratio round by round', () => {
    // The medians alone would give 20 ÷ 40.
    const figure = summarise(RECORDS, [10, 20, 90], [10, 40, 100]);
    expect(figure).toMatchObject({ value: 20, ceiling: 40, ratio: 0.9, n: 3 });
  });

  test('refuses to make a figure of nothing', () => {
    expect(() => summarise(RECORDS, [])).toThrow('record, rows: no runs');
    expect(() => summarise(RECORDS, [1, 2], [1])).toThrow('2 runs cannot be paired with 1 of the ceiling');
    expect(() => summarise(RECORDS, [1], [0])).toThrow('the ceiling of round 0 is 0');
  });
});

describe('ratePerSecond', () => {
  test('is a positive number of units', async () => {
    expect(await ratePerSecond(1_000, () => Promise.resolve())).toBeGreaterThan(0);
  });
});

describe('what is printed', () => {
  const figures = [
    summarise(RECORDS, [12_345.678], [30_000]),
    summarise(READY, [4.2, 4.4]),
    summarise({ bench: 'start', metric: 'idle cpu', unit: '%' }, [0.5]),
  ];

  test('is one JSON line per figure, keys in the documented order, four significant digits', () => {
    expect(figures.map(formatJson)).toEqual([
      '{"bench":"record","metric":"rows","value":12350,"unit":"rows/s","ceiling":30000,"ratio":0.4115,"n":1,"spread":0}',
      '{"bench":"start","metric":"ready","value":4.3,"unit":"s","ceiling":null,"ratio":null,"n":2,"spread":0.03721}',
      '{"bench":"start","metric":"idle cpu","value":0.5,"unit":"%","ceiling":null,"ratio":null,"n":1,"spread":0}',
    ]);
  });

  test('is a table for a person', () => {
    expect(formatTable(figures).split('\n')).toEqual([
      'bench   metric     value  unit    ceiling   ratio  n  spread',
      '------  --------  ------  ------  -------  ------  -  ------',
      'record  rows      12,350  rows/s   30,000  0.4115  1     0 %',
      'start   ready        4.3  s             –       –  2     4 %',
      'start   idle cpu     0.5  %             –       –  1     0 %',
    ]);
  });

  test('is only a heading without figures', () => {
    expect(formatTable([]).split('\n')).toHaveLength(2);
  });
});
