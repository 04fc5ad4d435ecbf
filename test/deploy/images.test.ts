import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { afterEach, describe, expect, test } from 'vitest';

import { imageReferences } from '../../scripts/supply/images.ts';
import { repositoryPath } from '../support/repository.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/** By reference, why it has no digest: no registry could be asked, and nobody who could published the pair. */
const NOT_YET_PINNED: Readonly<Record<string, string>> = {
  'temporalio/temporal:1.5.1':
    'its digest was found nowhere beside its tag; `npm run images:pin` fills it where the registry answers',
};

const FILES = ['Dockerfile', 'docker-compose.yml'];
const references = FILES.flatMap((name) => imageReferences(readFileSync(repositoryPath(name), 'utf8')));

describe('the images of others', () => {
  test('are known by their digest, or are on the list of those that are not, with the reason', () => {
    const unpinned = references.filter(({ digest }) => digest === undefined).map(({ text }) => text);
    expect(references.length).toBeGreaterThan(4);
    expect([...new Set(unpinned)]).toEqual(Object.keys(NOT_YET_PINNED));
  });

  test('are the same wherever they are named', () => {
    for (const [tag, same] of Map.groupBy(references, ({ repository, tag }) => `${repository}:${tag}`))
      expect(new Set(same.map(({ digest }) => digest)).size, tag).toBe(1);
  });
});

test('our own image, a comment and a digest of another length are no references', () => {
  expect(imageReferences('  image: remediation-audit:local\n# FROM a:1\nFROM a:1@sha256:ab AS b\n')).toEqual(
    [],
  );
});

const run = promisify(execFile);
const INDEX = '{"schemaVersion":2,"manifests":[]}';
const DIGEST = `sha256:${createHash('sha256').update(INDEX).digest('hex')}`;
const FILE = `FROM node:24.21.0-slim AS a\nFROM node:24.21.0-slim@sha256:${'0'.repeat(64)} AS b\n`;
const COMPOSE =
  'services:\n  postgres:\n    image: pgvector/pgvector:0.8.5\n  ours:\n    image: remediation-audit:local\n';
let registry: Server | undefined;
let folder: TestFolder | undefined;

afterEach(async () => {
  registry?.closeAllConnections();
  registry?.close();
  registry = undefined;
  await folder?.remove();
  folder = undefined;
});

/** As Docker Hub: it sends whoever has no token to another address first. */
async function startRegistry(known: readonly string[]): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host ?? ''}`);
    if (url.pathname === '/token') {
      response.end(JSON.stringify({ token: url.searchParams.get('scope') }));
      return;
    }
    const repository = url.pathname.slice('/v2/'.length, url.pathname.indexOf('/manifests/'));
    const scope = `repository:${repository}:pull`;
    if (request.headers.authorization !== `Bearer ${scope}`) {
      response.setHeader(
        'www-authenticate',
        `Bearer realm="${url.origin}/token",service="s",scope="${scope}"`,
      );
      response.writeHead(401).end();
      return;
    }
    response.setHeader('content-type', 'application/vnd.oci.image.index.v1+json');
    response.writeHead(known.includes(repository) ? 200 : 404).end(INDEX);
  });
  registry = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function pin(known: readonly string[]) {
  const own = await createTestFolder();
  folder = own;
  await Promise.all([
    writeFile(own.file('Dockerfile'), FILE),
    writeFile(own.file('docker-compose.yml'), COMPOSE),
  ]);
  const args = ['scripts/pin-images.ts', '--registry', await startRegistry(known), '--root', own.path];
  const options = { cwd: repositoryPath(''), env: { ...process.env, NO_PROXY: '127.0.0.1' } };
  const { stderr, code } = await run(process.execPath, args, options).then(
    (ended) => ({ ...ended, code: 0 }),
    (error: unknown) => error as { readonly stderr: string; readonly code: number },
  );
  const [dockerfile, compose] = await Promise.all(FILES.map((name) => readFile(own.file(name), 'utf8')));
  return { stderr, code, dockerfile, compose };
}

test('images:pin writes what the registry has the tags for, also over an older digest', async () => {
  const { code, dockerfile, compose } = await pin(['library/node', 'pgvector/pgvector']);
  expect(code).toBe(0);
  const pinned = `FROM node:24.21.0-slim@${DIGEST}`;
  expect(dockerfile).toBe(`${pinned} AS a\n${pinned} AS b\n`);
  expect(compose).toBe(COMPOSE.replace('0.8.5', `0.8.5@${DIGEST}`));
});

test('images:pin changes nothing where one image cannot be had, and names it', async () => {
  const { code, stderr, dockerfile, compose } = await pin(['library/node']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/pgvector\/pgvector:0\.8\.5: .* answers 404/);
  expect([dockerfile, compose]).toEqual([FILE, COMPOSE]);
});
