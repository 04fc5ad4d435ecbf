import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { MAX_BODY_DEPTH } from '../domain/limits.ts';
import type { KubernautKind } from './kind.ts';
import type { ResourceReading, Unread } from './observed-remediation.ts';
import { isUnread } from './observed-remediation.ts';

/**
 * A kind that reads every JSON which an API server takes, and says with each reading how long the resource is. An API server
 * takes ten thousand levels; the stack of calls ends before that, and a resource that cannot be read would end the watch of
 * its kind, again at each start.
 */
export function takingAnyJson(kind: KubernautKind): KubernautKind {
  return {
    ...kind,
    read: (resource, context) => readAny(resource, (readable) => kind.read(readable, context)),
    readDeletion: (gone, context) =>
      gone.lastState === undefined
        ? kind.readDeletion(gone, context)
        : readAny(gone.lastState, (lastState) => kind.readDeletion({ ...gone, lastState }, context)),
  };
}

function readAny(
  resource: JsonObject,
  read: (resource: JsonObject) => ResourceReading | Unread,
): ResourceReading | Unread {
  const measured = (readable: JsonObject): ResourceReading | Unread => {
    const reading = read(readable);
    return isUnread(reading) ? reading : { ...reading, characters: JSON.stringify(readable).length };
  };
  try {
    return measured(resource);
  } catch (error: unknown) {
    if (!(error instanceof RangeError)) throw error;
    // The stack of calls is exhausted. To look for it before would cost each resource as much as to parse it.
    return measured(withoutDeepLevels(resource));
  }
}

/** What stands in the place of what is nested deeper than anything that is recorded. */
const TOO_DEEP = `[left out: nested deeper than ${MAX_BODY_DEPTH} levels]`;

interface Copying {
  readonly from: JsonValue[] | JsonObject;
  readonly to: JsonValue[] | JsonObject;
  readonly level: number;
}

/** A copy in which containers below MAX_BODY_DEPTH levels are a text. Without recursion, whatever the depth. */
function withoutDeepLevels(resource: JsonObject): JsonObject {
  const root: JsonObject = {};
  const waiting: Copying[] = [{ from: resource, to: root, level: 1 }];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const { from, to, level } = one;
    for (const [step, member] of Object.entries(from)) {
      const isContainer = Array.isArray(member) || isJsonObject(member);
      const copy = isContainer ? containerLike(member) : member;
      // An assignment would take a member `__proto__` for the prototype.
      Object.defineProperty(to, step, {
        value: isContainer && level === MAX_BODY_DEPTH ? TOO_DEEP : copy,
        ...{ writable: true, enumerable: true, configurable: true },
      });
      if (isContainer && level < MAX_BODY_DEPTH)
        waiting.push({ from: member, to: copy as JsonValue[] | JsonObject, level: level + 1 });
    }
  }
  return root;
}

const containerLike = (container: JsonValue[] | JsonObject): JsonValue[] | JsonObject =>
  Array.isArray(container) ? [] : {};
