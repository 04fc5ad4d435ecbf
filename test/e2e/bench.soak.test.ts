import { spawnSync } from 'node:child_process';

import { describe, expect, test } from 'vitest';

import { BENCHES } from '../../bench/main.ts';
import { repositoryPath } from '../support/repository.ts';

/** Enough to run every line of a bench, far too few to measure anything. */
const FEW_ROWS: Readonly<Record<string, string>> = {
  'end-to-end': '5',
  archive: '500',
  backlog: '100',
  flapping: '4',
  growth: '500',
  ingest: '200',
  reports: '2000',
  size: '40',
  start: '1',
  store: '200',
  storm: '2',
  temporal: '40',
  // As fast as that: its longest story lasts an hour.
  'temporal-cost': '900',
  'temporal-postgres': '40',
  watch: '200',
  workflow: '40',
};

function bench(...args: readonly string[]) {
  return spawnSync(process.execPath, [repositoryPath('bench/main.ts'), ...args], { encoding: 'utf8' });
}

describe('every bench runs and prints its figures as JSON lines:', () => {
  test.each(Object.keys(BENCHES))('%s', (name) => {
    const { stdout, stderr, status } = bench(name, '--json', '--rows', FEW_ROWS[name] ?? '100');
    expect(status, stderr).toBe(0);
    const figures = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(figures.length).toBeGreaterThan(0);
    for (const figure of figures) {
      expect(Object.keys(figure)).toEqual([
        'bench',
        'metric',
        'value',
        'unit',
        'ceiling',
        'ratio',
        'n',
        'spread',
      ]);
      expect(figure['bench']).toBe(name);
      expect(typeof figure['value']).toBe('number');
    }
  });
});

test('--help says how to call it, and what is wrong is refused in a sentence with what is allowed', () => {
  const usage = expect.stringContaining('npm run bench -- <archive|backlog|comparison|') as string;
  expect(bench('--help')).toMatchObject({ status: 0, stdout: usage, stderr: '' });
  expect(bench('nothing')).toMatchObject({ status: 2, stderr: usage });
  for (const [flags, sentence] of [
    [['start', '--rows', 'many'], '--rows must be a whole number above 0'],
    [['start', '--dance'], "Unknown option '--dance'"],
  ] as const) {
    const { status, stderr } = bench(...flags);
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^bench: ${sentence}.*\n$`));
  }
});
