/*
 * The files that a page loads. They come with the program and have no secret, so anybody may read them.
 */
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

export const assetAddress = (name: AssetName): string => `${FOLDER}/${name}`;

export function assetRoutes(): readonly Route[] {
  return Object.entries(ASSETS).map(([name, { mediaType, body }]) => ({
    method: 'GET',
    path: `${FOLDER}/${name}`,
    access: 'public',
    describe: {
      summary: 'A file of the page',
      tag: 'page',
      answers: { 200: { meaning: 'The file', content: {} } },
    },
    answer: () => ({ status: 200, mediaType, body }),
  }));
}
