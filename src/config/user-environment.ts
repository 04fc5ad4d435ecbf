import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import type { Setting } from './settings.ts';

/** What `kubectl remediation` reads of our own names; part of VARIABLES, so that no other command takes them for a mistake. */
export const USER_VARIABLES = {
  REMEDIATION_AUDIT_SERVER: {
    default: '',
    unit: 'URL',
    meaning: 'Address of the API; empty finds the Service in the cluster and forwards a port to it',
  },
  REMEDIATION_AUDIT_TOKEN_FILE: {
    default: '',
    unit: 'path',
    meaning: 'File with the bearer token for the API; empty takes the token of the user of the kubeconfig',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** What the command line of users reads: of the environment, and of nothing else that a service is configured with. */
export interface UserEnvironment {
  /** Empty where it is not set, as are all of these. */
  readonly server: string;
  readonly tokenFile: string;
  /** Files that kubectl would read: those of `KUBECONFIG`, or ~/.kube/config. */
  readonly kubeconfigs: readonly string[];
  /** `NO_COLOR`: any text but the empty one turns colours off. */
  readonly noColour: boolean;
  readonly terminal: string;
  /** `COLUMNS`; undefined where it is no number. */
  readonly columns: number | undefined;
}

/** The environment of the program that users run. It has no service to configure, so nothing in it is refused. */
export function readUserEnvironment(): UserEnvironment {
  const { env } = process;
  const columns = Number(env['COLUMNS'] ?? '');
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return {
    kubeconfigs: named.length > 0 ? named : [join(homedir(), '.kube', 'config')],
    server: env['REMEDIATION_AUDIT_SERVER'] ?? '',
    tokenFile: env['REMEDIATION_AUDIT_TOKEN_FILE'] ?? '',
    noColour: (env['NO_COLOR'] ?? '') !== '',
    terminal: env['TERM'] ?? '',
    columns: Number.isInteger(columns) && columns > 0 ? columns : undefined,
  };
}
