/*
 * Intake: what happens to a posted record. It is read by the definition of its kind, its secrets are redacted, it gets the
 * key that follows from its identity, and it is made durable: in the database, or in Temporal while that is down.
 *
 * What comes in: a definition, the JSON values of one post, who posted. What goes out: one answer or one problem per
 * record, in their order. A record that cannot be read or stored does not keep the others of its batch from being stored.
 *
 * What must stay true: 201 and 202 are sent only for what is durable; the same record posted again gives the same answer
 * and no second row; nothing unredacted is stored, logged or sent back.
 */
import type { RefusedRecord } from '../../database/recording/prepared-observation.ts';
import { SQLSTATE } from '../../database/sqlstate.ts';
import { instantOf, millisecondsOf, monthOf } from '../../domain/instant.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { PhaseChange } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { TimeSlice } from '../../domain/time-slice.ts';
import { DAY_MS, SECOND_MS } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { StorageFailure } from '../../observability/source-metrics.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Caller } from '../auth/gate.ts';
import { Problem } from '../http/problems.ts';
import type { CallerQuota } from '../http/quota.ts';
import type { ApiRequest } from '../http/route.ts';
import type { Deferral } from './deferring.ts';
import { createPostedEmbedding } from './deferring.ts';
import type { Durability, DurabilityOutcome } from './durability.ts';
import type { FieldError } from './field.ts';
import type { AcceptedPost } from './observation-of-post.ts';
import { observationOfPost } from './observation-of-post.ts';
import { isRefused } from './read-post.ts';

/**
 * What became of one posted record that is durable; the member `status` is the HTTP status, the others are
 * the body.
 */
export interface PostedAnswer {
  readonly status: number;
  /** Id of the record, which follows from its identity. */
  readonly id: string;
  /** The `id` that the client posted; absent when it posted none. */
  readonly client_id?: string;
  /** Partition key of the record. For a deferred record that of the observation. */
  readonly created_at: string;
  /** Accepted observations of the record so far; absent when it is not in the database yet. */
  readonly revision?: number;
  readonly unknown_fields?: readonly string[];
  readonly unrecognised_fields?: readonly string[];
  readonly repaired_fields?: readonly string[];
  readonly cut_fields?: readonly string[];
}

type FieldRemark = Extract<keyof PostedAnswer, `${string}_fields`>;

export interface Posting {
  /** One answer or problem per record, in their order. Throws the problem for which none of them is known to be durable. */
  post(
    definition: RecordDefinition,
    records: readonly (JsonValue | Problem)[],
    request: Pick<ApiRequest, 'caller' | 'may'>,
  ): Promise<readonly (PostedAnswer | Problem)[]>;
}

interface PostingOptions {
  readonly durability: Durability;
  /**
   * Its workflow also embeds the texts of analyses, once they are stored; without it they are only stored.
   */
  readonly deferral?: Deferral | undefined;
  /** How many of these texts each caller may have embedded. */
  readonly embeddings: CallerQuota;
  /** Replaces secrets before anything is stored, logged or answered. */
  readonly redactor: Redactor;
  /** The configured cluster. */
  readonly cluster: string;
  /** Status of a record that Temporal keeps while the database is away. 201, or 202 for clients that know one from the other. */
  readonly deferredStatusCode: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Clock in milliseconds: when a post was received. */
  readonly nowMs?: () => number;
}

const CREATED = 201;
/** Faults of one record that an answer names: a list of 256 KiB may have one for each of its items. */
const MOST_ERRORS = 100;

/** Reads, stores and answers posts; see the head of this file. Single records and batches go the same way. */
export function createPosting(options: PostingOptions): Posting {
  const { durability, metrics } = options;
  const embedding = createPostedEmbedding(options.deferral, metrics, options.embeddings);
  return {
    async post(definition, records, request) {
      const startedAt = performance.now();
      const seconds = (): number => (performance.now() - startedAt) / SECOND_MS;
      const readable = await readInSlices(records, (record) =>
        record instanceof Problem ? record : tryToRead(definition, record, options, request.caller),
      );
      const read = await placeAll(definition, readable, request);
      const accepted = read.filter((post): post is AcceptedPost => !(post instanceof Problem));
      let outcomes: readonly DurabilityOutcome[];
      try {
        outcomes = await keepPlaced(durability, accepted, request);
      } catch (error: unknown) {
        accepted.forEach(() => {
          metrics.sources.failed(definition.table, failureOf(error), seconds());
        });
        throw error;
      }
      embedding.embed(
        accepted.flatMap(({ observation }, index) =>
          outcomes[index]?.status === 'stored' ? [observation] : [],
        ),
        request.caller.name,
      );
      // Outcomes are there for accepted records only; the answers are for all, in their order.
      let next = 0;
      return read.map((post) => {
        if (post instanceof Problem) {
          count(metrics, definition, 'refused');
          metrics.sources.failed(definition.table, 'marshal_error', seconds());
          return post;
        }
        const outcome = outcomes[next];
        const answer = answerOf(definition, post, outcome, options.deferredStatusCode);
        next += 1;
        countPosted(metrics, { definition, post, answer, phases: phasesOf(outcome), seconds: seconds() });
        return answer;
      });
    },
  };
}

/** Twenty records of the largest size may each take a fifth of a second: others are answered between two of them. */
async function readInSlices<Read>(
  records: readonly (JsonValue | Problem)[],
  read: (record: JsonValue | Problem) => Read,
): Promise<Read[]> {
  const slice = new TimeSlice();
  const results: Read[] = [];
  for (const record of records) {
    if (slice.isUsedUp()) await slice.yield();
    results.push(read(record));
  }
  return results;
}

/** A mistake of ours about one record must not take the others of its batch with it. */
function tryToRead(
  definition: RecordDefinition,
  record: JsonValue,
  options: PostingOptions,
  caller: Caller,
): AcceptedPost | Problem {
  try {
    return readRecord(definition, record, options, caller);
  } catch (error: unknown) {
    // Not the error's message, which may quote what was to be redacted; the frames say where to look.
    const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
    const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
    options.logger.error(
      { kind: definition.kind, caller: caller.name, cause: name, frames },
      'a posted record cannot be prepared for storing; it was refused',
    );
    const detail = `${definition.kind}: the service cannot prepare this record; keep it and report it`;
    return new Problem('unpreparable-record', detail, { cause: error });
  }
}

/**
 * Lets what lies far from its receipt pass, marked, where the caller may put records anywhere; else it is a problem. The
 * right is asked for only where a record is not of the month in which it was received.
 */
async function placeAll(
  definition: RecordDefinition,
  posts: readonly (AcceptedPost | Problem)[],
  request: Pick<ApiRequest, 'may'>,
): Promise<readonly (AcceptedPost | Problem)[]> {
  if (!posts.some(isElsewhere)) return posts;
  const mayBackfill = await request.may('backfill');
  return posts.map((post) => {
    if (!isElsewhere(post)) return post;
    if (mayBackfill) return { ...post, observation: { ...post.observation, backfill: true } };
    return post.farAway === undefined ? post : invalidRecord(definition, [post.farAway]);
  });
}

/**
 * A post of this month may be about a record that lives in an archived one: only the database knows where a record is. Whoever
 * may backfill has it recorded there; the right is asked for when the database has refused the others.
 */
async function keepPlaced(
  durability: Durability,
  accepted: readonly AcceptedPost[],
  request: Pick<ApiRequest, 'may'>,
): Promise<readonly DurabilityOutcome[]> {
  const observations = accepted.map(({ observation }) => observation);
  const outcomes = await durability.keep(observations);
  const isClosed = (outcome: DurabilityOutcome | undefined): boolean =>
    outcome?.status === 'refused' && outcome.sqlstate === SQLSTATE.month_closed;
  const closed = observations.filter((_, index) => isClosed(outcomes[index]));
  if (closed.length === 0 || !(await request.may('backfill'))) return outcomes;
  const again = await durability.keep(closed.map((observation) => ({ ...observation, backfill: true })));
  const answers = again.values();
  return outcomes.map((outcome) => (isClosed(outcome) ? (answers.next().value ?? outcome) : outcome));
}

function isElsewhere(post: AcceptedPost | Problem): post is AcceptedPost {
  if (post instanceof Problem) return false;
  const { createdAt, observedAt } = post.observation;
  return post.farAway !== undefined || monthOf(createdAt) !== monthOf(observedAt);
}

/** An observation, or one problem that names every fault of the record, up to a number of them. */
function readRecord(
  definition: RecordDefinition,
  record: JsonValue,
  { redactor, cluster, nowMs = Date.now }: PostingOptions,
  caller: Caller,
): AcceptedPost | Problem {
  const receivedAt = instantOf(nowMs());
  const post = observationOfPost(definition, record, { receivedAt, cluster, actor: caller.name, redactor });
  return isRefused(post) ? invalidRecord(definition, post.errors) : post;
}

function invalidRecord({ kind }: RecordDefinition, errors: readonly FieldError[]): Problem {
  const [first] = errors;
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `${kind}: ${first?.pointer ?? ''} ${first?.detail ?? ''}${others}`;
  return new Problem('invalid-record', detail, { errors: errors.slice(0, MOST_ERRORS) });
}

function answerOf(
  definition: RecordDefinition,
  post: AcceptedPost,
  outcome: DurabilityOutcome | undefined,
  deferredStatusCode: number,
): PostedAnswer | Problem {
  if (outcome === undefined) throw new Error('durability answered fewer records than it was sent');
  if (outcome.status === 'refused') return unstorable(definition, outcome);
  if (outcome.status === 'not-durable') return outcome.problem;
  const { clientId } = post;
  return {
    status: outcome.status === 'stored' ? CREATED : deferredStatusCode,
    id: outcome.id,
    ...(clientId === undefined ? {} : { client_id: clientId }),
    created_at: outcome.createdAt,
    ...(outcome.status === 'stored' ? { revision: outcome.revision } : {}),
    ...remarksOf(post),
  };
}

/** What was done to single fields; a list that is empty is left out. */
function remarksOf(post: AcceptedPost): Pick<PostedAnswer, FieldRemark> {
  const remarks: Readonly<Record<FieldRemark, readonly string[]>> = {
    unknown_fields: post.unknownFields,
    unrecognised_fields: post.unrecognisedFields,
    repaired_fields: post.repairedFields,
    cut_fields: post.cutFields,
  };
  return Object.fromEntries(Object.entries(remarks).filter(([, fields]) => fields.length > 0));
}

/** What the database says of months itself, without any value of the record; what to do follows here. */
const PLACEMENT_REMEDIES: Readonly<Record<string, string>> = {
  [SQLSTATE.month_closed]:
    'the record lives there, or its created_at puts it there; only a caller with the verb backfill writes into it',
  [SQLSTATE.months_exhausted]: 'post the rest tomorrow, or raise REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY',
};

/** The database names a constraint, an index or our own column; its words may quote the value and are not passed on. */
function unstorable(definition: RecordDefinition, { reason, sqlstate }: RefusedRecord): Problem {
  const remedy = PLACEMENT_REMEDIES[sqlstate];
  if (remedy !== undefined) {
    const errors = [{ pointer: '/created_at', detail: `${reason}; ${remedy}` }];
    return new Problem('unstorable-record', `${definition.kind}: ${reason}; ${remedy}`, { errors });
  }
  const named = definition.columns
    .map(({ name }) => name)
    .filter((name) =>
      new RegExp(`(?:^|[^a-z])(?:${definition.table}_)?${name}(?:_check|_idx|[^a-z_]|$)`).test(reason),
    )
    // The longest name that fits: a shorter one may only be a part of it.
    .sort((left, right) => right.length - left.length)[0];
  const detail = `PostgreSQL refuses the record${named === undefined ? '' : ` because of ${named}`} (SQLSTATE ${sqlstate})`;
  const pointer = named === undefined ? '' : `/${named}`;
  return new Problem('unstorable-record', detail, {
    errors: [{ pointer, detail: 'cannot be stored as it is' }],
  });
}

interface CountedPost {
  readonly definition: RecordDefinition;
  readonly post: AcceptedPost;
  readonly answer: PostedAnswer | Problem;
  readonly phases: PhaseChange | undefined;
  readonly seconds: number;
}

/** What Temporal keeps has none yet: `work` stores it, and counts it. */
function phasesOf(outcome: DurabilityOutcome | undefined): PhaseChange | undefined {
  return outcome?.status === 'stored' ? outcome.phases : undefined;
}

/** Counts what was answered. Redactions are counted also for records that were then not stored. */
function countPosted(metrics: Metrics, counted: CountedPost): void {
  const { definition, post, answer, phases, seconds } = counted;
  for (const [kind, redacted] of Object.entries(post.redactions))
    metrics.api.redactions.inc({ kind }, redacted);
  if (answer instanceof Problem) {
    const isRefused = answer.type === 'unstorable-record';
    if (isRefused) count(metrics, definition, 'refused');
    metrics.sources.failed(definition.table, isRefused ? 'kubernetes_execution' : 'timeout', seconds);
    return;
  }
  count(metrics, definition, answer.revision === undefined ? 'deferred' : 'stored');
  const { createdAt, observedAt } = post.observation;
  if (Math.abs(millisecondsOf(createdAt) - millisecondsOf(observedAt)) > DAY_MS)
    metrics.api.recordsFarFromReceipt.inc({ kind: definition.kind });
  metrics.sources.stored(post.observation, seconds, phases);
}

function count(
  metrics: Metrics,
  { kind }: RecordDefinition,
  result: 'stored' | 'deferred' | 'refused',
): void {
  metrics.api.records.inc({ kind, result });
}

function failureOf(error: unknown): StorageFailure {
  return error instanceof Problem && error.type !== 'queue-full' ? 'timeout' : 'http_error';
}
