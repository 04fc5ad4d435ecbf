import { constants } from 'node:os';

import { InsecureBindError } from '../api/http/server.ts';
import { SettingsError, UsageError } from '../config/settings.ts';
import { SchemaTooNewError } from '../database/migrate.ts';
import { ClusterAccessError } from '../kubernetes/cluster-connection.ts';
import { ClusterIdentityError } from '../watcher/identified-watcher.ts';
import { ClusterSilentError } from '../watcher/start-watcher.ts';

/** What the process ends with; documented in docs/configuration.md. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  configuration: 3,
  schemaTooNew: 4,
  clusterSilent: 5,
} as const;

const SIGNAL_EXIT_BASE = 128;

/** What a shell says of a program that a signal ended. */
export function exitCodeOfSignal({ reason }: AbortSignal): number {
  return SIGNAL_EXIT_BASE + constants.signals[reason as NodeJS.Signals];
}

export function exitCodeOf(error: unknown): number {
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
