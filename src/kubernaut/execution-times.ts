import { formatInterval, intervalBetween, parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { textAt } from './resource.ts';

/**
 * From start to end where both are named, else the duration that the resource names, in the text of an
 * interval. Named durations are Go text or ISO 8601; undefined for any other text.
 */
export function durationOf(
  named: JsonValue | undefined,
  root: JsonValue | undefined,
  [startPath, endPath]: readonly [string, string],
): string | undefined {
  const [start, end] = [startPath, endPath].map((path) => parseInstant(textAt(root, path) ?? ''));
  if (start !== undefined && end !== undefined) return intervalBetween(start, end);
  const nanoseconds = typeof named === 'string' ? parseDuration(named) : undefined;
  return nanoseconds === undefined ? undefined : formatInterval(nanoseconds);
}

/** Of a WorkflowExecution. */
export function executionDuration(named: JsonValue | undefined, resource: JsonObject): string | undefined {
  return durationOf(named, resource, ['status.startTime', 'status.completionTime']);
}
