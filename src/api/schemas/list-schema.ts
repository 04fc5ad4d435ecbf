import type { JsonObject } from '../../domain/json.ts';
import { named } from '../../domain/named-schema.ts';

/** An answer with all there is. */
export function listSchema(name: string, items: JsonObject): JsonObject {
  return named(name, {
    type: 'object',
    required: ['items'],
    properties: { items: { type: 'array', items } },
  });
}

/** An answer with a part, and where the next begins. */
export function pageSchema(name: string, items: JsonObject, more: JsonObject = {}): JsonObject {
  return named(name, {
    type: 'object',
    required: ['items', 'next_cursor', ...Object.keys(more)],
    properties: { items: { type: 'array', items }, next_cursor: { type: ['string', 'null'] }, ...more },
  });
}
