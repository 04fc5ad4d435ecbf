import { existsSync } from 'node:fs';

import { expect, test } from 'vitest';

import { LONGEST } from '../support/longest-first.ts';
import { repositoryPath } from '../support/repository.ts';
import { filesOfSoak, shareOf } from '../support/soak.ts';

const LETTERS = 'a b c d e f g h i j k l m'.split(' ');

test('a share of cases is always the same, lies over all of them, and has the first and the last', () => {
  expect(shareOf(LETTERS, 4)).toEqual(['a', 'e', 'i', 'm']);
  expect(shareOf(LETTERS, 4)).toEqual(shareOf(LETTERS, 4));
});

test('a share of one is the first case, and one that is larger than the list is the list', () => {
  expect(shareOf(LETTERS, 1)).toEqual(['a']);
  expect(shareOf(LETTERS, 13)).toEqual(LETTERS);
  expect(shareOf(LETTERS, 40)).toEqual(LETTERS);
  expect(shareOf([], 3)).toEqual([]);
});

test('the soak runs the files that have something for it alone, and no others', () => {
  const files = filesOfSoak(['test/cluster/**/*.test.ts']);
  expect(files).toContain('test/cluster/watcher-endurance.soak.test.ts');
  expect(files).toContain('test/cluster/watcher-schedules.test.ts');
  expect(files).not.toContain('test/cluster/watcher.test.ts');
});

test('each file of the list of the longest is there', () => {
  expect(LONGEST.filter((path) => !existsSync(repositoryPath(path)))).toEqual([]);
});
