#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

import { InsecureBindError } from './api/server.ts';
import { runArchive } from './commands/archive.ts';
import { takeNoArguments } from './commands/arguments.ts';
import { runCompleteness } from './commands/completeness.ts';
import { runCluster, runMigrate, runUpgradeEmbeddings } from './commands/owner.ts';
import { runReport, runSimilar } from './commands/query.ts';
import { runHold, runRetention } from './commands/retention.ts';
import { runStrict } from './commands/strict.ts';
import { readProcessConfig } from './config.ts';
import { SchemaTooNewError } from './database/migrate.ts';
import { ObtainingStopped } from './embedded/binaries/server-unavailable.ts';
import { readUpOptions, UP_USAGE } from './embedded/up-options.ts';
import { ClusterAccessError } from './kubernetes/cluster-connection.ts';
import type { Logger } from './observability/logger.ts';
import { createLogger } from './observability/logger.ts';
import type { RunningService, ServiceContext } from './services/running-service.ts';
import { untilStopped } from './services/running-service.ts';
import { startServeService } from './services/serve-service.ts';
import { SERVICE_CHECKS } from './services/service-checks.ts';
import { startWatchService } from './services/watch-service.ts';
import { startWorkService } from './services/work-service.ts';
import { SettingsError, UsageError } from './settings.ts';
import { ClusterIdentityError } from './watcher/identified-watcher.ts';
import { ClusterSilentError } from './watcher/silence.ts';

/** What the process ends with; documented in docs/configuration.md. */
const EXIT = { ok: 0, failure: 1, usage: 2, configuration: 3, schemaTooNew: 4, clusterSilent: 5 } as const;

/** Nothing takes so long once all of it was told to end; what is left by then was forgotten. */
const LONGEST_END_MS = 10_000;
const SIGNAL_EXIT_BASE = 128;

interface Command {
  readonly summary: string;
  run(args: readonly string[], stop: AbortSignal): Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  up: { summary: 'run everything with embedded servers; `up --help` shows its flags', run: runUp },
  watch: {
    summary: 'follow the cluster and start a workflow per remediation',
    run: service('watch', startWatchService),
  },
  work: { summary: 'run workflows and activities', run: service('work', startWorkService) },
  serve: { summary: 'answer over HTTP', run: service('serve', startServeService) },
  report: { summary: 'answer one of the named questions; `report --help` lists them', run: runReport },
  similar: { summary: 'investigations alike, by fingerprint or text', run: runSimilar },
  completeness: {
    summary: 'what is there, what of it is recorded, what is missing by name',
    run: runCompleteness,
  },
  'upgrade-embeddings': {
    summary: 'bring embeddings to pgvector, once its extension is there, as role audit_owner',
    run: runUpgradeEmbeddings,
  },
  simulate: {
    summary: 'play remediations in a cluster without any; `simulate --help` shows its flags',
    run: runSimulate,
  },
  retention: { summary: 'what the next run of retention would do; approve a drop', run: runRetention },
  hold: { summary: 'place, list and release legal holds', run: runHold },
  archive: { summary: 'verify what lies in the archive; restore a month from it', run: runArchive },
  cluster: {
    summary:
      'cluster restored NAME: its versions went back, what is observed now is newer; cluster replaced NAME: another one has its name now',
    run: runCluster,
  },
  strict: {
    summary: 'take the finalizer of strict mode off: `strict --help` shows how',
    run: runStrict,
  },
  migrate: { summary: 'bring the database schema up to date, as role audit_owner', run: runMigrate },
};

const USAGE = `usage: remediation-audit <command>

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(20)}${summary}`)
  .join('\n')}

  --help              show this
  --version           show the version

Configuration comes from the environment: docs/configuration.md lists every variable.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name = '--help', ...rest] = args;
  if (name === '--help' || name === 'help') return say(USAGE);
  if (name === '--version') return say(`${version()}\n`);
  const stop = new AbortController();
  // The one owner of the process: every other part is stopped by this signal, in order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort(signal);
    });
  }
  try {
    await commandNamed(name).run(rest, stop.signal);
    return EXIT.ok;
  } catch (error: unknown) {
    // Stopped while it was starting: whatever waited was told to give up, and that is no failure.
    if (stop.signal.aborted && isStop(error, stop.signal)) return EXIT.ok;
    process.stderr.write(`remediation-audit ${name}: ${messageOf(error)}\n`);
    if (error instanceof ObtainingStopped) return exitCodeOfSignal(stop.signal);
    return exitCodeOf(error);
  }
}

function commandNamed(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined)
    throw new UsageError(`unknown command ${name}; \`remediation-audit --help\` lists them`);
  return command;
}

function service(
  name: keyof typeof SERVICE_CHECKS,
  start: (context: ServiceContext) => Promise<RunningService>,
): Command['run'] {
  return async (args, stop) => {
    takeNoArguments(name, args);
    const config = readProcessConfig(SERVICE_CHECKS[name]);
    const logger = createLogger(config.logLevel, name);
    const running = await start({ config, logger, signal: stop });
    logger.info({ url: running.url }, 'started');
    await endedOrStopped(running, stop, logger);
  };
}

async function endedOrStopped(running: RunningService, stop: AbortSignal, logger: Logger): Promise<void> {
  try {
    await untilStopped([running], stop);
    logger.info({ signal: stop.aborted ? String(stop.reason) : 'none' }, 'stopping');
  } finally {
    await running.stop();
  }
}

async function runUp(args: readonly string[], stop: AbortSignal): Promise<void> {
  const options = readUpOptions(args);
  if (options === 'help') {
    say(UP_USAGE);
    return;
  }
  // Loaded only here: the other processes have no use for embedded servers.
  const { up } = await import('./embedded/up.ts');
  await up(readProcessConfig(), options, stop);
}

async function runSimulate(args: readonly string[], stop: AbortSignal): Promise<void> {
  // Loaded only here: the other processes have no use for a simulator.
  const command = await import('./commands/simulate.ts');
  await command.runSimulate(args, stop);
}

/** What a shell says of a program that a signal ended. */
function exitCodeOfSignal({ reason }: AbortSignal): number {
  return SIGNAL_EXIT_BASE + constants.signals[reason as NodeJS.Signals];
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof SchemaTooNewError) return EXIT.schemaTooNew;
  if (error instanceof ClusterSilentError) return EXIT.clusterSilent;
  const isConfiguration =
    error instanceof SettingsError ||
    error instanceof InsecureBindError ||
    error instanceof ClusterAccessError ||
    error instanceof ClusterIdentityError;
  return isConfiguration ? EXIT.configuration : EXIT.failure;
}

function isStop(error: unknown, stop: AbortSignal): boolean {
  return error === stop.reason || (error instanceof Error && error.name === 'AbortError');
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map(messageOf)].filter(Boolean).join(': ');
  return error instanceof Error ? error.message : String(error);
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function say(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

/** A process that has done its work but does not end would never be restarted by whoever supervises it. */
function endAtTheLatest(code: number): void {
  setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`remediation-audit: still open after everything was stopped: ${left}; ending\n`);
    process.exit(code);
  }, LONGEST_END_MS).unref();
}

const args = process.argv.slice(2);
process.exitCode = await main(args);
// Other commands write answers, for which somebody may take their time to read.
if (Object.hasOwn(SERVICE_CHECKS, args[0] ?? '')) endAtTheLatest(process.exitCode);
