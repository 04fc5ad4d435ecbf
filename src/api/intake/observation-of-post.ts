import { fitColumns } from '../../domain/cut.ts';
import { addMonths, instantOf, millisecondsOf, monthOf } from '../../domain/instant.ts';
import type { JsonValue } from '../../domain/json.ts';
import { pointerTo } from '../../domain/json.ts';
import {
  FIRST_MONTH,
  MAX_MONTHS_AHEAD,
  MAX_RECORD_BYTES,
  MAX_REDACTED_RECORD_BYTES,
  POST_DAYS_AHEAD,
  POST_DAYS_BACK,
} from '../../domain/limits.ts';
import type { Observation } from '../../domain/observation.ts';
import { POSTED_KIND, ROOM_FOR_POSTS } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { DAY_MS } from '../../domain/time.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { FieldError } from './field.ts';
import type { CarriedTime } from './post-identity.ts';
import { carriedTimes, keyOfPost, phaseOfPost } from './post-identity.ts';
import type { PostedRecord, RefusedRecord } from './read-post.ts';
import { isRefused, readPost } from './read-post.ts';

/*
 * Intake: what is posted becomes an observation, and the observation becomes durable.
 *
 * In: the JSON of one record and who posted it. Out: an observation that is durable, or every error of the record at once.
 * On the way: read each field by its column type (field.ts, read-post.ts), cut what is too large, replace secrets,
 * find the identity and the version of the post (post-identity.ts) and put the observation together (here). posting.ts then gives it to durability.ts: the
 * database, or Temporal while that is away (deferring.ts).
 *
 * Must stay true: the same post twice is the same record and the same version; what is not refused is never dropped, unknown
 * fields included; a refusal names the field, and never repeats its value.
 */

/**
 * What the service knows about a post and the post itself does not say. The observation follows from body and
 * context alone: no clock is asked.
 */
export interface PostContext {
  /** When it was accepted; for a deferred record the start of its workflow, so that a retry gives the same. */
  readonly receivedAt: string;
  /** The configured cluster; a post may name another. */
  readonly cluster: string;
  /** Service account or user that posted it. */
  readonly actor: string;
  /** Applied before anything is hashed, stored or sent. */
  readonly redactor: Pick<Redactor, 'redactColumns'>;
}

/** A post that can be stored, and what its answer says about it. */
export interface AcceptedPost {
  readonly observation: Observation;
  /** What is wrong with where it puts the record, unless its caller may do that. */
  readonly farAway: FieldError | undefined;
  /** The client's own id of the record, if it gave one. */
  readonly clientId: string | undefined;
  /** Fields without a column; they are in `extra`. */
  readonly unknownFields: readonly string[];
  /** Fields with a word that nobody here knows; it is stored as it is, and named in `extra`. */
  readonly unrecognisedFields: readonly string[];
  /** Fields in which characters that PostgreSQL does not take were replaced. */
  readonly repairedFields: readonly string[];
  /** Fields that were too large and lost their end. */
  readonly cutFields: readonly string[];
  /** How many values of each kind of secret were replaced. */
  readonly redactions: Readonly<Record<string, number>>;
}

/**
 * A posted record as an observation like any other: read, checked, redacted and with its identity. A repeated
 * post gives the same observation but for `observedAt`.
 *
 * A record that is not accepted comes back with every error at once; only the month is judged after the fields.
 */
export function observationOfPost(
  definition: RecordDefinition,
  body: JsonValue,
  context: PostContext,
): AcceptedPost | RefusedRecord {
  const posted = readPost(definition, body);
  if (isRefused(posted)) return posted;
  const { about, unknownFields, unrecognisedFields, repairedFields } = posted;
  if (about.created_at !== undefined && !isMonthAllowed(about.created_at, context.receivedAt)) {
    return { errors: [{ pointer: '/created_at', detail: allowedMonths(context.receivedAt) }] };
  }
  // Before it is redacted, which takes its time for each character; and after, because a placeholder is longer than a short secret.
  // Without a hash of what is left out, which would be one of secrets.
  const bound = fitColumns(definition, posted.columns, MAX_RECORD_BYTES);
  const { value: redacted, counts: redactions } = context.redactor.redactColumns(definition, bound.columns);
  const { columns, cutFields } = fitColumns(definition, redacted, MAX_REDACTED_RECORD_BYTES);
  // From here on only redacted columns, also in the key.
  const record: PostedRecord = { ...posted, columns: { ...columns, source_kind: POSTED_KIND } };
  const times = carriedTimes(definition, record.columns);
  const placement = placementOf(times, record, context.receivedAt);
  const observation: Observation = {
    table: definition.table,
    cluster: about.cluster ?? context.cluster,
    key: keyOfPost(definition, record),
    phase: phaseOfPost(definition, record.columns),
    sourceVersion: versionOf(times, record),
    createdAt: placement.createdAt,
    createdAtSource: placement.createdAtSource,
    observedAt: context.receivedAt,
    actor: context.actor,
    columns: record.columns,
  };
  const farAway = findFarAway(placement, context.receivedAt);
  const remarks = {
    ...{ unknownFields, unrecognisedFields, repairedFields, redactions },
    cutFields: [...new Set([...bound.cutFields, ...cutFields])],
  };
  return { observation, farAway, clientId: about.id, ...remarks };
}

/**
 * Below every version of a resource: a post fills what the watcher cannot know and never overrules what it
 * saw. Among posts of one record the greatest `revision` wins, else the latest time that they carry.
 */
function versionOf(times: readonly CarriedTime[], { about }: PostedRecord): string {
  if (about.revision !== undefined) return String(BigInt(about.revision) - ROOM_FOR_POSTS);
  // Never the clock of the service: the same record posted again must be a repetition.
  const carried = times.at(-1)?.instant;
  const latest = [carried, about.created_at]
    .filter((instant) => instant !== undefined)
    .sort()
    .at(-1);
  return String((latest === undefined ? 0n : BigInt(millisecondsOf(latest))) - ROOM_FOR_POSTS);
}

interface Placement extends Pick<Observation, 'createdAt' | 'createdAtSource'> {
  /** The field that decided it; undefined for the time of receipt. */
  readonly field?: string;
}

/**
 * Decides the month of the record: what the post says, else the earliest time that it carries, else when it
 * was accepted.
 */
function placementOf(times: readonly CarriedTime[], { about }: PostedRecord, receivedAt: string): Placement {
  if (about.created_at !== undefined)
    return { createdAt: about.created_at, createdAtSource: 'post', field: 'created_at' };
  // A time outside the months that can exist is kept as a value, but no record can live there.
  const earliest = times.find(({ instant }) => isMonthAllowed(instant, receivedAt));
  if (earliest !== undefined)
    return { createdAt: earliest.instant, createdAtSource: 'post', field: earliest.field };
  return { createdAt: receivedAt, createdAtSource: 'received' };
}

const DATE_LENGTH = '2026-11-21'.length;

/**
 * What is wrong with where a post puts its record, unless its caller may `backfill`: a record far from its receipt is in no
 * list that anybody looks at. The time of receipt counts, not that of storing: a deferred post is judged once.
 */
function findFarAway({ createdAt, field }: Placement, receivedAt: string): FieldError | undefined {
  if (field === undefined) return undefined;
  // Nearly all posts are of the day on which they come, and nothing is to be worked out.
  if (createdAt.slice(0, DATE_LENGTH) === receivedAt.slice(0, DATE_LENGTH)) return undefined;
  const receivedMs = millisecondsOf(receivedAt);
  const first = instantOf(receivedMs - POST_DAYS_BACK * DAY_MS);
  const last = instantOf(receivedMs + POST_DAYS_AHEAD * DAY_MS);
  if (createdAt >= first && createdAt <= last) return undefined;
  const bounds = `${POST_DAYS_BACK} days before to ${POST_DAYS_AHEAD} day after its receipt, ${first} to ${last}`;
  const remedy = 'only a caller with the verb backfill may put a record elsewhere';
  return {
    pointer: pointerTo('', field),
    detail: `decides where the record lives and must lie within ${bounds}; ${remedy}`,
  };
}

/** The bounds of `audit_create_month`: beyond them a time is a typing error. */
function isMonthAllowed(instant: string, receivedAt: string): boolean {
  const month = monthOf(instant);
  return month >= FIRST_MONTH && month <= lastMonth(receivedAt);
}

function allowedMonths(receivedAt: string): string {
  return `must lie in a month from ${FIRST_MONTH.slice(0, 7)} to ${lastMonth(receivedAt).slice(0, 7)}`;
}

/** First day of the last month that a record may live in. */
export function lastMonth(receivedAt: string): string {
  return addMonths(monthOf(receivedAt), MAX_MONTHS_AHEAD);
}
