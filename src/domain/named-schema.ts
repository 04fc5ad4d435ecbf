import type { JsonObject } from './json.ts';

/** Beside the schema and not in it: a copy with a change is another schema, and has no name until it gets one. */
const NAMES = new WeakMap<JsonObject, string>();

/** Gives a JSON Schema the name under which a description has it once, and refers to it everywhere else. */
export function named<Schema extends JsonObject>(name: string, schema: Schema): Schema {
  NAMES.set(schema, name);
  return schema;
}

export function nameOf(schema: JsonObject): string | undefined {
  return NAMES.get(schema);
}

/** `WorkflowExecution` for `workflow-execution` and `workflow_execution`. */
export function schemaName(...words: readonly string[]): string {
  return words
    .flatMap((word) => word.split(/[^A-Za-z0-9]+/))
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** A schema, or null. */
export function orNull(schema: JsonObject): JsonObject {
  return { oneOf: [schema, { type: 'null' }] };
}
