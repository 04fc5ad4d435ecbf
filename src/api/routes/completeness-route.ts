import type { CompletenessQuery, RecordState } from '../../database/reading/completeness.ts';
import { selectCompleteness, selectRecordState } from '../../database/reading/completeness.ts';
import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import type { JsonObject } from '../../domain/json.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import { named } from '../../domain/named-schema.ts';
import type { ReportLanes } from '../../query/reports/report-lanes.ts';
import { quickOrSlow } from '../../query/reports/report-lanes.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { limitSchema, readLimit, singleText } from './list-query.ts';
import { fromDatabase } from './storage-problems.ts';

/** Bounds of `overdue_seconds`: an hour, and a year. */
const DEFAULT_OVERDUE_SECONDS = 3_600;
const MAX_OVERDUE_SECONDS = 31_536_000;
const DEFAULT_GAPS = 100;

/**
 * What the record holds, and what in it is not as it should be: the same answer as the command and the
 * watcher's own endpoint give (ADR 28).
 */
export function completenessRoute(lanes: ReportLanes): Route {
  return {
    method: 'GET',
    path: '/api/v1/completeness',
    access: 'list',
    describe: {
      summary: 'What was observed, what is recorded, what is open, and each gap by name',
      tag: 'remediations',
      query: [
        { name: 'cluster', meaning: 'Only this cluster', schema: TEXT_FILTER_SCHEMA },
        {
          name: 'overdue_seconds',
          meaning: 'How long a remediation may stay open',
          schema: limitSchema(MAX_OVERDUE_SECONDS, DEFAULT_OVERDUE_SECONDS),
        },
        { name: 'limit', meaning: 'Gaps at most', schema: limitSchema(MAX_PAGE_SIZE, DEFAULT_GAPS) },
      ],
      answers: { 200: { meaning: 'As of now', content: { [JSON_MEDIA_TYPE]: { schema: SCHEMA } } } },
      problems: ['invalid-parameter', 'query-too-slow', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, ['cluster', 'overdue_seconds', 'limit']);
      const question = {
        cluster: singleText(query, 'cluster') ?? '',
        overdueSeconds: readSeconds(singleText(query, 'overdue_seconds')),
        mostGaps: readLimit(query, MAX_PAGE_SIZE, DEFAULT_GAPS),
      };
      const found = await fromDatabase(() =>
        quickOrSlow(lanes, ({ pool }) => selectCompleteness(pool, question)),
      );
      return jsonAnswer(found, found.gaps.length);
    },
  };
}

/** For the page: the same without the numbers. Throws the problem that keeps the database from answering. */
export function answerRecordState(lanes: ReportLanes, question: CompletenessQuery): Promise<RecordState> {
  return fromDatabase(() => quickOrSlow(lanes, ({ pool }) => selectRecordState(pool, question)));
}

function readSeconds(text: string | undefined): number {
  if (text === undefined) return DEFAULT_OVERDUE_SECONDS;
  const seconds = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_OVERDUE_SECONDS) return seconds;
  throw invalidParameter('overdue_seconds', `must be a whole number from 1 to ${MAX_OVERDUE_SECONDS}`);
}

const text = { type: 'string' };
const count = { type: 'integer' };
const textOrNull = { type: ['string', 'null'] };
const instantOrNull = { type: ['string', 'null'], format: 'date-time' };
const countOrNull = { type: ['integer', 'null'] };

/** A list of objects in which every member is required; what is not known is null. */
function listOf(name: string, properties: JsonObject): JsonObject {
  const items = named(name, { type: 'object', required: Object.keys(properties), properties });
  return { type: 'array', items };
}

const GAP_LIST = listOf('Gap', {
  cluster: text,
  reason: text,
  kind: textOrNull,
  remediation_uid: textOrNull,
  namespace: textOrNull,
  name: textOrNull,
  detail: textOrNull,
  since: instantOrNull,
});

/** Members of an answer that says whether one remediation was watched, and what is missing of it. */
export const REMEDIATION_COMPLETENESS: JsonObject = {
  first_watched_at: {
    ...instantOrNull,
    description: 'Since when its cluster is watched; null where nobody ever watched it',
  },
  reported_at: { ...instantOrNull, description: 'The last report of a watcher' },
  gaps: GAP_LIST,
};

const SCHEMA = named('Completeness', {
  type: 'object',
  required: ['clusters', 'kinds', 'verdicts', 'gaps', 'has_more_gaps'],
  properties: {
    clusters: listOf('ClusterCompleteness', {
      cluster: text,
      state: { type: 'string', enum: ['complete', 'incomplete', 'unknown'] },
      detail: textOrNull,
      first_watched_at: instantOrNull,
      reported_at: instantOrNull,
    }),
    kinds: listOf('KindCompleteness', {
      cluster: text,
      kind: text,
      ever: count,
      present: count,
      seen: countOrNull,
      recorded: countOrNull,
      waiting: countOrNull,
      open: countOrNull,
      overdue: countOrNull,
    }),
    verdicts: listOf('VerdictCount', { cluster: text, verdict: text, remediations: count }),
    gaps: GAP_LIST,
    has_more_gaps: { type: 'boolean' },
  },
});
