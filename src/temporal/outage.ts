import { isGrpcServiceError } from '@temporalio/client';

/** Statuses of gRPC by which Temporal, or the way to it, says that the same call may succeed later. */
const PASSING: ReadonlySet<number> = new Set([
  1, // CANCELLED
  2, // UNKNOWN: what a server says that is breaking down
  4, // DEADLINE_EXCEEDED
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  13, // INTERNAL: a broken connection in the middle of an answer
  14, // UNAVAILABLE
]);

/** Whether Temporal cannot be reached or cannot answer now. Anything else is a mistake of ours or of the configuration. */
export function isTemporalOutage(error: unknown): boolean {
  let fault = error;
  // The client wraps the error of gRPC, and keeps it as the cause.
  while (fault instanceof Error && !isGrpcServiceError(fault)) fault = fault.cause;
  return isGrpcServiceError(fault) && PASSING.has(fault.code);
}
