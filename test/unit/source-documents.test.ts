import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { differences } from '../sources/differences.ts';
import {
  blocksOf,
  goStructs,
  queries,
  sourceColumns,
  sourceMetrics,
  SOURCES,
  statements,
  textOf,
} from '../sources/documents.ts';
import { goName } from '../sources/go-module.ts';
import { repositoryPath } from '../support/repository.ts';

describe('the source documents', () => {
  test('are never edited', () => {
    const sums = SOURCES.map((source) =>
      createHash('sha256').update(textOf(source)).digest('hex').slice(0, 12),
    );
    expect(sums).toEqual(['036d484f3fef', 'dfe999c0d3ce', '411cc432e2b7', 'c8f52d88ab2b', 'ee1766dae2e2']);
  });

  test('name each column of an analysis as the struct is made that 003 uses and never declares', () => {
    const [code = ''] = blocksOf('003', 'go').map(({ text }) => text);
    const literal = /&AIAnalysisAudit\{(.*?)\n {4}\}/s.exec(code)?.[1] ?? '';
    const filled = [...literal.matchAll(/^\s+(\w+):/gm)].map(([, name]) => name);
    const updated = [...code.matchAll(/^\s+"(\w+)":/gm)].map(([, name = '']) => goName(name));
    const columns = sourceColumns().filter(({ table }) => table === 'ai_analysis_audit');
    expect(columns.map(({ name }) => goName(name))).toEqual(expect.arrayContaining([...filled, ...updated]));
    expect([filled.length, updated.length]).toEqual([10, 7]);
  });

  test('are read whole: no statement, struct, metric or table of them is passed over', () => {
    const count = (pattern: RegExp): number =>
      SOURCES.reduce((sum, source) => sum + [...textOf(source).matchAll(pattern)].length, 0);
    expect(queries()).toHaveLength(count(/^(?:SELECT\b.*)$/gm) - 1);
    expect(statements().filter(({ text }) => text.startsWith('CREATE TABLE'))).toHaveLength(
      count(/^CREATE TABLE/gm),
    );
    expect(sourceMetrics()).toHaveLength(count(/promauto\.New/g));
    const structs = SOURCES.flatMap((source) => goStructs(source));
    expect(structs.flatMap(({ fields }) => fields)).toHaveLength(count(/`json:"/g));
    expect(new Set(sourceColumns().map(({ table }) => table)).size).toBe(4);
    expect(SOURCES.flatMap((source) => blocksOf(source, 'yaml'))).toHaveLength(1);
  });
});

describe('docs/differences.md', () => {
  test('numbers its rows', () => {
    expect(differences().map(({ number }) => number)).toEqual(differences().map((_, index) => index + 1));
    expect(differences().length).toBeGreaterThan(15);
  });

  test.each(differences())(
    '$number quotes documents that say so, and names documents that are there',
    (difference) => {
      expect(difference.quotes).not.toEqual([]);
      for (const quote of difference.quotes)
        for (const source of difference.sources) expect(textOf(source), source).toContain(quote);
      for (const file of difference.links)
        expect(existsSync(repositoryPath(`docs/${file}`)), file).toBe(true);
    },
  );
});
