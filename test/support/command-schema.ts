import { expect } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import { isJsonObject } from '../../src/domain/json.ts';
import { createValidator } from './json-schema.ts';

/** Schemas that the description of the API names. */
export type Components = Readonly<Record<string, JsonObject>>;

interface Document {
  /** The command line that prints it. */
  readonly title: string;
  readonly kind: string;
  /** What it holds beside `apiVersion` and `kind`. */
  readonly answer: JsonObject;
}

/** The schema of what a command prints as JSON, complete in one file: what the description has elsewhere is in `$defs`. */
export function documentSchema({ title, kind, answer }: Document, components: Components): JsonObject {
  const form = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { apiVersion: { const: 'remediation-audit/v1' }, kind: { const: kind } },
    allOf: [withDefinitions(answer)],
  };
  const used = new Set<string>();
  collect(form, used, components);
  const definitions = [...used].toSorted().map((one) => [one, withDefinitions(components[one] ?? {})]);
  return { ...form, $defs: Object.fromEntries(definitions) as JsonObject };
}

/** Each of them is as the schema says, which takes no other version and no other kind. */
export function expectDocuments(documents: readonly JsonObject[], schema: JsonObject): void {
  const isValid = createValidator({ strict: false, validateFormats: false }).compile(schema);
  for (const document of documents) {
    expect(isValid(document), JSON.stringify(document)).toBe(true);
    expect(isValid({ ...document, apiVersion: 'remediation-audit/v2' })).toBe(false);
    expect(isValid({ ...document, kind: 'Other' })).toBe(false);
  }
}

/** The objects on the lines of what a command printed; other lines are for people. */
export function documentsIn(output: string): readonly JsonObject[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as JsonObject);
}

/** Of any report. Each has columns of its own, which the description of the API has. */
export function reportAnswer(components: Components): JsonObject {
  const { required, properties } = components['WorkflowOutcomesReport'] as unknown as {
    required: string[];
    properties: JsonObject;
  };
  const rows = { type: 'array', items: { type: 'object' } };
  return { type: 'object', required, properties: { ...properties, report: { type: 'string' }, rows } };
}

/** Of a description the schemas stand elsewhere. */
function withDefinitions(schema: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/')) as JsonObject;
}

function collect(value: unknown, used: Set<string>, components: Components): void {
  if (Array.isArray(value))
    value.forEach((item) => {
      collect(item, used, components);
    });
  if (!isJsonObject(value as JsonObject)) return;
  for (const [key, found] of Object.entries(value as JsonObject)) {
    const schema =
      key === '$ref'
        ? /^#\/(?:\$defs|components\/schemas)\/(.+)$/.exec(typeof found === 'string' ? found : '')?.[1]
        : undefined;
    if (schema === undefined) collect(found, used, components);
    else if (!used.has(schema)) {
      used.add(schema);
      collect(components[schema], used, components);
    }
  }
}
