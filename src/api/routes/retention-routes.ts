import type pg from 'pg';

import { selectMonths } from '../../database/months/month-list.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import { approveDrop, revokeApproval, selectMonth } from '../../database/months/month-states.ts';
import type { PlannedMonth, RetentionRules } from '../../database/months/retention-plan.ts';
import { planRetention, RETENTION_ACTIONS } from '../../database/months/retention-plan.ts';
import { instantOf } from '../../domain/instant.ts';
import type { JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { named } from '../../domain/named-schema.ts';
import { readJsonBody } from '../http/json-body.ts';
import { Problem } from '../http/problems.ts';
import type { Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { listSchema } from '../schemas/list-schema.ts';
import {
  firstDayOf,
  isMonth,
  MONTH_SCHEMA,
  PARTITION_STATE_SCHEMA,
  readMonthParameter,
} from './month-parameter.ts';
import { type DatabaseAccess, fromDatabase } from './storage-problems.ts';

const CREATED = 201;

/** What the next run of retention would do, and the approval of a drop. Neither of them drops anything. */
export function retentionRoutes({ pool, writer }: DatabaseAccess, rules: RetentionRules): readonly Route[] {
  return [planRoute(pool, rules), approvalRoute(writer, rules), revocationRoute(writer, rules)];
}

/** The plan is made anew for each request, by the same function that retention itself uses. */
function planRoute(pool: pg.Pool, rules: RetentionRules): Route {
  return {
    method: 'GET',
    path: '/api/v1/retention/plan',
    access: 'list',
    describe: {
      summary:
        'What the next run of retention would do with each month and why, oldest first; changes nothing',
      tag: 'retention',
      answers: {
        200: {
          meaning: 'The months',
          content: { [JSON_MEDIA_TYPE]: { schema: PLAN_SCHEMA, example: { items: [PLANNED_EXAMPLE] } } },
        },
      },
      problems: ['invalid-parameter', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, []);
      const plan = await fromDatabase(() => planRetention(pool, rules, instantOf(Date.now())));
      return jsonAnswer({ items: plan.map(plannedJson) }, plan.length);
    },
  };
}

function approvalRoute(writer: pg.Pool, rules: RetentionRules): Route {
  return {
    method: 'POST',
    path: '/api/v1/retention/approvals',
    // Whoever may keep a month from being dropped may also let it go.
    access: 'hold',
    describe: {
      summary:
        'Approves that a month is dropped as its manifest of this moment has it; the next run of retention picks it up. Who did it is recorded',
      tag: 'retention',
      body: { content: { [JSON_MEDIA_TYPE]: { schema: BODY_SCHEMA, example: { month: '2026-03' } } } },
      answers: {
        [CREATED]: { meaning: 'It is approved', content: { [JSON_MEDIA_TYPE]: { schema: APPROVAL_SCHEMA } } },
      },
      problems: [
        ...(['malformed-body', 'invalid-record', 'not-found', 'conflict'] as const),
        'database-unavailable',
      ],
    },
    async answer(request) {
      const name = readMonthName(readJsonBody(request));
      return fromDatabase(async () => {
        const approved = await approveDrop(writer, firstDayOf(name), request.caller.name, rules);
        const row = await selectMonth(writer, firstDayOf(name));
        if (row === undefined) throw new Problem('not-found', `the database has no month ${name}`);
        if (!approved)
          throw new Problem(
            'conflict',
            `${name} is ${row.state}: an approval is about the manifest of a month that is archived and not yet gone`,
          );
        return { ...jsonAnswer(approvalJson(row)), status: CREATED };
      });
    },
  };
}

/** As `retention revoke`. Who revoked it and when stay with the month, where GET /api/v1/partitions shows them. */
function revocationRoute(writer: pg.Pool, rules: RetentionRules): Route {
  return {
    method: 'DELETE',
    path: '/api/v1/retention/approvals/:month',
    access: 'hold',
    describe: {
      summary: 'Revokes the approval of a drop, as long as the month is not dropped. Who did it is recorded',
      tag: 'retention',
      path: { month: MONTH_SCHEMA },
      answers: {
        200: { meaning: 'It is revoked', content: { [JSON_MEDIA_TYPE]: { schema: REVOCATION_SCHEMA } } },
      },
      problems: ['invalid-parameter', 'not-found', 'conflict', 'database-unavailable'],
    },
    async answer({ params, query, caller }) {
      allowOnly(query, []);
      const month = readMonthParameter(params['month'] ?? '');
      const name = month.slice(0, 7);
      return fromDatabase(async () => {
        const revoked = await revokeApproval(writer, month, caller.name, rules);
        const row = await selectMonth(writer, month);
        if (row === undefined) throw new Problem('not-found', `the database has no month ${name}`);
        if (!revoked)
          throw new Problem(
            'conflict',
            `${name} is ${row.state} and has no approval that could be revoked: it was not approved, or it is dropped`,
          );
        return jsonAnswer({ month: name, revoked_by: caller.name });
      });
    },
  };
}

function readMonthName(body: JsonValue): string {
  if (!isJsonObject(body)) throw refuse('', 'must be an object');
  const [unknown] = Object.keys(body).filter((name) => name !== 'month');
  if (unknown !== undefined) throw refuse(`/${unknown}`, 'is not a field of an approval');
  const { month } = body;
  if (typeof month !== 'string' || !isMonth(month))
    throw refuse('/month', 'is required, as YYYY-MM, for example 2026-03');
  return month;
}

function refuse(pointer: string, detail: string): Problem {
  return new Problem('invalid-record', `approval: ${pointer} ${detail}`, { errors: [{ pointer, detail }] });
}

/** A month of the plan as it is answered, by the command line too. */
export function plannedJson({
  month,
  state,
  action,
  reason,
  sizeBytes,
  estimatedRows,
  holds,
  fault,
}: PlannedMonth) {
  return {
    month: month.slice(0, 7),
    ...{ state, action, reason },
    size_bytes: sizeBytes,
    estimated_rows: estimatedRows,
    holds: holds.map(({ id }) => id),
    fault,
  };
}

export function approvalJson({ month, approvedBy, approvedAt }: MonthRow) {
  return { month: month.slice(0, 7), approved_by: approvedBy, approved_at: approvedAt };
}

const PLANNED_EXAMPLE = {
  month: '2026-03',
  state: 'live',
  action: 'held',
  reason: 'hold 0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5 on namespace payments by auditor: case 17',
  size_bytes: 73_400_320,
  estimated_rows: 120_000,
  holds: ['0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5'],
  fault: null,
};

const PLAN_SCHEMA = listSchema(
  'RetentionPlan',
  named('PlannedMonth', {
    type: 'object',
    required: Object.keys(PLANNED_EXAMPLE),
    properties: {
      month: MONTH_SCHEMA,
      state: PARTITION_STATE_SCHEMA,
      action: { type: 'string', enum: [...RETENTION_ACTIONS] },
      reason: { type: 'string' },
      size_bytes: { type: 'integer', description: 'Of its tables and indexes in the database' },
      estimated_rows: { type: 'integer' },
      holds: { type: 'array', items: { type: 'string', format: 'uuid' } },
      fault: { type: ['string', 'null'], description: 'Why retention last stopped at it' },
    },
  }),
);

const BODY_SCHEMA = named('ApprovalRequest', {
  type: 'object',
  required: ['month'],
  properties: { month: MONTH_SCHEMA },
  additionalProperties: false,
});

const APPROVAL_SCHEMA = named('Approval', {
  type: 'object',
  required: ['month', 'approved_by', 'approved_at'],
  properties: {
    month: MONTH_SCHEMA,
    approved_by: { type: 'string' },
    approved_at: { type: 'string', format: 'date-time' },
  },
});

const REVOCATION_SCHEMA = named('RevokedApproval', {
  type: 'object',
  required: ['month', 'revoked_by'],
  properties: { month: MONTH_SCHEMA, revoked_by: { type: 'string' } },
});

/** Where each month is. */
export function partitionRoute(pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: '/api/v1/partitions',
    access: 'list',
    describe: {
      summary: 'Where each month is, newest first',
      tag: 'retention',
      answers: { 200: { meaning: 'The months', content: { [JSON_MEDIA_TYPE]: { schema: SCHEMA } } } },
      problems: ['invalid-parameter', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, []);
      const items = await fromDatabase(() => selectMonths(pool));
      return jsonAnswer({ items }, items.length);
    },
  };
}

const SCHEMA = listSchema(
  'PartitionList',
  named('Partition', {
    type: 'object',
    required: ['month', 'state'],
    properties: {
      month: MONTH_SCHEMA,
      state: PARTITION_STATE_SCHEMA,
      approved_by: { type: ['string', 'null'], description: 'Who approved that it is dropped' },
      approved_at: { type: ['string', 'null'], format: 'date-time' },
      revoked_by: { type: ['string', 'null'], description: 'Who last took an approval back' },
      revoked_at: { type: ['string', 'null'], format: 'date-time' },
    },
  }),
);
