import type { Metrics } from '../../observability/metrics.ts';
import { Problem } from '../http/problems.ts';
import type { Caller, Gate } from './gate.ts';

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

/** Counts what a gate decides. */
export function countAdmissions(gate: Gate, { api: { admissions } }: Metrics): Gate {
  const admitted = (caller: Caller): Caller => {
    admissions.inc({ result: 'admitted' });
    return caller;
  };
  const turnedAway = (error: unknown): never => {
    admissions.inc({ result: resultOf(error) });
    throw error;
  };
  return {
    admit(authorization, verb) {
      try {
        const caller = gate.admit(authorization, verb);
        return caller instanceof Promise ? caller.then(admitted, turnedAway) : admitted(caller);
      } catch (error: unknown) {
        return turnedAway(error);
      }
    },
    close: () => gate.close(),
  };
}

function resultOf(error: unknown): string {
  const status = error instanceof Problem ? error.status : 0;
  if (status === UNAUTHENTICATED) return 'unauthenticated';
  return status === FORBIDDEN ? 'forbidden' : 'unavailable';
}
