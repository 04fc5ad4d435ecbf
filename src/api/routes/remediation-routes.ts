import type { RecordRow } from '../../database/reading/record-query.ts';
import { PART_DEFINITIONS } from '../../database/reading/remediation-reader.ts';
import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import { instantFromSql } from '../../domain/instant.ts';
import { named } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { Unsearched } from '../../query/combined-answer.ts';
import type { CombinedRemediation } from '../../query/combined-remediation.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { Problem } from '../http/problems.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonTextAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { historyEntryJson, historyEntrySchema, recordJson } from '../render/record-text.ts';
import { recordSchema } from '../schemas/list-schema.ts';
import { describeIncludeArchive, INCLUDE_ARCHIVE, readIncludeArchive, singleText } from './list-query.ts';
import { listRoute } from './list-routes.ts';
import {
  ARCHIVE_PROBLEMS,
  butNotSearched,
  fromEverywhere,
  unsearchedHeaders,
  unsearchedSchema,
} from './storage-problems.ts';

/** Records of one kind, and entries of the timeline, in one answer. */
const MAX_PARTS = 1_000;
const MAX_TIMELINE = 2_000;

/**
 * Remediations: a list of them, and everything about one of them. The list is that of its kind of record at
 * another address.
 */
export function remediationRoutes(finder: RecordFinder): readonly Route[] {
  return [listRoute('/api/v1/remediations', remediationAudit, finder), viewRoute(finder)];
}

/**
 * One remediation by the names that people know. A name can be used again: the newest is answered, the others
 * are named.
 */
function viewRoute(finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: '/api/v1/remediations/:cluster/:namespace/:name',
    access: 'get',
    describe: {
      summary: 'One remediation whole: its records, its timeline, and others of its name',
      tag: 'remediations',
      path: {
        cluster: { type: 'string', description: 'Configured name of the cluster' },
        namespace: { type: 'string', description: 'Namespace of the remediation' },
        name: { type: 'string', description: 'Its name; the newest, should there be several' },
      },
      query: [
        {
          name: 'uid',
          meaning: 'Another one of that name',
          schema: TEXT_FILTER_SCHEMA,
        },
        INCLUDED,
      ],
      answers: {
        200: { meaning: 'The remediation', content: { [JSON_MEDIA_TYPE]: { schema: VIEW_SCHEMA } } },
      },
      problems: [
        'invalid-parameter',
        'not-found',
        'query-too-slow',
        'database-unavailable',
        ...ARCHIVE_PROBLEMS,
      ],
    },
    answer: (request) => answerView(finder, request),
  };
}

const INCLUDED = describeIncludeArchive(
  'Whether the archive is searched: as far as it is needed for this remediation when left out, for others of its name too when true',
  false,
);

const PLURALS: Readonly<Record<string, string>> = {
  'ai-analysis': 'ai_analyses',
};

/** `workflow_executions` for `workflow-execution`. */
function memberName({ kind }: RecordDefinition): string {
  return PLURALS[kind] ?? `${kind.replaceAll('-', '_')}s`;
}

const OTHER_SCHEMA = named('OtherRemediation', {
  type: 'object',
  required: ['uid', 'created_at'],
  properties: {
    uid: { type: ['string', 'null'] },
    created_at: { type: 'string', format: 'date-time' },
  },
});

const VIEW_SCHEMA = named('Remediation', {
  type: 'object',
  required: [
    'remediation',
    ...PART_DEFINITIONS.map(memberName),
    'timeline',
    'is_complete',
    'others',
    'unsearched',
  ],
  properties: {
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
    unsearched: unsearchedSchema,
    others: {
      type: 'array',
      description: 'Other remediations of that name',
      items: OTHER_SCHEMA,
    },
  },
});

/** Puts the answer together as text, so that numbers of records stay as they are. */
async function answerView(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['uid', INCLUDE_ARCHIVE]);
  const view = await findRemediation(finder, request);
  const { chosen, parts, timeline, others, unsearched } = view;
  if (chosen === undefined) throw unknownRemediation(unsearched);
  const isComplete = timeline.length < MAX_TIMELINE && parts.every(({ rows }) => rows.length < MAX_PARTS);
  const members = [
    `"remediation":${recordJson(remediationAudit, chosen)}`,
    ...parts.map(
      ({ definition, rows }) =>
        `"${memberName(definition)}":[${rows.map((row) => recordJson(definition, row)).join(',')}]`,
    ),
    `"timeline":[${timeline.map(historyEntryJson).join(',')}]`,
    `"is_complete":${isComplete}`,
    `"others":${JSON.stringify(others.map(otherOf))}`,
    `"unsearched":${JSON.stringify(unsearched ?? null)}`,
  ];
  // The trace counts all that was read: the remediation itself, its records, its timeline.
  const rows = parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.length);
  return { ...jsonTextAnswer(`{${members.join(',')}}`, rows), headers: unsearchedHeaders(unsearched) };
}

/**
 * Asks for the remediation. `include_archive` has three meanings here, and left out is one of them; see
 * docs/api.md.
 */
function findRemediation(
  finder: RecordFinder,
  { params, query, signal }: ApiRequest,
): Promise<CombinedRemediation> {
  const { cluster = '', namespace = '', name = '' } = params;
  if ([cluster, namespace, name].some((part) => part.includes('\0'))) throw unknownRemediation(undefined);
  const include = readIncludeArchive(query);
  const question = {
    ...{ cluster, namespace, name },
    uid: singleText(query, 'uid'),
    extent: include === true ? ('everything' as const) : ('as-needed' as const),
    maxParts: MAX_PARTS,
    maxTimeline: MAX_TIMELINE,
  };
  return fromEverywhere(() =>
    finder.selectRemediation(question, { signal, includeArchive: include !== false }),
  );
}

function unknownRemediation(unsearched: Unsearched | undefined): Problem {
  const detail = 'no remediation of this cluster, namespace and name is known';
  return new Problem(
    'not-found',
    unsearched === undefined ? detail : `${detail}, ${butNotSearched(unsearched)}`,
    {
      headers: unsearchedHeaders(unsearched),
    },
  );
}

function otherOf(row: RecordRow) {
  return { uid: row['remediation_uid'], created_at: instantFromSql(String(row['created_at'])) };
}
