import type pg from 'pg';

import type { HistoryPosition } from '../../database/record-history.ts';
import { selectHistory } from '../../database/record-history.ts';
import type { RecordReader, RecordRow } from '../../database/record-reader.ts';
import { instantFromSql } from '../../database/sql.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { fromDatabase } from '../from-database.ts';
import { historyEntryJson, historyEntrySchema } from '../history-text.ts';
import { allowOnly, isUuid, limitSchema, type Query, readLimit, singleText } from '../list-query.ts';
import { pageSchema } from '../list-schema.ts';
import { invalidParameter, Problem } from '../problems.ts';
import { recordSchema } from '../record-answer-schema.ts';
import { recordJson } from '../record-text.ts';
import type { ApiRequest, Route } from '../route.ts';
import { JSON_MEDIA_TYPE, jsonTextAnswer } from '../route.ts';

/** One record, and every observation of it. */
export function recordRoutes(reader: RecordReader, pool: pg.Pool): readonly Route[] {
  return RECORD_DEFINITIONS.flatMap((definition: RecordDefinition) => [
    recordRoute(definition, reader),
    historyRoute(definition, reader, pool),
  ]);
}

const PROBLEMS = ['invalid-parameter', 'not-found', 'query-too-slow', 'database-unavailable'] as const;

const ID_PARAMETER = {
  id: { type: 'string', format: 'uuid', description: "The record's id, or its client's" },
};

function recordRoute(definition: RecordDefinition, reader: RecordReader): Route {
  return {
    method: 'GET',
    path: `/api/v1/audit/${definition.kind}/:id`,
    access: 'get',
    traced: true,
    describe: {
      summary: `One ${definition.kind} record, by its id or by the id it was posted with`,
      tag: 'records',
      path: ID_PARAMETER,
      answers: {
        200: { meaning: 'The record', content: { [JSON_MEDIA_TYPE]: { schema: recordSchema(definition) } } },
      },
      problems: PROBLEMS,
    },
    async answer(request) {
      allowOnly(request.query, []);
      return jsonTextAnswer(recordJson(definition, await findRecord(definition, reader, request)), 1);
    },
  };
}

function historyRoute(definition: RecordDefinition, reader: RecordReader, pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: `/api/v1/audit/${definition.kind}/:id/history`,
    access: 'get',
    traced: true,
    describe: {
      summary: `Every observation of one ${definition.kind} record, in the order in which they fold`,
      tag: 'records',
      path: ID_PARAMETER,
      query: [
        {
          name: 'limit',
          meaning: 'Observations per page',
          schema: limitSchema(MAX_PAGE_SIZE, MAX_PAGE_SIZE),
        },
        { name: 'cursor', meaning: '`next_cursor` of the page before', schema: { type: 'string' } },
      ],
      answers: {
        200: {
          meaning: 'One page of its history',
          content: { [JSON_MEDIA_TYPE]: { schema: HISTORY_SCHEMA } },
        },
      },
      problems: PROBLEMS,
    },
    async answer(request) {
      allowOnly(request.query, ['limit', 'cursor']);
      const limit = readLimit(request.query, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
      const after = readHistoryCursor(request.query);
      const row = await findRecord(definition, reader, request);
      const record = { id: String(row['id']), createdAt: instantFromSql(String(row['created_at'])) };
      const { entries, next } = await fromDatabase(() => selectHistory(pool, record, limit, after));
      const cursor = next === undefined ? 'null' : JSON.stringify(writeHistoryCursor(next));
      const items = entries.map(historyEntryJson).join(',');
      return jsonTextAnswer(`{"items":[${items}],"next_cursor":${cursor}}`, entries.length);
    },
  };
}

const HISTORY_SCHEMA = pageSchema(historyEntrySchema);

async function findRecord(
  definition: RecordDefinition,
  reader: RecordReader,
  { params }: ApiRequest,
): Promise<RecordRow> {
  const { id = '' } = params;
  const row = isUuid(id)
    ? await fromDatabase(() => reader.selectRecord(definition, id.toLowerCase()))
    : undefined;
  if (row !== undefined) return row;
  throw new Problem(
    'not-found',
    `there is no ${definition.kind} record with this id, its own or its client's`,
  );
}

function writeHistoryCursor({ sourceVersion, contentHash }: HistoryPosition): string {
  return Buffer.from(`${sourceVersion} ${contentHash}`).toString('base64url');
}

const HISTORY_CURSOR = /^(-?\d{1,19}) ((?:[0-9a-f]{2})+)$/;
const [SMALLEST, LARGEST] = [-(2n ** 63n), 2n ** 63n - 1n];

function readHistoryCursor(query: Query): HistoryPosition | undefined {
  const cursor = singleText(query, 'cursor');
  if (cursor === undefined || cursor === '') return undefined;
  const match = HISTORY_CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const [, sourceVersion = '', contentHash = ''] = match ?? [];
  if (match === null || BigInt(sourceVersion) < SMALLEST || BigInt(sourceVersion) > LARGEST)
    throw invalidParameter('cursor', 'is none that this service gave out');
  return { sourceVersion, contentHash };
}
