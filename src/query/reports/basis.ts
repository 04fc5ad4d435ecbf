import type pg from 'pg';

import { sinceExpression } from './parameters.ts';
import type { Report } from './reports.ts';

/**
 * What an answer rests on: how many records lie in its window, and how many of them have the fields that it is made of. A
 * column of zeros over records that nobody assessed looks like good news.
 */
export interface ReportBasis {
  readonly records: number;
  /** Of these records, by field, how many have it. */
  readonly fields: Readonly<Record<string, number>>;
  /** False where there are more records than are counted. */
  readonly isComplete: boolean;
}

/** Counting costs little up to here, also for a report that finds its few rows by an index. */
const MOST_COUNTED = 100_000;

/** Its one parameter is `since`. */
export function basisStatement({ reads }: Report, rows: string = reads.table): string {
  const fields = Object.values(reads.basis);
  const counted = fields.map((_, index) => `count(field_${index})::integer as field_${index}`);
  const wanted = fields.map((expression, index) => `${expression} as field_${index}`);
  return `
    select count(*)::integer as records, ${counted.join(', ')}
    from (
      select ${wanted.join(', ')}
      from ${rows}
      where ${reads.window} > ${sinceExpression(1)}
      limit ${MOST_COUNTED + 1}
    ) as looked_at`;
}

export async function selectBasis(
  database: pg.Pool | pg.PoolClient,
  report: Report,
  { since, rows }: { readonly since: string | null; readonly rows: string | undefined },
): Promise<ReportBasis> {
  const fields = Object.keys(report.reads.basis);
  const result = await database.query<Record<string, number>>({
    text: basisStatement(report, rows),
    values: [since],
  });
  const [found = {}] = result.rows;
  const records = found['records'] ?? 0;
  return {
    records,
    fields: Object.fromEntries(fields.map((name, index) => [name, found[`field_${index}`] ?? 0])),
    isComplete: records <= MOST_COUNTED,
  };
}

/** For people and for a header: `395 records; hallucination_detected in 0`. */
export function basisText({ records, fields, isComplete }: ReportBasis): string {
  const all = isComplete
    ? `${records} record${records === 1 ? '' : 's'}`
    : `more than ${MOST_COUNTED} records`;
  const having = Object.entries(fields).map(([name, count]) => `${name} in ${count}`);
  return [all, ...(records === 0 ? [] : having)].join('; ');
}

/** Why the answer says nothing, or nothing of one of its fields; undefined where it does. */
export function noteOn({ records, fields }: ReportBasis, rows: number): string | undefined {
  if (records === 0) return 'no record lies in the window: ask for a longer time with since';
  const absent = Object.entries(fields).flatMap(([name, count]) => (count === 0 ? [name] : []));
  if (absent.length > 0) return `no record in the window has ${absent.join(' or ')}: nothing is known of it`;
  return rows === 0
    ? 'records of the window have what is asked for, and none of them meets the conditions'
    : undefined;
}
