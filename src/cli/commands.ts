import { readProcessConfig } from '../config/config.ts';
import { createServiceLogger } from '../observability/logger.ts';
import type { ServiceName } from '../services/depended-servers.ts';
import type { RunningService, ServiceContext } from '../services/running-service.ts';
import { untilStopped } from '../services/running-service.ts';
import { takeNoArguments } from './arguments.ts';

export interface Command {
  readonly summary: string;
  /** What its first argument may be, where that is a verb. */
  readonly verbs?: readonly string[];
  /** Its arguments, with a space before. Default: none. */
  readonly takes?: string;
  /**
   * Settles when the command is done. Rejects with an error whose class decides the exit code (`exitCodeOf`).
   * `stop` is aborted at SIGTERM or SIGINT, with the name of the signal as its reason.
   */
  run(args: readonly string[], stop: AbortSignal): Promise<void>;
}

/** By the name that a person types. The development kit adds its own to those below. */
export type Commands = Readonly<Record<string, Command>>;

/** What a deployment runs. A command is loaded when it runs: all of them together take two seconds and 200 MiB. */
export const COMMANDS: Commands = {
  watch: {
    summary: 'follow the cluster and start a workflow per remediation',
    run: service('watch', async () => (await import('../services/watch-service.ts')).startWatchService),
  },
  work: {
    summary: 'run workflows and activities',
    run: service('work', async () => (await import('../services/work-service.ts')).startWorkService),
  },
  serve: {
    summary: 'answer over HTTP',
    run: service('serve', async () => (await import('../services/serve-service.ts')).startServeService),
  },
  report: {
    summary: 'answer one of the named questions; `report --help` lists them',
    run: async (args) => (await import('./query.ts')).runReport(args),
  },
  remediation: {
    summary: 'one remediation: `show` its summary, `timeline` its course',
    run: async (args) => (await import('./query.ts')).runRemediation(args),
    verbs: ['show', 'timeline'],
  },
  similar: {
    summary: 'investigations alike, by fingerprint or text',
    run: async (args) => (await import('./query.ts')).runSimilar(args),
  },
  completeness: {
    summary: 'what is there, what of it is recorded, what is missing by name',
    run: async (args) => (await import('./completeness.ts')).runCompleteness(args),
  },
  doctor: {
    summary: 'check everything that the configuration depends on; what is wrong, and what to do',
    run: async (...given) => (await import('./doctor.ts')).runDoctor(...given),
  },
  'upgrade-embeddings': {
    summary: 'bring embeddings to pgvector, once its extension is there, as role audit_owner',
    run: async (args) => (await import('./owner.ts')).runUpgradeEmbeddings(args),
  },
  retention: {
    summary: 'what the next run of retention would do; approve a drop',
    run: async (args) => (await import('./retention.ts')).runRetention(args),
    verbs: ['plan', 'approve', 'revoke'],
  },
  partitions: {
    summary: 'where each month is, how large, what holds it, and who approved its drop',
    run: async (args) => (await import('./partitions.ts')).runPartitions(args),
  },
  quarantine: {
    summary: 'what PostgreSQL refused to store, and why; store it again',
    run: async (args) => (await import('./quarantine.ts')).runQuarantine(args),
    verbs: ['list', 'show', 'redrive'],
  },
  hold: {
    summary: 'place, list and release legal holds',
    run: async (args) => (await import('./hold.ts')).runHold(args),
    verbs: ['place', 'list', 'release'],
  },
  archive: {
    summary: 'verify what lies in the archive; restore a month from it',
    run: async (args) => (await import('./archive.ts')).runArchive(args),
    verbs: ['verify', 'restore'],
  },
  verify: {
    summary: 'compare rows with the fold of their ledger entries, and entries with their hashes',
    run: async (args) => (await import('./verify.ts')).runVerify(args),
  },
  cluster: {
    verbs: ['restored', 'replaced'],
    takes: ' <restored NAME | replaced NAME> [--json]',
    summary:
      'cluster restored NAME: its versions went back, what is observed now is newer; cluster replaced NAME: another one has its name now',
    run: async (args) => (await import('./owner.ts')).runCluster(args),
  },
  strict: {
    summary: 'take the finalizer of strict mode off: `strict --help` shows how',
    verbs: ['release', 'uninstall'],
    run: async (...given) => (await import('./strict.ts')).runStrict(...given),
  },
  decode: {
    summary: 'decode payloads of Temporal with the configured keys; `decode --help` shows how',
    run: async (...given) => (await import('./decode.ts')).runDecode(...given),
  },
  token: {
    summary: 'make a token for auth mode token, and its entry for the tokens file',
    run: async (args) => (await import('./token.ts')).runToken(args),
  },
  migrate: {
    summary: 'bring the database schema up to date, as role audit_owner',
    run: async (args) => (await import('./owner.ts')).runMigrate(args),
  },
};

/**
 * The `run` of a process: checks all of its configuration before anything starts, then runs until it is
 * stopped or ends by itself.
 */
function service(
  name: ServiceName,
  load: () => Promise<(context: ServiceContext) => Promise<RunningService>>,
): Command['run'] {
  return async (args, stop) => {
    takeNoArguments(name, args);
    const { SERVICE_CHECKS } = await import('../services/service-checks.ts');
    const config = readProcessConfig(SERVICE_CHECKS[name]);
    const { logger, outages } = createServiceLogger(config.logLevel, name);
    const start = await load();
    const running = await start({ config, logger, outages, signal: stop });
    logger.info({ url: running.url }, 'started');
    await endedOrStopped(running, stop, { logger, outages });
  };
}

/** Stops it in every case: one that broke still has connections open. */
async function endedOrStopped(
  running: RunningService,
  stop: AbortSignal,
  { logger, outages }: Pick<ServiceContext, 'logger' | 'outages'>,
): Promise<void> {
  try {
    await untilStopped([running], stop);
    logger.info({ signal: stop.aborted ? String(stop.reason) : 'none' }, 'stopping');
  } finally {
    // First: what is closed in order must not be logged as a server that is away.
    await outages.close();
    await running.stop();
  }
}
