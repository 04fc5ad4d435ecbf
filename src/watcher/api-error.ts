import type { JsonValue } from '../domain/json.ts';
import { at, numberAt, textAt } from '../kubernaut/resource.ts';

/** The version to continue from is gone: only a new list helps. */
export const HTTP_GONE = 410;

/** What the API server refused, whether as a status or as an event inside a stream. */
export class KubernetesApiError extends Error {
  readonly status: number;

  constructor(operation: string, status: number, reason: string) {
    super(`${operation}: the API server answered ${status} ${reason}`);
    this.name = 'KubernetesApiError';
    this.status = status;
  }
}

/** A `Status` object, as the server sends it in an error body and in an ERROR event. */
export function statusError(operation: string, status: JsonValue, httpStatus = 0): KubernetesApiError {
  const code = Number(numberAt(status, 'code') ?? httpStatus);
  const reason =
    textAt(status, 'message', 'reason') ?? JSON.stringify(at(status, 'kind') ?? 'without a reason');
  return new KubernetesApiError(operation, code, reason);
}
