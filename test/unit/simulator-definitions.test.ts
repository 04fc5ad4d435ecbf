import { readdirSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { definitionOf } from '../../dev/sandbox/definitions.ts';
import { KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import { repositoryPath } from '../support/repository.ts';

const FOLDER = repositoryPath('deploy/crds-for-tests');

test('the definitions for a real API server are those of the sandbox, one file per group and plural', () => {
  const files = Object.fromEntries(
    readdirSync(FOLDER).map((file) => [file, parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as unknown]),
  );
  const expected = KUBERNAUT_KINDS.map((kind) => [`${kind.group}_${kind.plural}.yaml`, definitionOf(kind)]);
  expect(files).toEqual(Object.fromEntries(expected));
});
