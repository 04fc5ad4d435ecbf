import { instantOf } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { MAX_BATCH_RECORDS } from '../../domain/limits.ts';
import { named, schemaName } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { readBatchBody, readJsonBody } from '../http/json-body.ts';
import { Problem, problemBody } from '../http/problems.ts';
import type { Answer, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE } from '../http/route.ts';
import { lastMonth } from '../intake/observation-of-post.ts';
import type { PostedAnswer, Posting } from '../intake/posting.ts';
import { postSchema } from '../schemas/post-schema.ts';
import { PROBLEM_SCHEMA, problemMembers } from '../schemas/problem-schema.ts';
import { POST_EXAMPLES } from './post-examples.ts';

const CREATED = 201;
const ACCEPTED = 202;
const MULTI_STATUS = 207;

/** Kinds that controllers may post; the others only the watcher writes. */
export const POSTABLE_DEFINITIONS: readonly RecordDefinition[] = RECORD_DEFINITIONS.filter(
  (definition: RecordDefinition) => definition.postable !== false,
);

/** Two addresses for every kind that controllers may post: one record, and a batch of them. */
export function postRoutes(posting: Posting): readonly Route[] {
  return POSTABLE_DEFINITIONS.flatMap((definition) => [
    postOne(definition, posting),
    postBatch(definition, posting),
  ]);
}

/** One record: 201 when it is committed, 201 or 202 when Temporal keeps it, else the problem of this record. */
function postOne(definition: RecordDefinition, posting: Posting): Route {
  return {
    method: 'POST',
    path: `/api/v1/audit/${definition.kind}`,
    access: 'create',
    describe: {
      summary: `Stores one ${definition.kind} record`,
      tag: 'records',
      body: {
        content: {
          [JSON_MEDIA_TYPE]: { schema: bodySchema(definition), example: POST_EXAMPLES[definition.kind] },
        },
      },
      answers: {
        [CREATED]: {
          meaning: 'Committed, or, without a revision, durable in Temporal; posting it again changes nothing',
          content: posted(POSTED_SCHEMA),
        },
        [ACCEPTED]: {
          meaning:
            'Durable in Temporal while the database is away, where the service is set to distinguish them',
          content: posted(POSTED_SCHEMA),
        },
      },
      problems: POST_PROBLEMS,
    },
    async answer(request) {
      const [answer] = await posting.post(definition, [readJsonBody(request)], request);
      if (answer === undefined || answer instanceof Problem)
        throw answer ?? new Error('no answer for the record');
      const { status, ...body } = answer;
      return { status, mediaType: JSON_MEDIA_TYPE, body: JSON.stringify(body) };
    },
  };
}

/** A batch: the answer has one result per record, so that the client knows which of them to send again. */
function postBatch(definition: RecordDefinition, posting: Posting): Route {
  const example = [POST_EXAMPLES[definition.kind]];
  return {
    method: 'POST',
    path: `/api/v1/audit/${definition.kind}/batch`,
    access: 'create',
    describe: {
      summary: `Stores up to ${MAX_BATCH_RECORDS} ${definition.kind} records; a bad one costs only itself`,
      tag: 'records',
      body: {
        content: {
          [JSON_MEDIA_TYPE]: { schema: batchSchema(bodySchema(definition)), example },
          [NDJSON_MEDIA_TYPE]: { schema: { type: 'string', description: 'One record per line' } },
        },
      },
      answers: {
        [CREATED]: {
          meaning: 'All are committed, or, without a revision, durable in Temporal',
          content: posted(BATCH_SCHEMA),
        },
        [ACCEPTED]: {
          meaning: 'All are durable, some in Temporal, where the service distinguishes them',
          content: posted(BATCH_SCHEMA),
        },
        [MULTI_STATUS]: {
          meaning: 'Some are refused; the others are durable',
          content: posted(BATCH_SCHEMA),
        },
      },
      problems: ['batch-too-large', ...POST_PROBLEMS],
    },
    async answer(request) {
      const answers = await posting.post(definition, await readBatchBody(request), request);
      return batchAnswer(answers, request.id);
    },
  };
}

/** 207 as soon as one record has a problem; else 202 when Temporal keeps one of them, else 201. */
function batchAnswer(answers: readonly (PostedAnswer | Problem)[], requestId: string): Answer {
  const results = answers.map((answer) =>
    answer instanceof Problem ? problemBody(answer, requestId) : answer,
  );
  const isWhole = !answers.some((answer) => answer instanceof Problem);
  const highest = answers.reduce((status, answer) => Math.max(status, answer.status), CREATED);
  const status = isWhole ? highest : MULTI_STATUS;
  return { status, mediaType: JSON_MEDIA_TYPE, body: JSON.stringify({ results }) };
}

/** Problems of every post, single or batch. */
const POST_PROBLEMS = [
  'malformed-body',
  'invalid-record',
  'unstorable-record',
  'unpreparable-record',
  'body-too-large',
  'queue-full',
  'database-unavailable',
  'storage-unavailable',
] as const;

/** Made once, when the routes are: the last month that it allows is that of the start of the process. */
function bodySchema(definition: RecordDefinition): JsonObject {
  // The description names its dialect once for all schemas.
  const schema = postSchema(definition, lastMonth(instantOf(Date.now())));
  return named(
    schemaName(definition.kind, 'post'),
    Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema')),
  );
}

/** No longest length: a batch that is too long is answered as too large (413), not as malformed. */
function batchSchema(record: JsonObject): JsonObject {
  return {
    type: 'array',
    description: `At most ${MAX_BATCH_RECORDS} records; invalid records are rejected individually`,
    minItems: 1,
    items: record,
  };
}

function posted(schema: JsonObject) {
  return { [JSON_MEDIA_TYPE]: { schema } };
}

const POSTED_PROPERTIES: JsonObject = {
  id: { type: 'string', format: 'uuid', description: 'Id of the record' },
  client_id: { type: 'string', format: 'uuid', description: 'The id that the record was posted with' },
  created_at: { type: 'string', format: 'date-time', description: 'Where the record lives' },
  revision: { type: 'integer', minimum: 1, description: 'Accepted observations of the record so far' },
  unknown_fields: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields without a column, kept in `extra`',
  },
  unrecognised_fields: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields with a word that is in no vocabulary of ours, stored as it is',
  },
  repaired_fields: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields in which broken characters were replaced',
  },
  cut_fields: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields that were too large and lost their end; what is stored says how much',
  },
};

const POSTED_SCHEMA = named('Posted', {
  type: 'object',
  required: ['id', 'created_at'],
  properties: POSTED_PROPERTIES,
});

/** Members of either, because no generator of clients takes a choice between objects that share one. */
const BATCH_RESULT_SCHEMA = named('BatchResult', {
  type: 'object',
  description:
    'What became of one record: with status 201 or 202 it is posted, with another this is its problem',
  required: ['status'],
  properties: { ...POSTED_PROPERTIES, ...problemMembers(), status: { type: 'integer' } },
  if: { properties: { status: { type: 'integer', enum: [CREATED, ACCEPTED] } } },
  then: POSTED_SCHEMA,
  else: PROBLEM_SCHEMA,
});

const BATCH_SCHEMA = named('BatchPosted', {
  type: 'object',
  required: ['results'],
  properties: {
    results: {
      type: 'array',
      description: 'One per record, in their order',
      items: BATCH_RESULT_SCHEMA,
    },
  },
});
