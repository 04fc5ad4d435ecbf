import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { COMPILE_CACHE } from './processes.ts';

interface OnTerminal {
  /** What the terminal got up to now, of standard output and standard error alike. */
  readonly output: () => string;
  /** Exit code of the program. */
  readonly closed: Promise<number | null>;
}

/** A program of ours on a terminal of its own, 90 columns wide: `script` of util-linux gives it one. */
export function startOnTerminal(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): OnTerminal {
  const quoted = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 90; exec ${quoted}`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm', ...env },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    output: () => output.replaceAll('\r\n', '\n'),
    closed: once(child, 'close').then(([code]) => code as number | null),
  };
}
