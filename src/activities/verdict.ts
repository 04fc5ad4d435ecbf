import type { VerdictReader } from '../database/reading/remediation-reader.ts';
import { reasonOf } from '../domain/errors.ts';
import type { VerdictActivities } from './types.ts';

export function createVerdictActivities(reader: VerdictReader): VerdictActivities {
  return {
    async readVerdict({ cluster, uid }) {
      try {
        return await reader.selectVerdict(cluster, uid);
      } catch (error: unknown) {
        const reason = reasonOf(error);
        throw new Error(`cannot read the verdict of remediation ${uid} in ${cluster}: ${reason}`, {
          cause: error,
        });
      }
    },
  };
}
