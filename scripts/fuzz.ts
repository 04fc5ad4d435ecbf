import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Tries inputs that nobody would write, on the service and the watcher, for as long as is asked. */
const USAGE = `npm run fuzz -- [--seconds N] [--seed S] [--replay FILE]

Any JSON as watched resource, any JSON as posted record and any bytes as body, each for a third of the time.
--seconds  how long; 60 without it.
--seed     begins with the inputs of an earlier run; each run prints its own.
--replay   plays the input of a failure again, from the file that the failure names.`;

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const WAYS = 3;
const USUAL_SECONDS = 60;

function main(): number {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: String(USUAL_SECONDS) },
      seed: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const { seed, replay } = values;
  const seconds = numberOf('seconds', values.seconds);
  const env = {
    ...process.env,
    FUZZ_SECONDS: String(seconds / WAYS),
    ...(seed === undefined ? {} : { SEED: String(numberOf('seed', seed)) }),
    ...(replay === undefined ? {} : { FUZZ_REPLAY: replay }),
  };
  const args = [VITEST, 'run', '--project', 'fuzz', '--no-file-parallelism'];
  const done = spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (done.error !== undefined) throw done.error;
  return done.status ?? 1;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < 0)
    throw new Error(`--${name} ${text} is not a number; say for example --${name} ${USUAL_SECONDS}`);
  return number;
}

try {
  process.exitCode = main();
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
  process.exitCode = 2;
}
