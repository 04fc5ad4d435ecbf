import { Readable } from 'node:stream';

import type pg from 'pg';

import { PART_DEFINITIONS } from '../../database/reading/remediation-reader.ts';
import { named } from '../../domain/named-schema.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { remediationFacts } from '../../query/remediation/combined-facts.ts';
import { summaryOf } from '../../query/remediation/summary.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE } from '../http/route.ts';
import { historyEntryJson, historyEntrySchema, recordJson } from '../render/record-text.ts';
import { recordSchema } from '../schemas/list-schema.ts';
import { REMEDIATION_SUMMARY_SCHEMA } from '../schemas/remediation-schema.ts';
import { describeLeftOut, LEFT_OUT_SCHEMA, type LeftOut, memberName } from './left-out.ts';
import { INCLUDE_ARCHIVE, singleText } from './list-query.ts';
import { listRoute } from './list-routes.ts';
import { coverageRoute } from './remediation-coverage-route.ts';
import { diffRoute } from './remediation-diff-route.ts';
import { ledgerRoute } from './remediation-ledger-route.ts';
import type { FoundRemediation } from './remediation-question.ts';
import {
  findRemediation,
  MAX_ENTRIES,
  OTHER_SCHEMA,
  otherOf,
  PATH_PARAMETERS,
  REMEDIATION_PATH,
  REMEDIATION_PROBLEMS,
  REMEDIATION_QUERY,
} from './remediation-question.ts';
import { timelineRoute } from './remediation-timeline-route.ts';
import { unsearchedHeaders, unsearchedSchema } from './storage-problems.ts';

/**
 * Remediations: a list of them, and everything about one of them. The list is that of its kind of record at
 * another address.
 */
export function remediationRoutes(finder: RecordFinder, pool: pg.Pool): readonly Route[] {
  return [
    listRoute('/api/v1/remediations', remediationAudit, finder),
    viewRoute(finder),
    timelineRoute(finder),
    diffRoute(finder),
    ledgerRoute(finder),
    coverageRoute(finder, pool),
  ];
}

const VIEWS = ['summary', 'full'] as const;

/**
 * One remediation by the names that people know: what a person asks for first, and with `view=full` all that is recorded. A
 * name can be used again: the newest is answered, the others are named.
 */
function viewRoute(finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: REMEDIATION_PATH,
    access: 'get',
    describe: {
      summary: 'One remediation: its summary and phases; with view=full its records and its ledger, too',
      tag: 'remediations',
      path: PATH_PARAMETERS,
      query: [
        {
          name: 'view',
          meaning: 'How much of it: the summary, or all that is recorded',
          schema: { type: 'string', enum: [...VIEWS], default: 'summary' },
        },
        ...REMEDIATION_QUERY,
      ],
      answers: {
        200: {
          meaning: 'The remediation; its records and `timeline` only with view=full',
          content: { [JSON_MEDIA_TYPE]: { schema: VIEW_SCHEMA } },
        },
      },
      problems: REMEDIATION_PROBLEMS,
    },
    answer: (request) => answerView(finder, request),
  };
}

const VIEW_SCHEMA = named('Remediation', {
  type: 'object',
  required: ['summary', 'is_complete', 'left_out', 'unsearched', 'others'],
  properties: {
    summary: REMEDIATION_SUMMARY_SCHEMA,
    remediation: recordSchema(remediationAudit),
    ...Object.fromEntries(
      PART_DEFINITIONS.map((definition) => [
        memberName(definition),
        { type: 'array', items: recordSchema(definition) },
      ]),
    ),
    timeline: { type: 'array', items: historyEntrySchema, description: 'In the order of observation' },
    is_complete: {
      type: 'boolean',
      description: 'Whether nothing was left out because there is too much of it',
    },
    left_out: LEFT_OUT_SCHEMA,
    unsearched: unsearchedSchema,
    others: { type: 'array', description: 'Other remediations of that name', items: OTHER_SCHEMA },
  },
});

/** Puts the answer together as text, so that numbers of records stay as they are. */
async function answerView(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['view', 'uid', INCLUDE_ARCHIVE]);
  const isFull = readView(request.query) === 'full';
  const found = await findRemediation(finder, request, { timeline: { limit: MAX_ENTRIES } });
  const { parts, timeline, unsearched } = found;
  const leftOut = describeLeftOut(found, request);
  // The trace counts all that was read: the remediation itself, its records, its timeline.
  const rows = parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.entries.length);
  return {
    status: 200,
    mediaType: JSON_MEDIA_TYPE,
    // Text by text: all of it together would be in memory beside the rows of which it is made.
    body: Readable.from(viewText(found, isFull ? recordMembers(found) : [], leftOut)),
    headers: unsearchedHeaders(unsearched),
    rows,
  };
}

function* viewText(
  found: FoundRemediation,
  records: Iterable<string>,
  leftOut: readonly LeftOut[],
): Generator<string> {
  yield `{"summary":${JSON.stringify(summaryOf(remediationFacts(found)))}`;
  yield* records;
  yield `,"is_complete":${leftOut.length === 0},"left_out":${JSON.stringify(leftOut)}`;
  yield `,"others":${JSON.stringify(found.others.map(otherOf))}`;
  yield `,"unsearched":${JSON.stringify(found.unsearched ?? null)}}`;
}

function readView(query: ApiRequest['query']): (typeof VIEWS)[number] {
  const asked = singleText(query, 'view') ?? 'summary';
  const view = VIEWS.find((one) => one === asked);
  if (view === undefined) throw invalidParameter('view', `must be one of ${VIEWS.join(', ')}`);
  return view;
}

function* recordMembers({ chosen, parts, timeline }: FoundRemediation): Generator<string> {
  yield `,"remediation":${recordJson(remediationAudit, chosen)}`;
  for (const { definition, rows } of parts)
    yield* arrayText(memberName(definition), rows, (row) => recordJson(definition, row));
  yield* arrayText('timeline', timeline.entries, historyEntryJson);
}

function* arrayText<T>(name: string, items: readonly T[], textOf: (item: T) => string): Generator<string> {
  yield `,"${name}":[`;
  for (const [index, item] of items.entries()) yield `${index === 0 ? '' : ','}${textOf(item)}`;
  yield ']';
}
