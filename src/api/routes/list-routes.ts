import type { CsvOptions } from '../../domain/csv.ts';
import { schemaName } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import type { CombinedPage } from '../../query/combined-page.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { negotiate } from '../http/accept.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { CSV_MEDIA_TYPE, JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE } from '../http/route.ts';
import { csvHeader, recordCsv, recordJson } from '../render/record-text.ts';
import { pageSchema, recordSchema } from '../schemas/list-schema.ts';
import {
  describeListQuery,
  readCsvOptions,
  readIncludeArchive,
  readListQuery,
  writeCursor,
} from './list-query.ts';
import { ARCHIVE_PROBLEMS, fromEverywhere, unsearchedHeaders, unsearchedSchema } from './storage-problems.ts';

/** One list for each kind of record, page by page. */
export function listRoutes(finder: RecordFinder): readonly Route[] {
  return RECORD_DEFINITIONS.map((definition: RecordDefinition) =>
    listRoute(`/api/v1/audit/${definition.kind}`, definition, finder),
  );
}

/**
 * The list of one kind at `path`, as JSON, lines or CSV, over database and archive. Remediations have it at a
 * path of their own too.
 */
export function listRoute(path: string, definition: RecordDefinition, finder: RecordFinder): Route {
  return {
    method: 'GET',
    path,
    access: 'list',
    describe: {
      summary: `Lists ${definition.kind} records`,
      tag: 'records',
      query: describeListQuery(definition),
      answers: {
        200: {
          meaning: 'One page; its end is where `next_cursor` is null, or no `link` header is',
          content: {
            [JSON_MEDIA_TYPE]: {
              schema: pageSchema(schemaName(definition.kind, 'page'), recordSchema(definition), {
                unsearched: unsearchedSchema,
              }),
            },
            [NDJSON_MEDIA_TYPE]: { schema: { type: 'string', description: 'One record per line' } },
            [CSV_MEDIA_TYPE]: { schema: { type: 'string', description: 'RFC 4180 with a header line' } },
          },
        },
      },
      problems: [
        'invalid-parameter',
        'not-acceptable',
        'query-too-slow',
        'database-unavailable',
        ...ARCHIVE_PROBLEMS,
      ],
    },
    async answer(request) {
      const mediaType = negotiate(request.accept, [JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE, CSV_MEDIA_TYPE]);
      const query = readListQuery(definition, request.query);
      const includeArchive = readIncludeArchive(request.query) ?? true;
      const csv = readCsvOptions(request.query);
      const options = { signal: request.signal, includeArchive };
      const page = await fromEverywhere(() => finder.selectPage(definition, query, options));
      return {
        status: 200,
        mediaType,
        body: BODIES[mediaType]?.(definition, page, csv) ?? '',
        headers: { ...linkTo(path, request, page), ...unsearchedHeaders(page.unsearched) },
        rows: page.rows.length,
      };
    },
  };
}

type Render = (definition: RecordDefinition, page: CombinedPage, csv: CsvOptions) => string;

/**
 * One page in each format. JSON is put together from the text of the records, so that their numbers stay as
 * they are.
 */
const BODIES: Readonly<Record<string, Render>> = {
  [JSON_MEDIA_TYPE]: (definition, { rows, next, unsearched }) => {
    const items = rows.map((row) => recordJson(definition, row)).join(',');
    const cursor = JSON.stringify(next === undefined ? null : writeCursor(next));
    return `{"items":[${items}],"next_cursor":${cursor},"unsearched":${JSON.stringify(unsearched ?? null)}}`;
  },
  [NDJSON_MEDIA_TYPE]: (definition, { rows }) =>
    rows.map((row) => `${recordJson(definition, row)}\n`).join(''),
  [CSV_MEDIA_TYPE]: (definition, { rows }, csv) =>
    csvHeader(definition) + rows.map((row) => recordCsv(definition, row, csv)).join(''),
};

/** The address of the next page, for formats without a field for it. */
function linkTo(path: string, request: ApiRequest, { next }: CombinedPage): NonNullable<Answer['headers']> {
  if (next === undefined) return {};
  const query = new URLSearchParams(request.query as Record<string, string>);
  query.set('cursor', writeCursor(next));
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
