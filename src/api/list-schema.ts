import type { JsonObject } from '../domain/json.ts';

/** An answer with all there is. */
export function listSchema(items: JsonObject): JsonObject {
  return { type: 'object', required: ['items'], properties: { items: { type: 'array', items } } };
}

/** An answer with a part, and where the next begins. */
export function pageSchema(items: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    type: 'object',
    required: ['items', 'next_cursor', ...Object.keys(more)],
    properties: { items: { type: 'array', items }, next_cursor: { type: ['string', 'null'] }, ...more },
  };
}
