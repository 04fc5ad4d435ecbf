import type pg from 'pg';

import { selectTimeline } from '../../database/record-history.ts';
import type { RecordReader, RecordRow } from '../../database/record-reader.ts';
import { PART_DEFINITIONS, selectParts, selectRemediations } from '../../database/remediation-reader.ts';
import { instantFromSql } from '../../database/sql.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { fromDatabase } from '../from-database.ts';
import { historyEntryJson, historyEntrySchema } from '../history-text.ts';
import { allowOnly, singleText } from '../list-query.ts';
import { Problem } from '../problems.ts';
import { recordSchema } from '../record-answer-schema.ts';
import { recordJson } from '../record-text.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { JSON_MEDIA_TYPE, jsonTextAnswer } from '../route.ts';
import { listRoute } from './list-routes.ts';

/** Remediations of one name that are looked at. */
const MAX_OF_ONE_NAME = 100;
/** Records of one kind, and entries of the timeline, in one answer. */
const MAX_PARTS = 1_000;
const MAX_TIMELINE = 2_000;

/** The hub: what remediations there were, and everything about one of them. */
export function remediationRoutes(reader: RecordReader, pool: pg.Pool): readonly Route[] {
  return [listRoute('/api/v1/remediations', remediationAudit, reader), viewRoute(pool)];
}

function viewRoute(pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: '/api/v1/remediations/:cluster/:namespace/:name',
    access: 'get',
    traced: true,
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
          schema: { type: 'string' },
        },
      ],
      answers: {
        200: { meaning: 'The remediation', content: { [JSON_MEDIA_TYPE]: { schema: VIEW_SCHEMA } } },
      },
      problems: ['invalid-parameter', 'not-found', 'query-too-slow', 'database-unavailable'],
    },
    answer: (request) => answerView(pool, request),
  };
}

const PLURALS: Readonly<Record<string, string>> = {
  'ai-analysis': 'ai_analyses',
};

/** `workflow_executions` for `workflow-execution`. */
function memberName({ kind }: RecordDefinition): string {
  return PLURALS[kind] ?? `${kind.replaceAll('-', '_')}s`;
}

const VIEW_SCHEMA: JsonObject = {
  type: 'object',
  required: ['remediation', ...PART_DEFINITIONS.map(memberName), 'timeline', 'is_complete', 'others'],
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
    others: {
      type: 'array',
      description: 'Other remediations of that name',
      items: {
        type: 'object',
        properties: {
          uid: { type: ['string', 'null'] },
          created_at: { type: 'string', format: 'date-time' },
        },
      },
    },
  },
};

async function answerView(pool: pg.Pool, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['uid']);
  const [chosen, others] = await chooseRemediation(pool, request);
  const uid = String(chosen['remediation_uid']);
  const name = chosen['remediation_id'];
  const remediation = {
    uid,
    cluster: String(chosen['cluster']),
    // A post that knows only the name belongs to nobody for certain when the name was used again.
    name: others.length === 0 && typeof name === 'string' ? name : undefined,
  };
  return fromDatabase(async () => {
    const parts = await Promise.all(
      PART_DEFINITIONS.map(async (definition) => ({
        definition,
        rows: await selectParts(pool, definition, remediation, MAX_PARTS),
      })),
    );
    const timeline = await selectTimeline(pool, uid, MAX_TIMELINE);
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
    ];
    const rows = parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.length);
    return jsonTextAnswer(`{${members.join(',')}}`, rows);
  });
}

async function chooseRemediation(
  pool: pg.Pool,
  { params, query }: ApiRequest,
): Promise<[chosen: RecordRow, others: readonly RecordRow[]]> {
  const { cluster = '', namespace = '', name = '' } = params;
  const uid = singleText(query, 'uid');
  if ([cluster, namespace, name].some((part) => part.includes('\0'))) throw unknownRemediation();
  const found = await fromDatabase(() =>
    selectRemediations(pool, { cluster, namespace, name }, MAX_OF_ONE_NAME),
  );
  const chosen = uid === undefined ? found[0] : found.find((row) => row['remediation_uid'] === uid);
  if (chosen === undefined) throw unknownRemediation();
  return [chosen, found.filter((row) => row !== chosen)];
}

function unknownRemediation(): Problem {
  return new Problem('not-found', 'no remediation of this cluster, namespace and name is known');
}

function otherOf(row: RecordRow) {
  return { uid: row['remediation_uid'], created_at: instantFromSql(String(row['created_at'])) };
}
