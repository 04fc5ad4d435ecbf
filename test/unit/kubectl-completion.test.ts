import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { candidatesFor, completionScript } from '../../src/plugin/completion.ts';
import { PLUGIN_COMMANDS } from '../../src/plugin/program.ts';
import { repositoryPath } from '../support/repository.ts';

const completed = (...words: readonly string[]): string[] =>
  candidatesFor(words, PLUGIN_COMMANDS)
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '');

describe('the program completes', () => {
  test.each([
    [
      [''],
      [
        ...['list', 'show', 'timeline', 'why', 'diff', 'gaps', 'similar', 'report'],
        'completion',
        'help',
        'version',
        ':4',
      ],
    ],
    [['sh'], ['show', ':4']],
    [
      ['list', '--ou'],
      ['--outcome', '--output', ':4'],
    ],
    [
      ['show', '-o', ''],
      ['table', 'wide', 'json', 'yaml', 'name', ':4'],
    ],
    [
      ['list', '--verdict', 'd'],
      ['deleted-before-terminal', ':4'],
    ],
    [['list', '--token-file', ''], [':0']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', ':4'],
    ],
    [
      ['help', 'wh'],
      ['why', ':4'],
    ],
    [['nonsense', ''], [':4']],
    [['list', 'x'], [':4']],
  ])('%j with %j', (words, candidates) => {
    expect(completed(...words)).toEqual(candidates);
  });
});

describe('bash', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'remediation-audit-completion-'));
    const main = repositoryPath('src/kubectl-remediation.ts');
    writeFileSync(
      join(folder, 'kubectl-remediation'),
      `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`,
    );
    chmodSync(join(folder, 'kubectl-remediation'), 0o755);
    symlinkSync(main, join(folder, 'kubectl_complete-remediation'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const inBash = (line: string): string[] => {
    const words = line.split(' ');
    const script = `source <(kubectl-remediation completion bash)
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_kubectl_remediation; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p kubectl-remediation`;
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    return execFileSync('bash', ['--norc', '-c', script], { env, encoding: 'utf8' }).trimEnd().split('\n');
  };

  test('completes with the script', () => {
    expect(inBash('kubectl-remediation ti')).toEqual([
      'timeline',
      'complete -F _kubectl_remediation kubectl-remediation',
    ]);
    expect(inBash('kubectl-remediation list --ver')[0]).toBe('--verdict');
  });

  test('completes kubectl remediation, which asks a program of another name', () => {
    const program = join(folder, 'kubectl_complete-remediation');
    const answered = execFileSync(process.execPath, [program, 'ti'], {
      encoding: 'utf8',
    });
    expect(answered).toMatch(/^timeline\t.*\n:4\n$/);
  });
});

test('there is a script for each shell, and each asks the program', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect(completionScript([shell])).toContain('kubectl-remediation __complete');
  }
});
