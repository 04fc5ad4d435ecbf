import { describe, expect, test } from 'vitest';

import { someOf } from '../support/soak.ts';
import { startProgram } from '../support/up.ts';

async function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const program = startProgram(args);
  return { code: await program.exited, output: program.output() };
}

describe('help', () => {
  const COMMANDS = [
    'up',
    'watch',
    'work',
    'serve',
    'migrate',
    'report',
    'similar',
    'completeness',
    'cluster',
  ];
  const OTHERS = [
    ...['upgrade-embeddings', 'simulate', 'retention', 'partitions', 'quarantine', 'hold'],
    'archive',
    'strict',
    'doctor',
  ];
  test.each(someOf([...COMMANDS, ...OTHERS], 4))('%s --help says what the command is for', async (name) => {
    const { code, output } = await run([name, '--help']);
    expect(output).toMatch(new RegExp(`^usage: remediation-audit ${name}`));
    expect(code).toBe(0);
  });

  test.each([['-h'], ['help'], ['--help'], []])('without a command lists them: %s', async (...args) => {
    const { code, output } = await run(args);
    expect(output).toMatch(/^usage: remediation-audit <command>\n[^]*\n {2}serve /);
    for (const name of [...COMMANDS, ...OTHERS]) expect(output).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(code).toBe(0);
  });

  test.each([[['help', 'report']], [['report', '-h']]])('of one command: %j', async (args) => {
    expect((await run(args)).output).toMatch(/^usage: remediation-audit report /);
  });

  test.each(['-v', 'version', '--version'])('%s is the version', async (arg) => {
    expect(await run([arg])).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });
});
