/*
 * What one observation of a record says that another one does not. An observation says only what it knows: a member that one of
 * the two does not have is unsaid there, which is not null.
 */
import { canonicalJson, isJsonObject, type JsonValue, pointerTo } from '../../domain/json.ts';
import { shortValue } from './timeline.ts';

interface Difference {
  /** JSON Pointer into what was observed. */
  readonly path: string;
  /** Absent where that observation says nothing of it. */
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

interface Differences {
  readonly items: readonly Difference[];
  /** False where there are more. */
  readonly is_complete: boolean;
}

/** Differences of one answer; of more, the first by path. */
const MAX_DIFFERENCES = 200;

/** The deepest members that differ, in the order of their names; long values are cut as those of the timeline. */
export function differencesOf(before: JsonValue, after: JsonValue): Differences {
  const items: Difference[] = [];
  for (const difference of walk('', before, after)) {
    if (items.length === MAX_DIFFERENCES) return { items, is_complete: false };
    items.push(difference);
  }
  return { items, is_complete: true };
}

type Side = JsonValue | undefined;

function* walk(path: string, before: Side, after: Side): Generator<Difference> {
  const steps = stepsOf(before, after);
  if (steps !== undefined) {
    for (const step of steps)
      yield* walk(pointerTo(path, step), memberOf(before, step), memberOf(after, step));
    return;
  }
  const isSame =
    before !== undefined && after !== undefined && canonicalJson(before) === canonicalJson(after);
  if (isSame) return;
  yield {
    path,
    ...(before === undefined ? {} : { before: shortValue(before) }),
    ...(after === undefined ? {} : { after: shortValue(after) }),
  };
}

/** Where both are of one kind that has members, these are compared. */
function stepsOf(before: Side, after: Side): readonly (string | number)[] | undefined {
  if (isJsonObject(before) && isJsonObject(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  if (Array.isArray(before) && Array.isArray(after))
    return Array.from({ length: Math.max(before.length, after.length) }, (_, index) => index);
  return undefined;
}

function memberOf(value: Side, step: string | number): Side {
  if (Array.isArray(value)) return value[Number(step)];
  return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}
