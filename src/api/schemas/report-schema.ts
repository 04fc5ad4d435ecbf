import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import type { JsonObject } from '../../domain/json.ts';
import { LENGTH_OF_TIME } from '../../domain/length-of-time.ts';
import { named, schemaName } from '../../domain/named-schema.ts';
import { INSTANT } from '../../domain/value-patterns.ts';
import { REPORT_COLUMNS } from '../../query/reports/columns.ts';
import type { ReportParameter } from '../../query/reports/parameters.ts';
import { MAX_REPORT_ROWS } from '../../query/reports/parameters.ts';
import { type ReportName, REPORTS } from '../../query/reports/reports.ts';
import type { ReportColumn } from '../../query/reports/run-report.ts';
import type { QueryDescription } from '../http/route.ts';
import { unsearchedSchema } from '../routes/storage-problems.ts';
import { listSchema } from './list-schema.ts';

/** A report's answer as JSON: its rows with their columns. */
export function reportSchema(name: ReportName): JsonObject {
  return named(schemaName(name, 'report'), {
    type: 'object',
    required: ['report', 'parameters', 'rows', 'basis', 'unsearched'],
    properties: {
      report: { type: 'string', enum: [name] },
      parameters: {
        type: 'object',
        description: 'The filter as PostgreSQL read it; null: no bound',
        additionalProperties: { type: ['string', 'null'] },
      },
      rows: { type: 'array', items: rowSchema(name) },
      basis: BASIS_SCHEMA,
      unsearched: unsearchedSchema,
    },
  });
}

const BASIS_SCHEMA = named('ReportBasis', {
  type: 'object',
  description: 'What the answer rests on; for CSV in the header `report-basis`',
  required: ['records', 'fields', 'complete', 'note'],
  properties: {
    records: { type: 'integer', description: 'Records in the window' },
    fields: {
      type: 'object',
      description: 'Of these records, by field, how many have it',
      additionalProperties: { type: 'integer' },
    },
    complete: { type: 'boolean', description: 'False where there are more records than are counted' },
    note: { type: ['string', 'null'], description: 'Why the answer says nothing, or nothing of a field' },
  },
});

/** Columns in the order of the report. All of them are in every row. */
function rowSchema(name: ReportName): JsonObject {
  const columns = Object.entries(REPORT_COLUMNS[name]);
  return named(schemaName(name, 'row'), {
    type: 'object',
    required: columns.map(([column]) => column),
    properties: Object.fromEntries(columns.map(([column, type]) => [column, COLUMN_SCHEMAS[type]])),
  });
}

/** By the kind of a report's column. Every value may be null. */
const COLUMN_SCHEMAS: Readonly<Record<ReportColumn['type'], JsonObject>> = {
  text: { type: ['string', 'null'] },
  number: { type: ['number', 'null'] },
  boolean: { type: ['boolean', 'null'] },
  json: {},
  instant: { type: ['string', 'null'], format: 'date-time' },
  interval: { type: ['string', 'null'], description: 'As PostgreSQL writes an interval' },
  date: { type: ['string', 'null'], format: 'date' },
};

/** How the list of reports describes a parameter. `default` is null where leaving it out means no bound. */
const PARAMETER_SCHEMA = named('ReportParameter', {
  type: 'object',
  required: ['name', 'type', 'default', 'meaning'],
  properties: {
    name: { type: 'string' },
    type: { type: 'string', enum: ['duration', 'since', 'text', 'count'] },
    default: { type: ['string', 'null'] },
    meaning: { type: 'string' },
  },
});

/** Answer of `GET /api/v1/reports`: each report, its question, and what it takes. */
export const REPORT_LIST_SCHEMA = listSchema(
  'ReportList',
  named('ReportDescription', {
    type: 'object',
    required: ['name', 'title', 'question', 'parameters'],
    properties: {
      name: { type: 'string', enum: REPORTS.map(({ name }) => name) },
      title: { type: 'string' },
      question: { type: 'string' },
      parameters: { type: 'array', items: PARAMETER_SCHEMA },
    },
  }),
);

/** A report's parameter as a parameter of the query. It is never required: each has a default or no bound. */
export function describeParameter({
  name,
  type,
  default: byDefault,
  meaning,
}: ReportParameter): QueryDescription {
  return { name, meaning: `${meaning}. Default: ${byDefault ?? 'all'}`, schema: SCHEMAS[type] };
}

/** What is taken, by the type of the parameter. */
const SCHEMAS: Readonly<Record<ReportParameter['type'], JsonObject>> = {
  count: { type: 'integer', minimum: 1, maximum: MAX_REPORT_ROWS },
  text: { ...TEXT_FILTER_SCHEMA, minLength: 1 },
  duration: { type: 'string', pattern: `^(?:${LENGTH_OF_TIME})$`, examples: ['7d'] },
  since: { type: 'string', pattern: `^(?:all|${INSTANT}|${LENGTH_OF_TIME})$`, examples: ['7d'] },
};

const textOrNull = { type: ['string', 'null'] };

/**
 * Answer of `GET /api/v1/investigations/similar`. `similarity` is the greater the nearer; the rows come in
 * its order.
 */
export const SIMILAR_SCHEMA = listSchema(
  'SimilarInvestigationList',
  named('SimilarInvestigation', {
    type: 'object',
    required: ['id', 'created_at', 'similarity', 'investigation_text'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      created_at: { type: 'string', format: 'date-time' },
      alert_fingerprint: textOrNull,
      environment: textOrNull,
      remediation_uid: textOrNull,
      root_cause: textOrNull,
      similarity: { type: 'number' },
      investigation_text: { type: 'string' },
    },
  }),
);
