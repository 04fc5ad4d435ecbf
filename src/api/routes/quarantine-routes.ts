import type pg from 'pg';

import type { QuarantineEntry } from '../../database/recording/quarantine.ts';
import {
  selectQuarantine,
  selectQuarantineEntry,
  settleQuarantineEntry,
} from '../../database/recording/quarantine.ts';
import { isUuid } from '../../domain/column-types.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import { named } from '../../domain/named-schema.ts';
import type { Observation } from '../../domain/observation.ts';
import { invalidParameter, Problem, retryAfter } from '../http/problems.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import type { Durability, DurabilityOutcome } from '../intake/durability.ts';
import { listSchema } from '../schemas/list-schema.ts';
import { DEFAULT_PAGE_SIZE, limitSchema, readLimit, singleText } from './list-query.ts';
import { type DatabaseAccess, fromDatabase } from './storage-problems.ts';

const RETRY_SECONDS = 5;

/** Observations that PostgreSQL refused: listed with the reason, and tried again one by one. */
export function quarantineRoutes({ pool, writer }: DatabaseAccess, durability: Durability): readonly Route[] {
  return [listRoute(pool), redriveRoute(writer, durability)];
}

function listRoute(pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: '/api/v1/quarantine',
    access: 'list',
    describe: {
      summary: 'Observations that PostgreSQL refused, oldest first, with the reason',
      tag: 'quarantine',
      query: [
        { name: 'limit', meaning: 'Entries at most', schema: limitSchema(MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE) },
        {
          name: 'settled',
          meaning: 'Whether settled ones are listed too',
          schema: { type: 'boolean', default: false },
        },
      ],
      answers: { 200: { meaning: 'The entries', content: { [JSON_MEDIA_TYPE]: { schema: LIST_SCHEMA } } } },
      problems: ['invalid-parameter', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, ['limit', 'settled']);
      const settled = singleText(query, 'settled') ?? 'false';
      if (settled !== 'true' && settled !== 'false')
        throw invalidParameter('settled', 'must be true or false');
      const limit = readLimit(query);
      const entries = await fromDatabase(() =>
        selectQuarantine(pool, limit, { settled: settled === 'true' }),
      );
      return jsonAnswer({ items: entries.map(entryJson) }, entries.length);
    },
  };
}

function redriveRoute(writer: pg.Pool, durability: Durability): Route {
  return {
    method: 'POST',
    path: '/api/v1/quarantine/:id/redrive',
    access: 'restore',
    describe: {
      summary: 'Tries to store a refused observation again; settles its entry when that works',
      tag: 'quarantine',
      path: { id: { type: 'string', format: 'uuid' } },
      answers: {
        200: { meaning: 'It is stored', content: { [JSON_MEDIA_TYPE]: { schema: REDRIVEN_SCHEMA } } },
      },
      problems: ['not-found', 'conflict', 'unstorable-record', 'queue-full', 'database-unavailable'],
    },
    answer: (request) => redrive(writer, durability, request),
  };
}

async function redrive(
  writer: pg.Pool,
  durability: Durability,
  { params, caller }: ApiRequest,
): Promise<Answer> {
  const { id = '' } = params;
  return jsonAnswer(await redriveEntry(id, { writer, durability, by: caller.name }));
}

interface RedriveMeans {
  readonly writer: pg.Pool;
  readonly durability: Pick<Durability, 'keep'>;
  /** Who settles the entry. */
  readonly by: string;
}

/**
 * Stores a quarantined observation and then settles its entry, for the command line too. A process that ends between the two
 * leaves the entry open; trying it again changes nothing in the record. Throws a Problem where it is not stored.
 */
export async function redriveEntry(id: string, { writer, durability, by }: RedriveMeans) {
  const entry = await findEntry(writer, id);
  if (entry.resolvedAt !== null) {
    throw new Problem(
      'conflict',
      `it was settled by ${entry.resolvedBy ?? 'somebody'} at ${entry.resolvedAt}`,
    );
  }
  const observation = JSON.parse(entry.payload) as Observation;
  const [outcome] = await durability.keep([observation]);
  if (outcome?.status !== 'stored') throw redriveProblem(outcome, entry);
  await fromDatabase(() => settleQuarantineEntry(writer, id, by));
  return { id, record_id: outcome.id, created_at: outcome.createdAt, revision: outcome.revision };
}

/** Throws a Problem where there is none. */
export async function findEntry(pool: pg.Pool, id: string): Promise<QuarantineEntry> {
  const entry = isUuid(id) ? await fromDatabase(() => selectQuarantineEntry(pool, id)) : undefined;
  if (entry !== undefined) return entry;
  throw new Problem(
    'not-found',
    'no quarantined observation has this id; GET /api/v1/quarantine and `remediation-audit quarantine list` list them',
  );
}

/** What kept the observation from its row this time. The entry stays open in every case. */
function redriveProblem(
  outcome: Exclude<DurabilityOutcome, { status: 'stored' }> | undefined,
  { reason }: QuarantineEntry,
): Problem {
  switch (outcome?.status) {
    case 'not-durable':
      return outcome.problem;
    case 'deferred':
      return new Problem(
        'database-unavailable',
        'PostgreSQL did not answer in time; Temporal keeps the observation now: try it again to settle the entry',
        retryAfter(RETRY_SECONDS),
      );
    default: {
      const sqlstate = outcome?.status === 'refused' ? ` (SQLSTATE ${outcome.sqlstate})` : '';
      return new Problem('unstorable-record', `PostgreSQL refuses it again${sqlstate}: ${reason}`);
    }
  }
}

/** An entry as it is answered, by the command line too. */
export function entryJson(entry: QuarantineEntry) {
  return {
    id: entry.id,
    received_at: entry.receivedAt,
    table_name: entry.table,
    cluster: entry.cluster,
    remediation_uid: entry.remediationUid,
    reason: entry.reason,
    sqlstate: entry.sqlstate,
    payload: entry.payload,
    last_refused_at: entry.lastRefusedAt,
    refusals: entry.refusals,
    resolved_at: entry.resolvedAt,
    resolved_by: entry.resolvedBy,
  };
}

const instant = { type: 'string', format: 'date-time' };
const uuid = { type: 'string', format: 'uuid' };

const ENTRY_SCHEMA = named('QuarantineEntry', {
  type: 'object',
  required: ['id', 'received_at', 'table_name', 'reason', 'payload', 'refusals'],
  properties: {
    id: uuid,
    received_at: instant,
    table_name: { type: 'string' },
    cluster: { type: ['string', 'null'] },
    remediation_uid: { type: ['string', 'null'] },
    reason: { type: 'string', description: 'What PostgreSQL said' },
    sqlstate: { type: ['string', 'null'], description: 'Code of its error' },
    payload: { type: 'string', description: 'The observation as JSON text' },
    last_refused_at: { ...instant, description: 'The newest of `refusals`' },
    refusals: { type: 'integer' },
    resolved_at: {
      ...instant,
      type: ['string', 'null'],
      description: 'When it was settled; null while it is open',
    },
    resolved_by: { type: ['string', 'null'] },
  },
});

const LIST_SCHEMA = listSchema('QuarantineList', ENTRY_SCHEMA);

const REDRIVEN_SCHEMA = named('RedrivenEntry', {
  type: 'object',
  required: ['id', 'record_id', 'created_at', 'revision'],
  properties: { id: uuid, record_id: uuid, created_at: instant, revision: { type: 'integer' } },
});
