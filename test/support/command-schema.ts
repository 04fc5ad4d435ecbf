import type { JsonObject } from '../../src/domain/json.ts';
import { isJsonObject } from '../../src/domain/json.ts';

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
