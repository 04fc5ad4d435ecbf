import { Problem } from './problems.ts';

/**
 * The offered media type that the client accepts most (RFC 9110); the first one where it accepts several
 * equally, or sends no `Accept`. Throws `not-acceptable` (406) when it accepts none of them.
 */
export function negotiate(accept: string, offered: readonly string[]): string {
  const wishes = accept
    .split(',')
    .map(readWish)
    .filter(({ range }) => range !== '');
  if (wishes.length === 0) return offered[0] ?? '';
  const ranked = offered
    .map((mediaType) => ({ mediaType, quality: qualityOf(mediaType, wishes) }))
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality);
  const [best] = ranked;
  if (best === undefined) throw new Problem('not-acceptable', `this address answers ${offered.join(', ')}`);
  return best.mediaType;
}

interface Wish {
  /** A media type, `type/*` or any; in lower case, without its parameters. */
  readonly range: string;
  /** 0 to 1; 0 refuses the range. */
  readonly quality: number;
}

/** A quality that is no number counts as 0. */
function readWish(text: string): Wish {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { range, quality: quality === undefined ? 1 : Number(quality) || 0 };
}

/** The most exact wish that covers the media type decides (RFC 9110). */
function qualityOf(mediaType: string, wishes: readonly Wish[]): number {
  const [type = ''] = mediaType.split('/');
  for (const range of [mediaType, `${type}/*`, '*/*']) {
    const wish = wishes.find((candidate) => candidate.range === range);
    if (wish !== undefined) return wish.quality;
  }
  return 0;
}
