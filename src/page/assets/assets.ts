/*
 * The files that a page loads. They come with the program and have no secret, so anybody may read them, and a browser may keep them.
 *
 * What must stay true: what is kept under an address never changes. The address that a page names has the hash of the file in it. While
 * versions are rolled out, a page of one may ask a process of the other: that answers its own file, which nobody keeps.
 */
import { createHash } from 'node:crypto';

import type { Route } from '../../api/http/route.ts';
import { PAGE_SCRIPT } from './script.ts';
import { PAGE_STYLE } from './style.ts';

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#175cd3"/><path d="M8 17l5 5 11-12" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

interface Asset {
  readonly mediaType: string;
  readonly body: string;
}

const ASSETS = {
  'page.css': { mediaType: 'text/css; charset=utf-8', body: PAGE_STYLE },
  'page.js': { mediaType: 'text/javascript; charset=utf-8', body: PAGE_SCRIPT },
  'icon.svg': { mediaType: 'image/svg+xml', body: ICON },
} as const satisfies Readonly<Record<string, Asset>>;

type AssetName = keyof typeof ASSETS;

const FOLDER = '/assets';

/** Of base64url: two versions of a file do not meet in 96 bits. */
const VERSION_LENGTH = 16;

const versionOf = (body: string): string =>
  createHash('sha256').update(body).digest('base64url').slice(0, VERSION_LENGTH);

const VERSIONS = Object.fromEntries(
  Object.entries(ASSETS).map(([name, { body }]) => [name, versionOf(body)]),
) as Readonly<Record<AssetName, string>>;

/** A year is for ever; and not even a reload asks again. */
const KEPT = { 'cache-control': 'public, max-age=31536000, immutable' } as const;

export const assetAddress = (name: AssetName): string => `${FOLDER}/${name}?v=${VERSIONS[name]}`;

export function assetRoutes(): readonly Route[] {
  return (Object.entries(ASSETS) as [AssetName, Asset][]).map(([name, { mediaType, body }]) => ({
    method: 'GET',
    path: `${FOLDER}/${name}`,
    access: 'public',
    describe: {
      summary: 'A file of the page',
      tag: 'page',
      query: [
        {
          name: 'v',
          meaning:
            'The version that a page names. That of this process may be kept; for any other its own file is answered',
          schema: { type: 'string' },
        },
      ],
      answers: { 200: { meaning: 'The file', content: {} } },
    },
    answer: ({ query }) => ({
      ...{ status: 200, mediaType, body },
      ...(query['v'] === VERSIONS[name] ? { headers: KEPT } : {}),
    }),
  }));
}
