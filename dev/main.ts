import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

import { COMMANDS, type Commands } from '../src/cli/commands.ts';
import { runProgram } from '../src/cli/program.ts';
import { readProcessConfig } from '../src/config/config.ts';
import { readUpOptions, UP_USAGE } from './up/up-options.ts';

/** What a checkout runs: the commands of the product, with those that need embedded servers or play in a cluster. */
const DEVELOPMENT: Commands = {
  up: { summary: 'run everything with embedded servers; `up --help` shows its flags', run: runUp },
  ...COMMANDS,
  simulate: {
    summary: 'play remediations in a cluster without any; `simulate --help` shows its flags',
    run: runSimulate,
  },
};

async function runUp(args: readonly string[], stop: AbortSignal): Promise<void> {
  const options = readUpOptions(args);
  if (options === 'help') {
    process.stdout.write(UP_USAGE);
    return;
  }
  // Loaded only here: the other commands start without the embedded servers.
  const { up } = await import('./up/up.ts');
  await up(readProcessConfig(), options, stop);
}

async function runSimulate(args: readonly string[], stop: AbortSignal): Promise<void> {
  // Loaded only here: the other commands start without the simulator.
  const command = await import('./simulator/command/simulate.ts');
  await command.runSimulate(args, stop);
}

/** What Node compiled and the bundle of the workflows are kept for the next start, in what `npm ci` clears. */
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('../node_modules/.cache/node-compile', import.meta.url),
);
enableCompileCache(process.env['NODE_COMPILE_CACHE']);

await runProgram(process.argv.slice(2), DEVELOPMENT);
