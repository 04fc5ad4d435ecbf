import type { JsonObject } from '../../domain/json.ts';
import { named, schemaName } from '../../domain/named-schema.ts';
import type { ProblemType } from '../http/problems.ts';
import { PROBLEMS, problemUrn } from '../http/problems.ts';

const FIELD_ERROR_SCHEMA = named('FieldError', {
  type: 'object',
  required: ['pointer', 'detail'],
  properties: {
    pointer: { type: 'string', description: 'JSON pointer, or the name of a parameter with a leading `?`' },
    detail: { type: 'string' },
  },
});

const TYPES = Object.keys(PROBLEMS) as ProblemType[];

/**
 * Members of a problem that is one of these types; of any type when none is given. `type` and `status` list
 * exactly the values that can occur.
 */
export function problemMembers(types: readonly ProblemType[] = TYPES): JsonObject {
  const statuses = new Set(types.map((type) => PROBLEMS[type].status));
  return {
    type: { type: 'string', enum: types.map(problemUrn) },
    title: { type: 'string' },
    status: { type: 'integer', enum: [...statuses] },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'The request, as the log names it' },
    errors: { type: 'array', items: FIELD_ERROR_SCHEMA },
  };
}

/** One schema per type; the discriminator of PROBLEM_SCHEMA names them. */
function schemaOf(type: ProblemType): JsonObject {
  return named(schemaName(type, 'problem'), {
    type: 'object',
    description: PROBLEMS[type].title,
    required: ['type', 'title', 'status', 'detail', 'instance'],
    properties: problemMembers([type]),
  });
}

/**
 * Any problem (RFC 9457); `type` says which one it is. It is the only choice between objects in the
 * description, because generators of clients take one only with a discriminator (ADR 32).
 */
export const PROBLEM_SCHEMA = named('Problem', {
  description: 'RFC 9457',
  oneOf: TYPES.map(schemaOf),
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(
      TYPES.map((type) => [problemUrn(type), `#/components/schemas/${schemaName(type, 'problem')}`]),
    ),
  },
});
