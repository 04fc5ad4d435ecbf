import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, test } from 'vitest';

import { CLIENT_RULES, findImportCycles, findViolations } from './support/import-rules.ts';
import { findShortFiles, findUnusedExports } from './support/unused-exports.ts';

const SOURCE_ROOT = fileURLToPath(new URL('../src', import.meta.url));
const trees: string[] = [];

/** A source tree that exists only for one test. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'import-rules-'));
  trees.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

afterEach(() => {
  for (const root of trees.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A doc comment before another one, or before an empty line. Editors show it nowhere; about a file, write `//`. */
const ORPHAN_COMMENT = /\/\*\*(?:[^*]|\*(?!\/))*\*\/[ \t]*\n[ \t]*(?:\n|\/\*\*)/;

test('each doc comment of src/ stands directly above what it describes', () => {
  const files = readdirSync(SOURCE_ROOT, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(100);
  const orphaned = files.filter((name) => ORPHAN_COMMENT.test(readFileSync(join(SOURCE_ROOT, name), 'utf8')));
  expect(orphaned).toEqual([]);
});

test('src/ imports only what the import table allows', () => {
  expect(findViolations(SOURCE_ROOT)).toEqual([]);
});

test.each(['../dev', '.'])('no two files of %s import each other, directly or around', (folder) => {
  expect(findImportCycles(fileURLToPath(new URL(folder, import.meta.url)))).toEqual([]);
});

test('the client imports nothing but Node, its own files, prom-client, and in one file the rules of redaction', () => {
  expect(
    findViolations(fileURLToPath(new URL('../packages/client/src', import.meta.url)), CLIENT_RULES),
  ).toEqual([]);
  const root = tree({
    'index.ts': `import '../../../src/domain/json.ts'; import 'undici';`,
    'redact-record.ts': `import '../../../src/redaction/redactor.ts'; import '../../../src/api/http/server.ts';`,
  });
  expect(findViolations(root, CLIENT_RULES)).toEqual([
    'index.ts imports ../../../src/domain/json.ts, which is not in this package',
    'index.ts imports package undici, which index.ts may not',
    'redact-record.ts imports ../../../src/api/http/server.ts, which is not in this package',
  ]);
});

test('nothing is exported that nothing imports', () => {
  const repository = fileURLToPath(new URL('..', import.meta.url));
  expect(findUnusedExports(repository, ['src', 'dev', 'packages'])).toEqual([]);
});

test('an export that only its own file uses is named', () => {
  const root = tree({
    'src/a.ts': 'export const used = 1; export const unused = 2; export function alone() {}',
    'src/b.ts': `import { used } from './a.ts'; console.log(used);`,
    ...Object.fromEntries(
      ['dev', 'packages', 'test', 'bench', 'scripts'].map((name) => [`${name}/x.ts`, '']),
    ),
  });
  expect(findUnusedExports(root, ['src'])).toEqual([
    'src/a.ts exports unused, which nothing imports',
    'src/a.ts exports alone, which nothing imports',
  ]);
});

test('a file of fewer than 40 lines is imported by two others, or is where something begins', () => {
  const repository = fileURLToPath(new URL('..', import.meta.url));
  expect(findShortFiles(repository, ['src', 'dev', 'packages'])).toEqual([]);
});

test('a short file that one other imports is named', () => {
  const root = tree({
    'src/once.ts': 'export const a = 1;\n',
    'src/twice.ts': 'export const b = 1;\n',
    'src/long.ts': 'export const c = 1;\n'.repeat(40),
    'src/x.ts': `import { a } from './once.ts'; import { b } from './twice.ts'; import { c } from './long.ts';\n`,
    'src/y.ts': `import { b } from './twice.ts';\n`,
    'test/x.ts': `import { a } from '../src/once.ts';\n`,
    ...Object.fromEntries(['dev', 'packages', 'bench', 'scripts'].map((name) => [`${name}/x.ts`, ''])),
  });
  expect(findShortFiles(root, ['src'])).toEqual(['src/once.ts has 1 lines, and only src/x.ts imports it']);
});

describe('the import table bites:', () => {
  test('a room that imports another without leave is named with both files', () => {
    const root = tree({ 'domain/phase.ts': `import '../database/pool.ts';`, 'database/pool.ts': '' });
    expect(findViolations(root)).toEqual(['domain/phase.ts imports database/pool.ts, which domain may not']);
  });

  test('a package in domain is refused', () => {
    const root = tree({ 'domain/phase.ts': `import { z } from 'zod';` });
    expect(findViolations(root)).toEqual(['domain/phase.ts imports package zod, which domain may not']);
  });

  test('workflows may know activities as types and not as values', () => {
    const activities = { 'activities/types.ts': 'export interface A {}' };
    const asType = {
      ...activities,
      'workflows/audit.ts': `import type { A } from '../activities/types.ts';`,
    };
    const asValue = { ...activities, 'workflows/audit.ts': `import { A } from '../activities/types.ts';` };
    expect(findViolations(tree(asType))).toEqual([]);
    expect(findViolations(tree(asValue))).toEqual([
      'workflows/audit.ts imports activities/types.ts, which workflows may not',
    ]);
  });

  test('a node module reached from a workflow through another file is refused', () => {
    const root = tree({
      'workflows/audit.ts': `import '../domain/clock.ts';`,
      'domain/clock.ts': `import { hrtime } from 'node:process';`,
    });
    expect(findViolations(root)).toContain(
      'domain/clock.ts imports node:process and is reachable from workflows/',
    );
  });

  test.each([
    'process.env.DATABASE_URL;',
    `process['env'].DATABASE_URL;`,
    'const { env, argv } = process;',
    `import { env } from 'node:process';`,
  ])('the environment read outside config/config.ts is refused: %s', (reader) => {
    const root = tree({ 'config/config.ts': 'process.env.A;', 'database/pool.ts': reader });
    expect(findViolations(root)).toEqual(['database/pool.ts reads process.env; only config/config.ts may']);
  });

  test('a cycle that only a type closes is shown like any other', () => {
    const root = tree({
      'domain/a.ts': `import type { B } from './b.ts';`,
      'domain/b.ts': `import './a.ts';`,
      'domain/c.ts': `type A = import('./d.ts').A;`,
      'domain/d.ts': `import './c.ts';`,
    });
    expect(findViolations(root)).toEqual([
      'import cycle: domain/a.ts -> domain/b.ts -> domain/a.ts',
      'import cycle: domain/c.ts -> domain/d.ts -> domain/c.ts',
    ]);
  });

  test('a cycle of imports is shown from its first file to its last', () => {
    const root = tree({ 'domain/a.ts': `import './b.ts';`, 'domain/b.ts': `import './a.ts';` });
    expect(findViolations(root)).toEqual(['import cycle: domain/a.ts -> domain/b.ts -> domain/a.ts']);
  });

  test('configuration is passed down: other rooms may know its types only', () => {
    const config = { 'config/config.ts': 'export interface Config {}' };
    expect(
      findViolations(tree({ ...config, 'api/server.ts': `import { read } from '../config/config.ts';` })),
    ).toEqual(['api/server.ts imports config/config.ts, which api may not']);
    expect(
      findViolations(
        tree({ ...config, 'api/server.ts': `import type { Config } from '../config/config.ts';` }),
      ),
    ).toEqual([]);
  });

  test('a file outside every room is named', () => {
    expect(findViolations(tree({ 'helpers/x.ts': `import 'node:fs';` }))).toEqual([
      'helpers/x.ts stands in no room of the import table',
    ]);
  });
});
