import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { completionScript } from '../../src/plugin/completion.ts';
import { repositoryPath } from '../support/repository.ts';

/* The completion of zsh and fish, by these shells: in the soak, because not every machine has them (`.ci/run` installs them). */

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-shells-'));
  const program = join(folder, 'kubectl-remediation');
  const main = repositoryPath('src/kubectl-remediation.ts');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, '_kubectl-remediation'), completionScript(['zsh']));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function linesOf(shell: string, args: readonly string[]): string[] {
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder };
  return execFileSync(shell, args, { env, encoding: 'utf8' }).trimEnd().split('\n');
}

/** The function that shows candidates prints them instead, as zsh gets them: with a colon before what they mean. */
const SHOWN = `_describe() { print -rl -- "\${(@P)2}"; }; _files() { print FILES; }`;

const inZsh = (how: string, words: readonly string[]): string[] =>
  linesOf('zsh', [
    '-f',
    '-c',
    `autoload -Uz compinit; compinit -u -D; ${how}; ${SHOWN}
words=("$@"); CURRENT=$#words; $_comps[kubectl-remediation]`,
    'zsh',
    ...words,
  ]);

const SOURCED = 'source <(kubectl-remediation completion zsh)';

test.each([
  ['sourced', SOURCED],
  ['found in $fpath', 'fpath=($HOME $fpath); compinit -u -D'],
])('zsh completes with the script %s', (_how, how) => {
  expect(inZsh(how, ['kubectl-remediation', 'ti'])).toEqual([
    'timeline:what happened in one remediation, one line per event: when, who, what',
  ]);
  expect(inZsh(how, ['kubectl-remediation', 'show', '-o', 'j'])).toEqual(['json']);
  expect(inZsh(how, ['kubectl-remediation', 'list', '--token-file', ''])).toEqual(['FILES']);
});

const inFish = (line: string): string[] =>
  linesOf('fish', [
    '--no-config',
    '-c',
    'kubectl-remediation completion fish | source; complete -C "$argv[1]"',
    line,
  ]);

test('fish completes with the script', () => {
  expect(inFish('kubectl-remediation ti')).toEqual([
    'timeline\twhat happened in one remediation, one line per event: when, who, what',
  ]);
  expect(inFish('kubectl-remediation show -o j')).toEqual(['json']);
  expect(inFish(`kubectl-remediation list --token-file ${folder}/_kube`)).toEqual([
    `${folder}/_kubectl-remediation`,
  ]);
});
