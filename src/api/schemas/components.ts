import { isDeepStrictEqual } from 'node:util';

import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { nameOf } from '../../domain/named-schema.ts';

export interface Components {
  /** The same with a reference wherever a schema with a name stood. */
  readonly document: JsonValue;
  /** Every such schema once, by its name, with references to others in it. */
  readonly schemas: JsonObject;
}

/** Moves the schemas that have a name out of a description. Throws when two that differ have the same name. */
export function extractComponents(description: JsonValue): Components {
  const schemas: Record<string, JsonObject> = {};

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

function byName([left]: [string, JsonObject], [right]: [string, JsonObject]): number {
  return left < right ? -1 : 1;
}
