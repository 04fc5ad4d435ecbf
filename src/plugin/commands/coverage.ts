import { instantOrAgo } from '../../domain/length-of-time.ts';
import type { ApiClient } from '../connection/api-client.ts';
import { objectsIn, textAt } from './answers.ts';

/** Whether anybody watched, for an answer without rows: nothing happened, or nobody would know. */
interface Coverage {
  readonly isNeverWatched: boolean;
  readonly remarks: readonly string[];
}

interface Asked {
  readonly cluster: string | undefined;
  /** As they were typed. */
  readonly since: string | undefined;
  readonly until: string | undefined;
}

export async function coverageOf(
  client: ApiClient,
  { cluster, since, until }: Asked,
  nowMs: number,
): Promise<Coverage> {
  const { clusters } = await client.get('/api/v1/completeness', { cluster, limit: '1' });
  const watched = objectsIn(clusters).filter((one) => textAt(one, 'first_watched_at') !== null);
  const [from, to] = [since, until].map((text) =>
    text === undefined ? undefined : instantOrAgo(text, nowMs),
  );
  const covering = watched.filter((one) => to === undefined || (textAt(one, 'first_watched_at') ?? '') < to);
  if (watched.length === 0)
    return never(
      `nothing is known, because no watcher ever reported ${cluster === undefined ? 'any cluster' : `cluster ${cluster}`}`,
    );
  const sentences = watched.map((one) => {
    const first = textAt(one, 'first_watched_at') ?? '';
    const late = from !== undefined && from < first ? ', not at the beginning of what was asked' : '';
    return `cluster ${textAt(one, 'cluster') ?? ''} is watched since ${first.slice(0, 19)}Z${late}; its record is ${textAt(one, 'state') ?? 'unknown'}`;
  });
  if (covering.length === 0) return never(...sentences, 'nobody watched in the time that was asked about');
  return { isNeverWatched: false, remarks: sentences };
}

const never = (...remarks: readonly string[]): Coverage => ({ isNeverWatched: true, remarks });
