import { EndingError } from '../domain/errors.ts';

/**
 * What a program ends with, and what that means: for scripts, for the help of both programs, and for the documentation. Every command
 * has the first four. The others are for who supervises a process: what to do differs, and the log need not be read for it (ADR 61).
 */
export const EXIT = {
  ok: {
    code: 0,
    means: 'done, or stopped on request; that nothing was found in what was watched is an answer',
  },
  failure: { code: 1, means: 'failed, or found something wrong' },
  usage: { code: 2, means: 'wrong command line' },
  configuration: {
    code: 3,
    means:
      'wrong configuration; or nobody ever watched what was asked about, so that an empty answer says nothing',
  },
  schemaTooNew: {
    code: 4,
    means: 'the database schema is newer than this version: start the version that fits',
    isOfProcess: true,
  },
  clusterSilent: {
    code: 5,
    means:
      'no cluster answered `watch` for REMEDIATION_AUDIT_CLUSTER_SILENCE_SECONDS: check the clusters and start it again',
    isOfProcess: true,
  },
} as const;

export function exitCodeOf(error: unknown): number {
  return EXIT[error instanceof EndingError ? error.ending : 'failure'].code;
}

/** One line per code, for help; `isProcess`: also those that only processes end with. */
export function exitCodesText({ isProcess }: { readonly isProcess: boolean }): string {
  const lines = Object.values(EXIT)
    .filter((one) => isProcess || !('isOfProcess' in one))
    .map(({ code, means }) => `  ${code}  ${means}\n`);
  return `Exit codes:\n${lines.join('')}`;
}
