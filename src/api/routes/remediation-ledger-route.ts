import { Readable } from 'node:stream';

import type { RecordFinder } from '../../query/record-finder.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE } from '../http/route.ts';
import { historyEntryJson, historyEntrySchema } from '../render/record-text.ts';
import { pageSchema } from '../schemas/list-schema.ts';
import { LEDGER_CURSOR, readLedgerCursor, writeLedgerCursor } from './ledger-cursor.ts';
import { describeCursor, INCLUDE_ARCHIVE, limitSchema, readLimit } from './list-query.ts';
import {
  findRemediation,
  type FoundRemediation,
  MAX_ENTRIES,
  PATH_PARAMETERS,
  REMEDIATION_PATH,
  REMEDIATION_PROBLEMS,
  REMEDIATION_QUERY,
} from './remediation-question.ts';
import { unsearchedHeaders, unsearchedSchema } from './storage-problems.ts';

const DEFAULT_ENTRIES = 100;

/** Every observation of one remediation and of what belongs to it, page by page: where the full view ends, this goes on. */
export function ledgerRoute(finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: `${REMEDIATION_PATH}/ledger`,
    access: 'get',
    describe: {
      summary: 'Every observation of one remediation and of what belongs to it, in the order of observation',
      tag: 'remediations',
      path: PATH_PARAMETERS,
      query: [
        {
          name: 'limit',
          meaning: 'Observations per page; a page of large ones ends before',
          schema: limitSchema(MAX_ENTRIES, DEFAULT_ENTRIES),
        },
        describeCursor(LEDGER_CURSOR),
        ...REMEDIATION_QUERY,
      ],
      answers: {
        200: { meaning: 'One page of its ledger', content: { [JSON_MEDIA_TYPE]: { schema: LEDGER_SCHEMA } } },
      },
      problems: REMEDIATION_PROBLEMS,
    },
    answer: (request) => answerLedger(finder, request),
  };
}

const LEDGER_SCHEMA = pageSchema('LedgerPage', historyEntrySchema, { unsearched: unsearchedSchema });

async function answerLedger(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['limit', 'cursor', 'uid', INCLUDE_ARCHIVE]);
  const timeline = {
    limit: readLimit(request.query, MAX_ENTRIES, DEFAULT_ENTRIES),
    after: readLedgerCursor(request.query),
  };
  const found = await findRemediation(finder, request, { timeline, maxParts: 0 });
  return {
    status: 200,
    mediaType: JSON_MEDIA_TYPE,
    // Entry by entry: their text together would be in memory beside them.
    body: Readable.from(ledgerText(found)),
    headers: unsearchedHeaders(found.unsearched),
    rows: found.timeline.entries.length,
  };
}

function* ledgerText({ timeline: { entries, next }, unsearched }: FoundRemediation): Generator<string> {
  yield '{"items":[';
  for (const [index, entry] of entries.entries()) yield `${index === 0 ? '' : ','}${historyEntryJson(entry)}`;
  yield `],"next_cursor":${JSON.stringify(next === undefined ? null : writeLedgerCursor(next))}`;
  yield `,"unsearched":${JSON.stringify(unsearched ?? null)}}`;
}
