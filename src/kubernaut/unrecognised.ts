import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';

/** Everything that is understood of a kind: read into a column, or known and left out on purpose. */
export interface Understood {
  readonly [step: string]: Understood | true;
}

/** A tree of dotted paths; a path stands for everything below it. */
export function understood(paths: Iterable<string>): Understood {
  const root: Growing = {};
  for (const path of paths) insert(root, path.split('.'));
  return root;
}

/** The tree while it is made; `true` ends a path, and nothing longer is added below it. */
interface Growing {
  [step: string]: Growing | true;
}

function insert(node: Growing, [step = '', ...deeper]: readonly string[]): void {
  const next = (node[step] ??= {});
  if (next === true) return;
  if (deeper.length === 0) node[step] = true;
  else insert(next, deeper);
}

/**
 * Members of spec and status that no generation we know has, by path, so that a future one loses nothing. A member is
 * given whole, at the highest step that is unknown.
 */
export function unrecognisedOf(resource: JsonObject, known: Understood): JsonObject {
  const found: JsonObject = {};
  for (const part of ['spec', 'status']) {
    collect(part, resource[part], known[part], found);
  }
  return found;
}

function collect(
  path: string,
  value: JsonValue | undefined,
  known: Understood | true | undefined,
  found: JsonObject,
): void {
  if (known === true || value === undefined || isEmpty(value)) return;
  // Also a value of another kind where a struct is known: nothing below it can be read.
  if (known === undefined || !isJsonObject(value)) {
    found[path] = value;
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    collect(`${path}.${name}`, member, Object.hasOwn(known, name) ? known[name] : undefined, found);
  }
}

/** Structs that were never filled are written empty: reported, they would come with every object. */
function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}
