import type { ClusterObject } from './cluster-objects.ts';
import { EXECUTIONS, REMEDIATIONS } from './cluster-objects.ts';
import { SIMULATED_LABEL } from './labels.ts';
import type { Stage } from './play.ts';
import { executionName } from './workflow-execution.ts';

/**
 * Deletes simulated remediations whose retention is over, and those that an earlier run left unfinished for as long.
 * Answers the uids of what it deleted.
 */
export async function sweep(stage: Stage, playing: ReadonlySet<string>): Promise<string[]> {
  const { objects } = stage;
  // Before the remediations, so that none of these is younger than the list of its owners.
  const executions = (await objects.list(EXECUTIONS)).filter(isSimulated);
  const remediations = (await objects.list(REMEDIATIONS)).filter(isSimulated);
  const due = remediations.filter((object) => !playing.has(object.metadata.name) && isDue(object, stage));
  for (const remediation of due) await objects.delete(REMEDIATIONS, remediation);
  const kept = remediations.filter((remediation) => !due.includes(remediation));
  const wanted = new Set(kept.map(({ metadata }) => executionName(metadata.name)));
  // Where no garbage collector follows the owner references, nobody else takes the children along.
  for (const execution of executions) {
    if (!wanted.has(execution.metadata.name)) await objects.delete(EXECUTIONS, execution);
  }
  return due.map(({ metadata }) => metadata.uid);
}

const isSimulated = ({ metadata }: ClusterObject): boolean =>
  metadata.labels?.[SIMULATED_LABEL] !== undefined;

function isDue({ metadata, status }: ClusterObject, { now, retentionMs }: Stage): boolean {
  const expiry = status?.retentionExpiryTime;
  return (
    now() >=
    (expiry === undefined ? Date.parse(metadata.creationTimestamp) + retentionMs : Date.parse(expiry))
  );
}
