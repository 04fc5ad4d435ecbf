import { isDeepStrictEqual } from 'node:util';

import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { nameOf } from '../../domain/named-schema.ts';
import type { ProblemType } from '../http/problems.ts';
import { PROBLEM_MEDIA_TYPE, PROBLEMS } from '../http/problems.ts';
import type { AnswerDescription, ContentDescription, QueryDescription, Route } from '../http/route.ts';
import { isTraced } from '../http/route.ts';
import { PROBLEM_SCHEMA } from './problem-schema.ts';

/** Problems that any route may answer: what the server itself finds wrong, and a defect of ours. */
const EVERYWHERE: readonly ProblemType[] = [
  'malformed-request',
  'request-timeout',
  'headers-too-large',
  'internal-error',
];
/** Problems of routes that ask who is calling. */
const BEHIND_THE_GATE: readonly ProblemType[] = ['unauthenticated', 'forbidden', 'authority-unavailable'];
/** Problems of routes that anybody may call who is on this machine, but no page of another origin. */
const BEHIND_THE_GUARD: readonly ProblemType[] = ['foreign-page', 'unknown-host'];
/** Problems of routes that may be sent a body. */
const WITH_A_BODY: readonly ProblemType[] = ['invalid-parameter', 'unsupported-media-type'];
/** Problems of routes that write `audit_access` before they answer. */
const TRACED: readonly ProblemType[] = ['database-unavailable', 'query-too-slow'];

/**
 * The OpenAPI 3.1 description of the routes. Everything in it follows from the routes, the record definitions
 * and the list of problems, so nothing is written a second time. The order of the routes is the order of the
 * description.
 *
 * Generators of Go and TypeScript clients have to take it (ADR 32); `test/api/generated-clients.soak.test.ts` runs
 * them.
 */
export function describeApi(routes: readonly Route[], { asksWhoCalls }: DescriptionOptions): JsonObject {
  const { document: paths, schemas } = extractComponents(describePaths(routes, { asksWhoCalls }));
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'remediation-audit',
      version: '1',
      description:
        'What was done to production, on what grounds, and with what result: takes records and answers questions.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Wherever the description came from.
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      ...(asksWhoCalls ? { securitySchemes: { bearer: BEARER } } : {}),
    },
  };
}

export interface DescriptionOptions {
  /** Whether callers have to show a token. */
  readonly asksWhoCalls: boolean;
}

function describePaths(routes: readonly Route[], options: DescriptionOptions): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, options) };
  }
  return paths;
}

function describeRoute(route: Route, { asksWhoCalls }: DescriptionOptions): JsonObject {
  const { summary, tag, body } = route.describe;
  const isGuarded = asksWhoCalls && route.access !== 'public';
  return {
    operationId: operationId(route),
    summary,
    tags: [tag],
    // Said of open ones too: a reader can distinguish nothing needed from nothing said.
    security: isGuarded ? [{ bearer: [] }] : [],
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(body === undefined ? {} : { requestBody: { required: true, content: describeContent(body) } }),
    responses: describeAnswers(route, { asksWhoCalls }),
  };
}

/** `postAuditAiAnalysisBatch` for `POST /api/v1/audit/ai-analysis/batch`. */
function operationId({ method, path }: Route): string {
  const words = path
    .replace('/api/v1', '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** A parameter that the route does not describe is any text. */
function pathParameters({ path, describe }: Route): JsonValue[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: describe.path?.[name] ?? { type: 'string' },
  }));
}

/**
 * A parameter by itself is never required: a route whose parameters depend on each other says so in
 * `together`.
 */
function queryParameters({ describe }: Route): JsonValue[] {
  const { query = [], together } = describe;
  if (together !== undefined) return [parametersTogether(query, together)];
  return query.map(({ name, meaning, schema }) => ({ name, in: 'query', description: meaning, schema }));
}

/**
 * One object whose members are the parameters: only so can a description say how they depend on each other.
 * On the wire nothing changes: `form` and `explode` send each member as a parameter of its own.
 */
function parametersTogether(query: readonly QueryDescription[], together: JsonObject): JsonObject {
  const members = query.map(({ name, meaning, schema }): [string, JsonValue] => [
    name,
    { ...schema, description: meaning },
  ]);
  return {
    name: 'question',
    in: 'query',
    required: true,
    style: 'form',
    explode: true,
    schema: {
      type: 'object',
      properties: Object.fromEntries(members),
      additionalProperties: false,
      ...together,
    },
  };
}

function describeContent({ content }: ContentDescription): JsonObject {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, { schema, example }]) => [
      mediaType,
      { schema, ...(example === undefined ? {} : { example: example as JsonValue }) },
    ]),
  );
}

/**
 * Answers by status. Problems with one status share one entry, which names their types; the body's `type`
 * says which it is.
 */
function describeAnswers(route: Route, { asksWhoCalls }: DescriptionOptions): JsonObject {
  const { method, access, probe, describe } = route;
  const answers = Object.entries<AnswerDescription>(describe.answers).map(
    ([status, answer]): [string, JsonObject] => [
      status,
      { description: answer.meaning, content: describeContent(answer) },
    ],
  );
  const problems = new Set([
    ...(describe.problems ?? []),
    ...EVERYWHERE,
    ...(access === 'public' ? [] : (['shutting-down'] as const)),
    ...(method === 'GET' ? [] : WITH_A_BODY),
    ...(asksWhoCalls && access !== 'public' ? BEHIND_THE_GATE : []),
    ...(asksWhoCalls || probe === true ? [] : BEHIND_THE_GUARD),
    ...(isTraced(route) ? TRACED : []),
  ]);
  const byStatus = Map.groupBy(problems, (problem) => String(PROBLEMS[problem].status));
  const refusals = [...byStatus].map(([status, types]): [string, JsonObject] => [
    status,
    {
      description: types.map((type) => `\`${type}\``).join(', '),
      content: { [PROBLEM_MEDIA_TYPE]: { schema: PROBLEM_SCHEMA } },
    },
  ]);
  return Object.fromEntries([...answers, ...refusals]);
}

const BEARER: JsonObject = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token of the cluster, or one of the tokens file',
};

interface Components {
  /** The same with a reference wherever a schema with a name stood. */
  readonly document: JsonValue;
  /** Every such schema once, by its name, with references to others in it. */
  readonly schemas: JsonObject;
}

/**
 * Moves the schemas that have a name out of a description, and puts references in their place, also within
 * other schemas. Throws when two that differ have the same name: one of them would be described wrongly.
 */
export function extractComponents(description: JsonValue): Components {
  const schemas: Record<string, JsonObject> = {};

  /** The members are replaced first, so that schemas are compared in the form in which they are written. */
  const referTo = (name: string, schema: JsonObject): JsonObject => {
    const content = withReferences(schema);
    const known = (schemas[name] ??= content);
    if (!isDeepStrictEqual(known, content))
      throw new Error(`the description has two schemas named ${name}; name one of them otherwise`);
    return { $ref: `#/components/schemas/${name}` };
  };
  const replace = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(replace);
    if (!isJsonObject(value)) return value;
    const name = nameOf(value);
    return name === undefined ? withReferences(value) : referTo(name, value);
  };
  const withReferences = (value: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replace(member)]));

  const document = replace(description);
  return { document, schemas: Object.fromEntries(Object.entries(schemas).toSorted(byName)) };
}

/** By code units, so that the description does not depend on the locale of the process. */
function byName([left]: [string, JsonObject], [right]: [string, JsonObject]): number {
  return left < right ? -1 : 1;
}
