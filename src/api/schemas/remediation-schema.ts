import type { JsonObject } from '../../domain/json.ts';
import { named, orNull } from '../../domain/named-schema.ts';
import { ROW_SOURCES } from '../../query/combined-answer.ts';
import { HOW_KNOWN } from '../../query/remediation/decision.ts';
import { unsearchedSchema } from '../routes/storage-problems.ts';

const text = { type: ['string', 'null'] };
const instant = { type: ['string', 'null'], format: 'date-time' };
const number = { type: ['number', 'null'] };
const seconds = {
  type: ['number', 'null'],
  description: 'In seconds; null where a start or an end is unknown',
};

/** An object whose members are all there; what is not known is null. */
function objectOf(properties: JsonObject, description?: string): JsonObject {
  const described = description === undefined ? {} : { description };
  return { type: 'object', ...described, required: Object.keys(properties), properties };
}

const listOf = (items: JsonObject): JsonObject => ({ type: 'array', items });

const HOW_KNOWN_SCHEMA = {
  type: 'string',
  enum: [...HOW_KNOWN],
  description:
    'self-reported: the resource names them; managed-fields: the client that the API server noted; caller: who posted it',
};

const DECISION = named(
  'RemediationDecision',
  objectOf({
    kind: {
      type: 'string',
      enum: ['person', 'expiry', 'policy', 'analysis', 'routing', 'cancellation', 'open'],
    },
    decision: text,
    by: text,
    how_known: HOW_KNOWN_SCHEMA,
    via: text,
    at: instant,
    reason: text,
    override: {},
  }),
);

const PHASE = named(
  'RemediationPhase',
  objectOf({
    phase: { type: 'string' },
    started_at: { type: 'string', format: 'date-time' },
    ended_at: instant,
    duration_seconds: seconds,
  }),
);

const SESSION = objectOf({ name: text, phase: text, reason: text, acting_user: text });

const WHY = objectOf({
  analysis: text,
  cause: text,
  confidence: number,
  contributing_factors: listOf({}),
  causal_chain: listOf({}),
  due_diligence: { type: ['object', 'null'] },
  recommended: text,
  alternatives: { type: 'integer' },
  considered: {
    ...listOf(objectOf({ workflow: text, confidence: number, rationale: text })),
    description: 'Workflows beside the recommended one',
  },
  failure_reason: text,
  sessions: listOf(SESSION),
});

const EXECUTION = objectOf({
  name: text,
  workflow_name: text,
  workflow_id: text,
  workflow_version: text,
  target: text,
  phase: text,
  failure_reason: text,
  failure_message: text,
  started_at: instant,
  completed_at: instant,
  duration_seconds: seconds,
  deleted_at: instant,
});

const REFERENCE = named(
  'RemediationReference',
  objectOf({
    namespace: text,
    name: { type: 'string' },
    uid: text,
    source: { type: 'string', enum: [...ROW_SOURCES], description: 'Where its record was read' },
  }),
);

const BLOCK = objectOf({
  reason: text,
  message: text,
  target: text,
  workflow_name: text,
  conflicting_execution: text,
  conflicting_remediation: {
    ...orNull(REFERENCE),
    description: 'Whose execution it was; null where no record of that execution is known',
  },
  duplicate_of: text,
  original_remediation: {
    ...orNull(REFERENCE),
    description: 'The remediation of which it was a duplicate; null where it is not recorded',
  },
  blocked_until: instant,
});

const OUTCOME = objectOf({
  phase: text,
  outcome: text,
  failure_phase: text,
  failure_reason: text,
  message: text,
  verification: text,
  health_score: number,
  alert_score: number,
  metrics_score: number,
  pre_remediation_spec_hash: { ...text, description: 'Hash of the target before the remediation' },
  post_remediation_spec_hash: { ...text, description: 'Hash of the target right after it' },
  current_spec_hash: { ...text, description: 'Hash of the target when it was verified' },
  verified_at: instant,
  completed_at: instant,
  deleted_at: instant,
  final_state_unknown: { type: 'boolean' },
});

const WHAT = objectOf({
  target: text,
  signal: text,
  severity: text,
  environment: text,
  priority: text,
  fingerprint: text,
  started_at: instant,
  occurrences: {},
});

export const REMEDIATION_SUMMARY_SCHEMA = named(
  'RemediationSummary',
  objectOf({
    headline: { type: 'string', description: 'One line that says it all' },
    cluster: text,
    namespace: text,
    name: text,
    uid: text,
    verdict: text,
    what: WHAT,
    why: WHY,
    decided: DECISION,
    actors: {
      ...listOf(
        objectOf({
          actor: { type: 'string' },
          how_known: HOW_KNOWN_SCHEMA,
          kinds: listOf({ type: 'string' }),
        }),
      ),
      description:
        'Controllers, clients and callers that wrote what is recorded, in the order in which they first did',
    },
    blocks: listOf(BLOCK),
    executions: listOf(EXECUTION),
    outcome: OUTCOME,
    phases: listOf(PHASE),
    duration_seconds: seconds,
    missing: { ...listOf({ type: 'string' }), description: 'What ought to be recorded and is not' },
  }),
);

const EVENT = named(
  'TimelineEvent',
  objectOf({
    at: { type: 'string', format: 'date-time', description: 'Clock of the observer' },
    kind: { type: 'string', description: 'Kind of the record that the event is about' },
    event: { type: 'string' },
    actor: { ...text, description: 'Null where nothing says who it was' },
    how_known: HOW_KNOWN_SCHEMA,
    changes: listOf(objectOf({ field: { type: 'string' }, from: {}, to: {} })),
    source_version: { type: 'string', description: 'A 64-bit integer' },
  }),
);

export const TIMELINE_SCHEMA = named(
  'RemediationTimeline',
  objectOf({
    items: listOf(EVENT),
    is_complete: {
      type: 'boolean',
      description: 'False where only the earliest events are given; /ledger has all of it, page by page',
    },
    unsearched: unsearchedSchema,
  }),
);

const OBSERVED = objectOf({
  content_hash: { type: 'string' },
  observed_at: { type: 'string', format: 'date-time', description: 'Clock of the observer' },
  source_version: { type: 'string', description: 'A 64-bit integer' },
  phase: { type: 'string', description: 'Audit phase' },
});

const DIFFERENCE = named('Difference', {
  type: 'object',
  required: ['path'],
  properties: {
    path: { type: 'string', description: 'JSON Pointer into what was observed' },
    before: { description: 'Absent where the first observation says nothing of it' },
    after: { description: 'Absent where the second observation says nothing of it' },
  },
});

export const DIFF_SCHEMA = named(
  'RemediationDiff',
  objectOf({
    record_id: { type: 'string', format: 'uuid' },
    from: OBSERVED,
    to: OBSERVED,
    items: listOf(DIFFERENCE),
    is_complete: { type: 'boolean', description: 'False where only the first differences are given' },
    unsearched: unsearchedSchema,
  }),
);
