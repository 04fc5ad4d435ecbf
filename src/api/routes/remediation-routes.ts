import { PART_DEFINITIONS } from '../../database/reading/remediation-reader.ts';
import { named } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { remediationFacts } from '../../query/remediation/combined-facts.ts';
import { summaryOf } from '../../query/remediation/summary.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE, jsonTextAnswer } from '../http/route.ts';
import { historyEntryJson, historyEntrySchema, recordJson } from '../render/record-text.ts';
import { recordSchema } from '../schemas/list-schema.ts';
import { REMEDIATION_SUMMARY_SCHEMA } from '../schemas/remediation-schema.ts';
import { INCLUDE_ARCHIVE, singleText } from './list-query.ts';
import { listRoute } from './list-routes.ts';
import type { FoundRemediation } from './remediation-question.ts';
import {
  findRemediation,
  MAX_ENTRIES,
  MAX_PARTS,
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
export function remediationRoutes(finder: RecordFinder): readonly Route[] {
  return [
    listRoute('/api/v1/remediations', remediationAudit, finder),
    viewRoute(finder),
    timelineRoute(finder),
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

const PLURALS: Readonly<Record<string, string>> = {
  'ai-analysis': 'ai_analyses',
};

/** `workflow_executions` for `workflow-execution`. */
function memberName({ kind }: RecordDefinition): string {
  return PLURALS[kind] ?? `${kind.replaceAll('-', '_')}s`;
}

const VIEW_SCHEMA = named('Remediation', {
  type: 'object',
  required: ['summary', 'is_complete', 'unsearched', 'others'],
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
    unsearched: unsearchedSchema,
    others: { type: 'array', description: 'Other remediations of that name', items: OTHER_SCHEMA },
  },
});

/** Puts the answer together as text, so that numbers of records stay as they are. */
async function answerView(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['view', 'uid', INCLUDE_ARCHIVE]);
  const isFull = readView(request.query) === 'full';
  const found = await findRemediation(finder, request, { maxTimeline: isFull ? MAX_ENTRIES : 0 });
  const { parts, timeline, others, unsearched } = found;
  const isComplete =
    (!isFull || timeline.length < MAX_ENTRIES) && parts.every(({ rows }) => rows.length < MAX_PARTS);
  const members = [
    `"summary":${JSON.stringify(summaryOf(remediationFacts(found)))}`,
    ...(isFull ? recordMembers(found) : []),
    `"is_complete":${isComplete}`,
    `"others":${JSON.stringify(others.map(otherOf))}`,
    `"unsearched":${JSON.stringify(unsearched ?? null)}`,
  ];
  // The trace counts all that was read: the remediation itself, its records, its timeline.
  const rows = parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.length);
  return { ...jsonTextAnswer(`{${members.join(',')}}`, rows), headers: unsearchedHeaders(unsearched) };
}

function readView(query: ApiRequest['query']): (typeof VIEWS)[number] {
  const asked = singleText(query, 'view') ?? 'summary';
  const view = VIEWS.find((one) => one === asked);
  if (view === undefined) throw invalidParameter('view', `must be one of ${VIEWS.join(', ')}`);
  return view;
}

function recordMembers({ chosen, parts, timeline }: FoundRemediation): readonly string[] {
  return [
    `"remediation":${recordJson(remediationAudit, chosen)}`,
    ...parts.map(
      ({ definition, rows }) =>
        `"${memberName(definition)}":[${rows.map((row) => recordJson(definition, row)).join(',')}]`,
    ),
    `"timeline":[${timeline.map(historyEntryJson).join(',')}]`,
  ];
}
