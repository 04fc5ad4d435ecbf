/**
 * `npm run images:pin`: writes the digest of each image into Dockerfile and docker-compose.yml, as its registry has the tag
 * now. Changes nothing and fails where one of them cannot be had. `--registry URL` asks another one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { reasonOf } from '../src/domain/errors.ts';
import { digestOf, imageReferences, withDigests } from './supply/images.ts';

const DOCKER_HUB = 'https://registry-1.docker.io';

const { values } = parseArgs({
  options: { registry: { type: 'string', default: DOCKER_HUB }, root: { type: 'string' } },
});
const root = values.root ?? fileURLToPath(new URL('..', import.meta.url));
const files = ['Dockerfile', 'docker-compose.yml'].map((name) => ({
  path: `${root}/${name}`,
  text: readFileSync(`${root}/${name}`, 'utf8'),
}));

const digests = new Map<string, string>();
const missing: string[] = [];
for (const reference of files.flatMap(({ text }) => imageReferences(text))) {
  const name = `${reference.repository}:${reference.tag}`;
  if (digests.has(name)) continue;
  try {
    digests.set(name, await digestOf(values.registry, reference));
  } catch (error: unknown) {
    missing.push(`${name}: ${reasonOf(error)}`);
  }
}

if (missing.length === 0) {
  for (const { path, text } of files) writeFileSync(path, withDigests(text, digests));
  process.stdout.write(`${digests.size} images are pinned in Dockerfile and docker-compose.yml\n`);
} else {
  process.stderr.write(
    `cannot pin the images; both files are as they were:\n${missing.join('\n')}\n` +
      'Run it where the registry can be reached.\n',
  );
  process.exitCode = 1;
}
