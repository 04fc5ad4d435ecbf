import type { TakenObservation, WatcherRecord } from './watcher-record.ts';
import type { WatcherWriter, WrittenRemediation } from './watcher-writer.ts';

/** Holds what was reported against what was written. Returns every guarantee that did not hold, in words. */
export function judge(record: WatcherRecord, writer: WatcherWriter): readonly string[] {
  const written = new Map(writer.written.map((one) => [one.uid, one]));
  return [
    ...phantoms(record.taken, written),
    ...writer.written.flatMap((one) => judgeVerdict(record, one)),
    ...disorder(record.taken),
    ...workflows(record.taken),
  ];
}

function judgeVerdict(
  { reported }: WatcherRecord,
  { uid, phase, isTerminal, isDeleted }: WrittenRemediation,
): string[] {
  const isReported = (what: string): boolean => reported.has(`${uid} ${what}`);
  if (!isDeleted) return isReported('deleted') ? [`${uid} is there, and its deletion was reported`] : [];
  if (!reported.has(uid)) return [];
  if (isTerminal)
    return isReported('verdict terminal') ? [] : [`${uid} ended as ${phase} without its verdict`];
  const wrong = isReported('verdict terminal') ? [`${uid} did not end and has the verdict terminal`] : [];
  return isReported('verdict deleted-before-terminal')
    ? wrong
    : [...wrong, `${uid} was deleted without a verdict`];
}

function phantoms(
  taken: readonly TakenObservation[],
  written: ReadonlyMap<string, WrittenRemediation>,
): string[] {
  return taken.flatMap(({ observation: { resource, columns } }) => {
    const one = written.get(resource?.uid ?? '');
    if (one === undefined) return [`${resource?.uid ?? 'nobody'} was reported and never written`];
    const phase = columns['overall_phase'];
    const isWritten = phase === undefined || one.phases.has(String(phase));
    return isWritten ? [] : [`${one.uid} was reported as ${String(phase)}, which it never was`];
  });
}

/** Per life of a watcher: another life may send the newest state again. */
function disorder(taken: readonly TakenObservation[]): string[] {
  const newest = new Map<string, bigint>();
  return taken.flatMap(({ life, observation: { resource, sourceVersion } }) => {
    const one = `${resource?.uid ?? ''} of life ${life}`;
    const version = BigInt(sourceVersion);
    const before = newest.get(one) ?? version;
    newest.set(one, version);
    return version < before ? [`${one} was reported at ${version} after ${before}`] : [];
  });
}

function workflows(taken: readonly TakenObservation[]): string[] {
  const names = new Map<string, string>();
  return taken.flatMap(({ remediation: { uid, name, namespace, cluster } }) => {
    const workflow = `${cluster}/${namespace}/${name}`;
    const before = names.get(uid) ?? workflow;
    names.set(uid, workflow);
    return before === workflow ? [] : [`${uid} has the workflows ${before} and ${workflow}`];
  });
}
