import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-package-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repositoryPath('.') });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  execFileSync('tar', ['-xzf', join(folder, archive), '-C', folder]);
  symlinkSync(repositoryPath('node_modules'), join(folder, 'package/node_modules'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(folder, 'package/dist/main.js'), ...args], {
    encoding: 'utf8',
  });
}

test('the packed program runs as JavaScript, with its migrations and reports beside it', () => {
  expect(run('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run('report', '--help')).toContain('recent-failures');
  expect(readdirSync(join(folder, 'package/migrations'))).toEqual(
    expect.arrayContaining(['0001_foundation.sql', 'functions.sql']),
  );
  expect(readdirSync(join(folder, 'package/dist/query/reports/sql'))).toContain('recent-failures.sql');
});

test('the packed program says that the commands of the development kit are not installed', () => {
  expect(() => run('up')).toThrow('up belongs to the development kit, which is not installed');
  expect(() => run('simulate')).toThrow('simulate belongs to the development kit');
  expect(run('--help')).not.toContain('simulate');
});
