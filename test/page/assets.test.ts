import { afterAll, beforeAll, expect, test } from 'vitest';

import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';

let world: PageWorld;

beforeAll(async () => {
  world = await PageWorld.create();
});
afterAll(() => world[Symbol.asyncDispose]());

const FOR_EVER = 'public, max-age=31536000, immutable';
const FILES = ['/assets/icon.svg', '/assets/page.css', '/assets/page.js'];

/** The files that a page names, as it names them. */
async function namedFiles(): Promise<readonly string[]> {
  const page = await fetch(world.url);
  expect(page.headers.get('cache-control')).toBe('no-store');
  return [...(await page.text()).matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
}

async function cacheControl(path: string): Promise<string | null> {
  const answer = await fetch(new URL(path, world.url));
  expect(answer.status, path).toBe(200);
  return answer.headers.get('cache-control');
}

test('a page is kept nowhere, and each file of it for ever under an address with its hash', async () => {
  const files = await namedFiles();
  expect(files.map((path) => path.split('?')[0]).toSorted()).toEqual(FILES);
  for (const path of files) {
    expect(path).toMatch(/\?v=[\w-]{16}$/);
    expect(await cacheControl(path), path).toBe(FOR_EVER);
  }
});

test('a file that is asked for by the hash of another version, or without one, is answered and not kept', async () => {
  for (const path of FILES) {
    expect(await cacheControl(path), path).toBe('no-store');
    expect(await cacheControl(`${path}?v=AAAAAAAAAAAAAAAA`), path).toBe('no-store');
    expect(await cacheControl(`${path}?v=a&v=b`), path).toBe('no-store');
  }
});

test('the next page takes its files out of what the browser has kept', async () => {
  const view = await world.open();
  await openSound(view, '/');
  const page = await openSound(view, '/history');
  // What came over the network for each file; as text, because it runs in the browser.
  const fetched = await page.evaluate<number[]>(
    `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/assets/page.')).map(({ transferSize }) => transferSize)`,
  );
  expect(fetched).toEqual([0]);
  await view.close();
});
