import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/**
 * `npm run check`: lint with types, architecture and format, two at a time. Each is an npm script of its own; what it says is shown
 * when it has ended.
 */
const AT_A_TIME = 2;

/** The longest first. */
const PARTS = ['lint', 'architecture', 'format'];

const MS_PER_SECOND = 1_000;

async function run(part: string): Promise<boolean> {
  const begun = performance.now();
  const child = spawn('npm', ['run', '--silent', part], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const seconds = ((performance.now() - begun) / MS_PER_SECOND).toFixed(1);
  const isGood = status === 0;
  process.stdout.write(`${part}: ${isGood ? 'good' : 'FAILED'} after ${seconds} s\n`);
  if (!isGood) process.stdout.write(`${stdout}${stderr}\n`);
  return isGood;
}

const waiting = [...PARTS];
const failed: string[] = [];

async function runInTurn(): Promise<void> {
  for (let part = waiting.shift(); part !== undefined; part = waiting.shift())
    if (!(await run(part))) failed.push(part);
}

await Promise.all(Array.from({ length: AT_A_TIME }, runInTurn));
if (failed.length > 0) {
  process.stdout.write(
    `npm run check: ${failed.join(', ')} failed; run one alone with npm run ${failed[0] ?? ''}\n`,
  );
  process.exitCode = 1;
}
