/*
 * Why a list is empty. An empty list reads as "nothing happened", and that is only one of the reasons.
 *
 * In: what is known of the clusters that the question is about, and what was not searched. Out: sentences, the most
 * important one first.
 */
import type { RecordState } from '../../database/reading/completeness.ts';
import type { Unsearched } from '../../query/combined-answer.ts';
import { monthsText, utcTime } from '../cells.ts';

interface EmptyList {
  readonly completeness: RecordState;
  /** Names that the question filters by; none for all. */
  readonly clusters: readonly string[];
  /** The window as instants. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly unsearched: Unsearched | undefined;
  readonly hasFilters: boolean;
}

export function whyEmpty(list: EmptyList): readonly string[] {
  const known = list.completeness.clusters;
  const asked =
    list.clusters.length === 0 ? known : known.filter(({ cluster }) => list.clusters.includes(cluster));
  return [
    ...unknownClusters(list),
    ...(known.length === 0
      ? ['No cluster has been watched yet, so nothing can have been recorded by a watcher.']
      : []),
    ...asked.flatMap((cluster) => watchedOf(cluster, list)),
    ...unsearchedOf(list.unsearched),
    ...gapsOf(list, asked),
    ...(list.hasFilters
      ? ['Nothing that was recorded matches all filters. Remove one of them to see more.']
      : ['Nothing has been recorded.']),
  ];
}

function unknownClusters({ completeness, clusters }: EmptyList): string[] {
  const names = completeness.clusters.map(({ cluster }) => cluster);
  const known =
    names.length === 0 ? 'Nothing of any cluster was observed.' : `Observed were: ${names.join(', ')}.`;
  return clusters
    .filter((cluster) => !cluster.endsWith('*') && !names.includes(cluster))
    .map((cluster) => `Nothing of a cluster named ${cluster} was observed. ${known}`);
}

/** From when on the cluster was watched, where that says something about the window. */
function watchedOf(
  { cluster, first_watched_at: from, state, detail }: RecordState['clusters'][number],
  { since, until }: EmptyList,
): string[] {
  const sentences: string[] = [];
  if (from === null) sentences.push(`${cluster} was never watched: only what was posted is recorded of it.`);
  else if (until !== undefined && until <= from)
    sentences.push(`${cluster} was watched from ${utcTime(from)} on, which is after the end of this window.`);
  else if (since === undefined || since < from)
    sentences.push(`${cluster} was watched from ${utcTime(from)} on: what ended before that was not seen.`);
  if (state === 'unknown' && detail !== null) sentences.push(`${cluster}: ${detail}.`);
  return sentences;
}

function unsearchedOf(unsearched: Unsearched | undefined): string[] {
  if (unsearched === undefined) return [];
  return [`Not searched: ${monthsText(unsearched.months)}, because ${unsearched.reason}.`];
}

function gapsOf(
  { completeness: { gaps, has_more_gaps: hasMore } }: EmptyList,
  asked: readonly { readonly cluster: string }[],
): string[] {
  const count = gaps.filter(({ cluster }) => asked.some((one) => one.cluster === cluster)).length;
  if (count === 0) return [];
  const number = `${hasMore ? 'At least ' : ''}${count} ${count === 1 ? 'gap is' : 'gaps are'}`;
  return [`${number} known in these clusters; Now lists them.`];
}
