import type pg from 'pg';

import type { MonthRow } from '../../database/months/month-states.ts';
import { selectMonth } from '../../database/months/month-states.ts';
import { insertRestoreRequest } from '../../database/months/restore-requests.ts';
import { instantOf, monthOf } from '../../domain/instant.ts';
import type { JsonValue } from '../../domain/json.ts';
import { isJsonObject, numberLexeme } from '../../domain/json.ts';
import { FIRST_MONTH, MAX_RESTORED_DAYS } from '../../domain/limits.ts';
import { named, orNull } from '../../domain/named-schema.ts';
import { isTemporalOutage } from '../../temporal/connection.ts';
import type { Restores } from '../../temporal/restores.ts';
import { readJsonBody } from '../http/json-body.ts';
import { Problem, retryAfter } from '../http/problems.ts';
import type { CallerQuota } from '../http/quota.ts';
import type { ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { MONTH_SCHEMA, PARTITION_STATE_SCHEMA, readMonthParameter } from './month-parameter.ts';
import { type DatabaseAccess, fromDatabase } from './storage-problems.ts';

/** Restores, or which setting this process lacks to ask for any; the answer names it (501). */
type RestoreAccess = Restores | { readonly missing: string };

export interface RestoreRouteOptions {
  readonly restores: RestoreAccess;
  /** How long a restored month stays where the caller does not say. */
  readonly restoredDays: number;
}

type RestoreServices = RestoreRouteOptions & { readonly quota: CallerQuota };

const ACCEPTED = 202;
const RETRY_SECONDS = 5;
const PATH = '/api/v1/archives/:month/restore';

/**
 * A month brought back from the archive: asked for with POST, its progress with GET at the same address. The
 * work is done by a workflow of Temporal, one per month; these routes only store the request, start it and read its state.
 */
export function restoreRoutes({ pool, writer }: DatabaseAccess, options: RestoreServices): readonly Route[] {
  return [startRoute(writer, options), statusRoute(pool, options)];
}

function startRoute(writer: pg.Pool, { restores, restoredDays, quota }: RestoreServices): Route {
  return {
    method: 'POST',
    path: PATH,
    access: 'restore',
    describe: {
      summary:
        'Brings an archived month back into the database; verified against its signed manifest before it is attached',
      tag: 'retention',
      path: { month: MONTH_SCHEMA },
      body: { content: { [JSON_MEDIA_TYPE]: { schema: BODY_SCHEMA, example: { days: 30 } } } },
      answers: {
        [ACCEPTED]: {
          meaning:
            'The restore is running; GET the same address for its progress. A request that no restore takes up within 24 hours ends. A restore of the same month that runs already is returned, and ends for the days and the caller of this request',
          content: { [JSON_MEDIA_TYPE]: { schema: STARTED_SCHEMA } },
        },
      },
      problems: [
        ...(['malformed-body', 'invalid-record', 'invalid-parameter'] as const),
        ...(['not-found', 'conflict', 'too-many-requests', 'not-configured'] as const),
        ...(['temporal-unavailable', 'database-unavailable'] as const),
      ],
    },
    async answer(request) {
      const month = readMonthParameter(request.params['month'] ?? '');
      const days = readDays(request) ?? restoredDays;
      const name = month.slice(0, 7);
      requireRestorable(month, await fromDatabase(() => selectMonth(writer, month)));
      const workflows = configured(restores);
      quota.require(request.caller.name, 'restores');
      const wanted = { month, days, by: request.caller.name };
      // Before Temporal has it: the steps do what the database says was requested.
      await fromDatabase(() => insertRestoreRequest(writer, wanted));
      const workflow = await fromTemporal(() => workflows.start(wanted));
      const body = { month: name, days, requested_by: request.caller.name, workflow_id: workflow };
      return { ...jsonAnswer(body), status: ACCEPTED, headers: { location: PATH.replace(':month', name) } };
    },
  };
}

function statusRoute(pool: pg.Pool, { restores }: RestoreRouteOptions): Route {
  return {
    method: 'GET',
    path: PATH,
    access: 'list',
    describe: {
      summary: 'Where a month is, and how its last restore stands',
      tag: 'retention',
      path: { month: MONTH_SCHEMA },
      answers: { 200: { meaning: 'The month', content: { [JSON_MEDIA_TYPE]: { schema: STATUS_SCHEMA } } } },
      problems: [
        ...(['invalid-parameter', 'not-found', 'not-configured', 'temporal-unavailable'] as const),
        'database-unavailable',
      ],
    },
    async answer({ params, query }) {
      allowOnly(query, []);
      const month = readMonthParameter(params['month'] ?? '');
      const row = await fromDatabase(() => selectMonth(pool, month));
      const restore = await fromTemporal(() => configured(restores).status(month));
      if (row === undefined && restore === undefined)
        throw new Problem(
          'not-found',
          `this database never had ${month.slice(0, 7)}, and its restore was never requested`,
        );
      const { state = null, restoredBy = null, restoredUntil = null } = row ?? {};
      return jsonAnswer({
        month: month.slice(0, 7),
        state,
        restored_by: restoredBy,
        restored_until: restoredUntil,
        restore: restore ?? null,
      });
    },
  };
}

/** Throws `not-configured` (501) when this process cannot ask for restores. */
function configured(restores: RestoreAccess): Restores {
  if ('missing' in restores) throw new Problem('not-configured', restores.missing);
  return restores;
}

async function fromTemporal<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error: unknown) {
    if (!isTemporalOutage(error)) throw error;
    throw new Problem('temporal-unavailable', 'Temporal does not answer, and restores run there; ask again', {
      ...retryAfter(RETRY_SECONDS),
      cause: error,
    });
  }
}

/** What one query of the database can decide at once; the rest the restore itself finds out, and its status says so. */
function requireRestorable(month: string, row: MonthRow | undefined): void {
  const name = month.slice(0, 7);
  // A database that was made anew never had what its archive has.
  if (row === undefined) {
    if (month < FIRST_MONTH || month >= monthOf(instantOf(Date.now())))
      throw new Problem('not-found', `no archive has ${name}: months are archived when they are over`);
    return;
  }
  if (row.state === 'expired')
    throw new Problem(
      'conflict',
      `the archive of ${name} was removed because of its age; nothing is left of it`,
    );
  const isInDatabase = row.state === 'live' || row.state === 'archiving';
  if (isInDatabase && row.settledManifest === null)
    throw new Problem('conflict', `all of ${name} is in the database; there is nothing to restore`);
}

/** The body may be absent: undefined then means the configured number of days. */
function readDays(request: ApiRequest): number | undefined {
  if (request.body === undefined || request.body.length === 0) return undefined;
  const body = readJsonBody(request);
  if (!isJsonObject(body)) throw refuse('', 'must be an object');
  const [unknown] = Object.keys(body).filter((name) => name !== 'days');
  if (unknown !== undefined) throw refuse(`/${unknown}`, 'is not a field of a restore');
  return readWholeDays(body['days'] ?? null);
}

/** By the text of the number; text that reads like one is refused. */
function readWholeDays(value: JsonValue): number | undefined {
  if (value === null) return undefined;
  const days = Number(numberLexeme(value));
  if (!Number.isInteger(days) || days < 1 || days > MAX_RESTORED_DAYS)
    throw refuse('/days', `must be a whole number from 1 to ${MAX_RESTORED_DAYS}`);
  return days;
}

function refuse(pointer: string, detail: string): Problem {
  return new Problem('invalid-record', `restore: ${pointer} ${detail}`, { errors: [{ pointer, detail }] });
}

const BODY_SCHEMA = named('RestoreRequest', {
  type: 'object',
  properties: {
    days: {
      ...{ type: 'integer', minimum: 1, maximum: MAX_RESTORED_DAYS },
      description: 'How long retention leaves it alone; default is REMEDIATION_AUDIT_RESTORED_DAYS',
    },
  },
  additionalProperties: false,
});

const STARTED_SCHEMA = named('StartedRestore', {
  type: 'object',
  required: ['month', 'days', 'requested_by', 'workflow_id'],
  properties: {
    month: MONTH_SCHEMA,
    days: { type: 'integer' },
    requested_by: { type: 'string' },
    workflow_id: { type: 'string', examples: ['restore/2026-03'] },
  },
});

const RESTORE_SCHEMA = named('LastRestore', {
  type: 'object',
  required: ['status', 'detail'],
  properties: {
    status: { type: 'string', enum: ['running', 'done', 'failed'] },
    detail: { type: 'string' },
  },
});

const STATUS_SCHEMA = named('MonthRestore', {
  type: 'object',
  required: ['month', 'state', 'restored_by', 'restored_until', 'restore'],
  properties: {
    month: MONTH_SCHEMA,
    state: orNull(PARTITION_STATE_SCHEMA),
    restored_by: { type: ['string', 'null'], description: 'Of the last restore that succeeded' },
    restored_until: { type: ['string', 'null'], format: 'date-time' },
    restore: { ...orNull(RESTORE_SCHEMA), description: 'The last one that Temporal knows of' },
  },
});
