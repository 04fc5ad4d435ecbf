import type { WatchedWorld } from './watched-world.ts';

/**
 * For each ledger entry the milliseconds from when the cluster took the state that it is of until the entry was
 * inserted; its transaction ends a few milliseconds later. All clocks are this machine's.
 */
export async function recordingDelays(
  { reader, writtenAtMs }: Pick<WatchedWorld, 'reader' | 'writtenAtMs'>,
  remediations: readonly string[],
): Promise<readonly number[]> {
  const { rows } = await reader.query<{ version: string; recordedAtMs: number }>(
    `select source_version::text as version, (extract(epoch from recorded_at) * 1000)::float8 as "recordedAtMs"
     from audit_ledger
     where remediation_uid = any($1::text[])`,
    [remediations],
  );
  return rows.flatMap(({ version, recordedAtMs }) => {
    const atMs = writtenAtMs.get(version);
    return atMs === undefined ? [] : [recordedAtMs - atMs];
  });
}
