import type pg from 'pg';

import type { Hold, HoldScope } from '../../database/holds/holds.ts';
import { listHolds, placeHold, releaseHold, UnknownHoldError } from '../../database/holds/holds.ts';
import { isUuid, TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import { parseInstant } from '../../domain/instant.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import { named } from '../../domain/named-schema.ts';
import { readJsonBody } from '../http/json-body.ts';
import type { FieldError } from '../http/problems.ts';
import { invalidParameter, Problem } from '../http/problems.ts';
import type { Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import { listSchema } from '../schemas/list-schema.ts';
import { instantSchema, singleText } from './list-query.ts';
import { MONTH_SCHEMA } from './month-parameter.ts';
import { type DatabaseAccess, fromDatabase } from './storage-problems.ts';

const CREATED = 201;

/** Legal holds: listed, placed, released. A released one stays readable, and so do who did it and why. */
export function holdRoutes({ pool, writer }: DatabaseAccess): readonly Route[] {
  return [listRoute(pool), placeRoute(writer), releaseRoute(writer)];
}

function listRoute(pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: '/api/v1/holds',
    access: 'list',
    describe: {
      summary: 'Legal holds, newest first',
      tag: 'holds',
      query: [
        {
          name: 'released',
          meaning: 'Whether released ones are listed too',
          schema: { type: 'boolean', default: false },
        },
      ],
      answers: { 200: { meaning: 'The holds', content: { [JSON_MEDIA_TYPE]: { schema: LIST_SCHEMA } } } },
      problems: ['invalid-parameter', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, ['released']);
      const released = singleText(query, 'released') ?? 'false';
      if (released !== 'true' && released !== 'false')
        throw invalidParameter('released', 'must be true or false');
      const holds = await fromDatabase(() => listHolds(pool, { released: released === 'true' }));
      return jsonAnswer({ items: holds.map(holdJson) }, holds.length);
    },
  };
}

function placeRoute(writer: pg.Pool): Route {
  return {
    method: 'POST',
    path: '/api/v1/holds',
    access: 'hold',
    describe: {
      summary: 'Places a legal hold: no month with a matching row is dropped, rows that come later included',
      tag: 'holds',
      body: { content: { [JSON_MEDIA_TYPE]: { schema: HOLD_BODY_SCHEMA, example: HOLD_EXAMPLE } } },
      answers: {
        [CREATED]: { meaning: 'It holds', content: { [JSON_MEDIA_TYPE]: { schema: HOLD_SCHEMA } } },
      },
      problems: ['malformed-body', 'invalid-record', 'database-unavailable'],
    },
    async answer(request) {
      const { scope, reason } = readHold(readJsonBody(request));
      const hold = await fromDatabase(() => placeHold(writer, scope, { by: request.caller.name, reason }));
      return { ...jsonAnswer(holdJson(hold)), status: CREATED };
    },
  };
}

function releaseRoute(writer: pg.Pool): Route {
  return {
    method: 'DELETE',
    path: '/api/v1/holds/:id',
    access: 'hold',
    describe: {
      summary: 'Releases a legal hold; who did it stays readable',
      tag: 'holds',
      path: { id: { type: 'string', format: 'uuid' } },
      answers: {
        200: { meaning: 'It is released', content: { [JSON_MEDIA_TYPE]: { schema: HOLD_SCHEMA } } },
      },
      problems: ['not-found', 'invalid-parameter', 'database-unavailable'],
    },
    async answer({ params, query, caller }) {
      allowOnly(query, []);
      const { id = '' } = params;
      // PostgreSQL would answer text that is no UUID with an error, which is no outage and would be a 500.
      if (!isUuid(id)) throw unknownHold();
      return fromDatabase(async () => {
        try {
          return jsonAnswer(holdJson(await releaseHold(writer, id.toLowerCase(), caller.name)));
        } catch (error: unknown) {
          if (error instanceof UnknownHoldError) throw unknownHold();
          throw error;
        }
      });
    },
  };
}

function unknownHold(): Problem {
  return new Problem('not-found', 'no active hold has this id; GET /api/v1/holds lists them');
}

/** Members of the scope as the body names them. */
const SCOPE = {
  cluster: 'cluster',
  remediation_uid: 'remediationUid',
  namespace: 'namespace',
  target_resource: 'target',
  from_time: 'from',
  to_time: 'to',
} as const;
const TIMES: ReadonlySet<string> = new Set(['from_time', 'to_time']);

interface HoldRequest {
  readonly scope: HoldScope;
  readonly reason: string;
}

/**
 * Reads the body of a hold. Throws one problem with every field at fault. A field that is not known is
 * refused and not ignored: a misspelled member would hold more than was meant.
 */
function readHold(body: JsonValue): HoldRequest {
  if (!isJsonObject(body)) throw refuseHold([{ pointer: '', detail: 'must be an object' }]);
  const errors: FieldError[] = Object.keys(body)
    .filter((name) => name !== 'reason' && !Object.hasOwn(SCOPE, name))
    .map((name) => ({ pointer: `/${name}`, detail: 'is not a field of a hold' }));
  const scope: Record<string, string> = {};
  for (const [name, member] of Object.entries(SCOPE)) {
    const value = readMember(body, name, errors);
    if (value !== undefined) scope[member] = value;
  }
  const reason = readMember(body, 'reason', errors);
  if (errors.length === 0) errors.push(...gapsOf(scope, reason));
  if (errors.length > 0) throw refuseHold(errors);
  return { scope, reason: reason ?? '' };
}

/** What a hold lacks whose members are all readable. */
function gapsOf({ from, to, ...rest }: HoldScope, reason: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (reason === undefined)
    errors.push({ pointer: '/reason', detail: 'is required: the reason is stored with the hold' });
  if (from === undefined && to === undefined && Object.keys(rest).length === 0)
    errors.push({ pointer: '', detail: `must name what is held: ${Object.keys(SCOPE).join(', ')}` });
  if (from !== undefined && to !== undefined && from >= to)
    errors.push({ pointer: '/to_time', detail: 'must be later than from_time' });
  return errors;
}

/** A text or an instant; undefined when it is absent, or wrong and added to the errors. */
function readMember(body: JsonObject, name: string, errors: FieldError[]): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (value === undefined || value === null) return undefined;
  const read = isStorableText(value) ? readText(name, value) : undefined;
  if (read !== undefined) return read;
  const allowed = TIMES.has(name) ? 'an RFC 3339 time' : `text of 1 to ${MAX_IDENTIFIER_LENGTH} characters`;
  errors.push({ pointer: `/${name}`, detail: `must be ${allowed}` });
  return undefined;
}

/** What PostgreSQL takes as text, and is no longer than a column to compare it with. */
function isStorableText(value: JsonValue): value is string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return false;
  return value.isWellFormed() && Array.from(value).length <= MAX_IDENTIFIER_LENGTH;
}

function readText(name: string, text: string): string | undefined {
  return TIMES.has(name) ? parseInstant(text) : text;
}

function refuseHold(errors: readonly FieldError[]): Problem {
  const [first] = errors;
  return new Problem('invalid-record', `hold: ${first?.pointer ?? ''} ${first?.detail ?? ''}`, { errors });
}

/** A hold as it is answered, with every member of its scope; one that was not given is null. */
export function holdJson({ id, scope, reason, placedBy, placedAt, releasedBy, releasedAt, archive }: Hold) {
  return {
    id,
    ...Object.fromEntries(Object.entries(SCOPE).map(([name, member]) => [name, scope[member] ?? null])),
    reason,
    placed_by: placedBy,
    placed_at: placedAt,
    released_by: releasedBy ?? null,
    released_at: releasedAt ?? null,
    archive,
  };
}

const text = { ...TEXT_FILTER_SCHEMA, minLength: 1 };
const orNull = ({ type, ...rest }: { type: string }) => ({ type: [type, 'null'], ...rest });

const SCOPE_SCHEMA = Object.fromEntries(
  Object.keys(SCOPE).map((name) => [name, orNull(TIMES.has(name) ? instantSchema : text)]),
);

const HOLD_BODY_SCHEMA = named('HoldRequest', {
  type: 'object',
  required: ['reason'],
  properties: { reason: text, ...SCOPE_SCHEMA },
  // Something has to be held: not every one of them may be null or left out.
  not: { properties: Object.fromEntries(Object.keys(SCOPE).map((name) => [name, { type: 'null' }])) },
  additionalProperties: false,
});

const HOLD_EXAMPLE = {
  namespace: 'payments',
  from_time: '2026-03-01T00:00:00Z',
  to_time: '2026-04-01T00:00:00Z',
  reason: 'Audit of March',
};

const HELD_MONTH_SCHEMA = named('HeldMonth', {
  type: 'object',
  required: ['month', 'state', 'objects'],
  properties: {
    month: MONTH_SCHEMA,
    state: { type: 'string', enum: ['held', 'unsupported', 'released'] },
    objects: { type: 'integer' },
  },
});

export const HOLD_SCHEMA = named('Hold', {
  type: 'object',
  required: ['id', 'reason', 'placed_by', 'placed_at'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    ...SCOPE_SCHEMA,
    reason: { type: 'string' },
    placed_by: { type: 'string' },
    placed_at: instantSchema,
    released_by: orNull(text),
    released_at: orNull(instantSchema),
    archive: {
      description:
        'Archived months that it touches, and what the object store does: it gets the hold within a minute; `unsupported` if it knows no legal holds',
      type: 'array',
      items: HELD_MONTH_SCHEMA,
    },
  },
});

const LIST_SCHEMA = listSchema('HoldList', HOLD_SCHEMA);
