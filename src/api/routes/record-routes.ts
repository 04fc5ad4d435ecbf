import { positionOf } from '../../database/reading/record-reader.ts';
import { isUuid } from '../../domain/column-types.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import type { QueryOptions, SourcedRow, Unsearched } from '../../query/combined-answer.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { Problem } from '../http/problems.ts';
import type { ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonTextAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { historyEntryJson, historyEntrySchema, recordJson } from '../render/record-text.ts';
import { pageSchema, recordSchema } from '../schemas/list-schema.ts';
import { HISTORY_CURSOR, readHistoryCursor, writeHistoryCursor } from './ledger-cursor.ts';
import {
  describeCursor,
  describeIncludeArchive,
  INCLUDE_ARCHIVE,
  limitSchema,
  readIncludeArchive,
  readLimit,
} from './list-query.ts';
import {
  ARCHIVE_PROBLEMS,
  butNotSearched,
  fromEverywhere,
  unsearchedHeaders,
  unsearchedSchema,
} from './storage-problems.ts';

/**
 * Two addresses for every kind: one record, and every observation of it. Both find the record by its own id
 * and by the id it was posted with.
 */
export function recordRoutes(finder: RecordFinder): readonly Route[] {
  return RECORD_DEFINITIONS.flatMap((definition: RecordDefinition) => [
    recordRoute(definition, finder),
    historyRoute(definition, finder),
  ]);
}

const PROBLEMS = [
  'invalid-parameter',
  'not-found',
  'query-too-slow',
  'database-unavailable',
  ...ARCHIVE_PROBLEMS,
] as const;

const INCLUDED = describeIncludeArchive('Whether it is looked for in the archive too', true);

const ID_PARAMETER = {
  id: { type: 'string', format: 'uuid', description: "The record's id, or its client's" },
};

function recordRoute(definition: RecordDefinition, finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: `/api/v1/audit/${definition.kind}/:id`,
    access: 'get',
    describe: {
      summary: `One ${definition.kind} record, by its id or by the id it was posted with`,
      tag: 'records',
      path: ID_PARAMETER,
      query: [INCLUDED],
      answers: {
        200: { meaning: 'The record', content: { [JSON_MEDIA_TYPE]: { schema: recordSchema(definition) } } },
      },
      problems: PROBLEMS,
    },
    async answer(request) {
      allowOnly(request.query, [INCLUDE_ARCHIVE]);
      const { found, unsearched } = await findRecord(definition, finder, request);
      return { ...jsonTextAnswer(recordJson(definition, found), 1), headers: unsearchedHeaders(unsearched) };
    },
  };
}

function historyRoute(definition: RecordDefinition, finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: `/api/v1/audit/${definition.kind}/:id/history`,
    access: 'get',
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
        describeCursor(HISTORY_CURSOR),
        INCLUDED,
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
      allowOnly(request.query, ['limit', 'cursor', INCLUDE_ARCHIVE]);
      const limit = readLimit(request.query, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
      const after = readHistoryCursor(request.query);
      const { found } = await findRecord(definition, finder, request);
      const { entries, next, unsearched } = await fromEverywhere(() =>
        finder.selectHistory(positionOf(found.row), { limit, after }, optionsOf(request)),
      );
      const cursor = JSON.stringify(next === undefined ? null : writeHistoryCursor(next));
      const items = entries.map(historyEntryJson).join(',');
      const body = `{"items":[${items}],"next_cursor":${cursor},"unsearched":${JSON.stringify(unsearched ?? null)}}`;
      return { ...jsonTextAnswer(body, entries.length), headers: unsearchedHeaders(unsearched) };
    },
  };
}

const HISTORY_SCHEMA = pageSchema('HistoryPage', historyEntrySchema, { unsearched: unsearchedSchema });

/** Both sources, unless the caller leaves the archive out. */
function optionsOf({ signal, query }: ApiRequest): QueryOptions {
  return { signal, includeArchive: readIncludeArchive(query) ?? true };
}

/** The record, or 404. A 404 names the months that were not searched: the record may be there. */
async function findRecord(
  definition: RecordDefinition,
  finder: RecordFinder,
  request: ApiRequest,
): Promise<{ readonly found: SourcedRow; readonly unsearched: Unsearched | undefined }> {
  const id = (request.params['id'] ?? '').toLowerCase();
  const options = optionsOf(request);
  const { found, unsearched } = isUuid(id)
    ? await fromEverywhere(() => finder.selectRecord(definition, id, options))
    : NOTHING;
  if (found !== undefined) return { found, unsearched };
  const detail = `no ${definition.kind} record has this id or client id`;
  throw new Problem(
    'not-found',
    unsearched === undefined ? detail : `${detail}, ${butNotSearched(unsearched)}`,
    {
      headers: unsearchedHeaders(unsearched),
    },
  );
}

const NOTHING = { found: undefined, unsearched: undefined };
