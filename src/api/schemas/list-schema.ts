import type { ColumnType } from '../../domain/column-types.ts';
import { columnType } from '../../domain/column-types.ts';
import type { JsonObject } from '../../domain/json.ts';
import { named, schemaName } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { ROW_SOURCES } from '../../query/combined-answer.ts';

/** Schema of an answer with all there is. */
export function listSchema(name: string, items: JsonObject): JsonObject {
  return named(name, {
    type: 'object',
    required: ['items'],
    properties: { items: { type: 'array', items } },
  });
}

/**
 * Schema of an answer with a part. `next_cursor` says where the next part begins; null on the last page.
 * `more` are further members, all of them required.
 */
export function pageSchema(name: string, items: JsonObject, more: JsonObject = {}): JsonObject {
  return named(name, {
    type: 'object',
    required: ['items', 'next_cursor', ...Object.keys(more)],
    properties: { items: { type: 'array', items }, next_cursor: { type: ['string', 'null'] }, ...more },
  });
}

/**
 * JSON Schema of a record as it is answered. Every column is there in every answer; one that is not known is
 * null.
 */
export function recordSchema(definition: RecordDefinition): JsonObject {
  return named(schemaName(definition.kind, 'record'), {
    type: 'object',
    description: definition.meaning,
    required: [...definition.columns.map(({ name }) => name), 'source'],
    properties: {
      ...Object.fromEntries(
        definition.columns.map(({ name, type, meaning, notNull }) => [
          name,
          { description: meaning, ...schemaOf(type, notNull === true) },
        ]),
      ),
      source: { type: 'string', enum: [...ROW_SOURCES], description: SOURCE_MEANING },
    },
  });
}

const SOURCE_MEANING =
  'Where it was read; `both`: the database has late observations of a record that is in the archive';

/** An empty schema for JSON columns: any value. */
function schemaOf(name: ColumnType, isNotNull: boolean): JsonObject {
  const { type, format } = columnType(name).answer;
  if (type === undefined) return {};
  return { type: isNotNull ? type : [type, 'null'], ...(format === undefined ? {} : { format }) };
}
