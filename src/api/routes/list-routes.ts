import type { Page, RecordReader } from '../../database/record-reader.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { negotiate } from '../accept.ts';
import { fromDatabase } from '../from-database.ts';
import { describeListQuery, readListQuery, writeCursor } from '../list-query.ts';
import { pageSchema } from '../list-schema.ts';
import { recordSchema } from '../record-answer-schema.ts';
import { csvHeader, recordCsv, recordJson } from '../record-text.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { CSV_MEDIA_TYPE, JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE } from '../route.ts';

/** Records of each kind, page by page. */
export function listRoutes(reader: RecordReader): readonly Route[] {
  return RECORD_DEFINITIONS.map((definition: RecordDefinition) =>
    listRoute(`/api/v1/audit/${definition.kind}`, definition, reader),
  );
}

export function listRoute(path: string, definition: RecordDefinition, reader: RecordReader): Route {
  return {
    method: 'GET',
    path,
    access: 'list',
    traced: true,
    describe: {
      summary: `Lists ${definition.kind} records`,
      tag: 'records',
      query: describeListQuery(definition),
      answers: {
        200: {
          meaning: 'One page; its end is where `next_cursor` is null, or no `link` header is',
          content: {
            [JSON_MEDIA_TYPE]: { schema: pageSchema(recordSchema(definition)) },
            [NDJSON_MEDIA_TYPE]: { schema: { type: 'string', description: 'One record per line' } },
            [CSV_MEDIA_TYPE]: { schema: { type: 'string', description: 'RFC 4180 with a header line' } },
          },
        },
      },
      problems: ['invalid-parameter', 'not-acceptable', 'query-too-slow', 'database-unavailable'],
    },
    async answer(request) {
      const mediaType = negotiate(request.accept, [JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE, CSV_MEDIA_TYPE]);
      const query = readListQuery(definition, request.query);
      const page = await fromDatabase(() => reader.selectPage(definition, query));
      return {
        status: 200,
        mediaType,
        body: BODIES[mediaType]?.(definition, page) ?? '',
        headers: linkTo(path, request, page),
        rows: page.rows.length,
      };
    },
  };
}

const BODIES: Readonly<Record<string, (definition: RecordDefinition, page: Page) => string>> = {
  [JSON_MEDIA_TYPE]: (definition, { rows, next }) => {
    const items = rows.map((row) => recordJson(definition, row)).join(',');
    return `{"items":[${items}],"next_cursor":${next === undefined ? 'null' : JSON.stringify(writeCursor(next))}}`;
  },
  [NDJSON_MEDIA_TYPE]: (definition, { rows }) =>
    rows.map((row) => `${recordJson(definition, row)}\n`).join(''),
  [CSV_MEDIA_TYPE]: (definition, { rows }) =>
    csvHeader(definition) + rows.map((row) => recordCsv(definition, row)).join(''),
};

/** Where the next page is, for formats that have no place for it. */
function linkTo(path: string, request: ApiRequest, { next }: Page): NonNullable<Answer['headers']> {
  if (next === undefined) return {};
  const query = new URLSearchParams(request.query as Record<string, string>);
  query.set('cursor', writeCursor(next));
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
