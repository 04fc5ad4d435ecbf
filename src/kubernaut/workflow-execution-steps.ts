import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, numberLexeme } from '../domain/json.ts';
import { durationOf } from './execution-times.ts';
import { at, textAt } from './resource.ts';

/** Steps of a step-level execution, in the JSON that the sources gave them. */
export function stepExecutionsOf(steps: JsonValue | undefined): string | undefined {
  if (!Array.isArray(steps) || steps.length === 0) return undefined;
  return canonicalJson(steps.map(stepOf));
}

function stepOf(step: JsonValue): JsonObject {
  const members: Readonly<Record<string, JsonValue | undefined>> = {
    step_number: at(step, 'stepNumber'),
    action: at(step, 'action'),
    duration: durationOf(undefined, step, ['startTime', 'endTime']),
    status: at(step, 'status'),
    retries_attempted: at(step, 'retriesAttempted'),
    error_message: textAt(step, 'errorMessage'),
  };
  const known: JsonObject = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) known[name] = value;
  return known;
}

/** How many steps have a status, or the number itself where a generation counts for us. */
export function countOf(status: string): (found: JsonValue | undefined) => string | undefined {
  return (found) => {
    if (Array.isArray(found)) return String(found.filter((step) => textAt(step, 'status') === status).length);
    const lexeme = numberLexeme(found);
    return lexeme !== undefined && /^\d{1,9}$/.test(lexeme) ? lexeme : undefined;
  };
}
