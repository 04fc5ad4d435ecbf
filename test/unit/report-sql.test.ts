import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { sinceExpression } from '../../src/query/reports/parameters.ts';
import { EVERY_COLUMN, REPORTS } from '../../src/query/reports/reports.ts';
import { columnsRead, reportSql } from '../../src/query/reports/run-report.ts';

describe.each(REPORTS)('the SQL of $name', (report) => {
  const { name, reads, parameters } = report;
  const file = readFileSync(new URL(`../../src/query/reports/sql/${name}.sql`, import.meta.url), 'utf8');

  test('has one placeholder for the rows and one for the window, and names no table itself', () => {
    expect(file.match(/(?<!:):\w+/g)?.filter((word) => word !== ':rows' && word !== ':since')).toEqual([]);
    expect(file.match(/\bfrom :rows$/gm)).toHaveLength(1);
    expect(file.match(/ :since$/gm)).toHaveLength(1);
    const tables = RECORD_DEFINITIONS.map(({ table }) => table).filter((table) => table !== reads.table);
    for (const table of tables) expect(file).not.toContain(table);
    const parts = [...file.matchAll(/^(?:with )?(\w+) as (?:not materialized )?\($/gm)].map(
      ([, part]) => part,
    );
    const read = [...file.matchAll(/^\s*(?:left )?(?:from|join) (\w+)/gm)].map(([, source]) => source);
    expect(read.filter((source) => !parts.includes(source))).toEqual([]);
  });

  test('names the declared columns and no others of its table', () => {
    const words = new Set([...(file.match(/\w+/g) ?? []), reads.window]);
    const all = RECORD_DEFINITIONS.find(({ table }) => table === reads.table)?.columns ?? [];
    const named = all.map((column) => column.name).filter((column) => words.has(column));
    const asksForAll = reads.columns === EVERY_COLUMN;
    expect(file.includes(`select ${reads.table}.*`)).toBe(asksForAll);
    const wanted = new Set(asksForAll ? all.map((column) => column.name) : [...named, 'id', 'created_at']);
    expect(new Set(columnsRead(report))).toEqual(wanted);
  });

  test('is bounded by its last or only parameter of that name, over its table or other rows', () => {
    const number = parameters.findIndex((parameter) => parameter.name === 'since') + 1;
    const bound = `${reads.window} > ${sinceExpression(number)}`;
    expect(reportSql(report)).toContain(`from ${reads.table}\n`);
    expect(reportSql(report)).toContain(bound);
    expect(reportSql(report, '(select $1) as other')).toContain(`from (select $1) as other\n`);
  });
});
