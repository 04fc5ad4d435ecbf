import { setTimeout as delay } from 'node:timers/promises';

import { sqlStateOf } from '../../../src/database/sqlstate.ts';
import { explainFileError } from '../../up/data-directory.ts';
import type { RunningServer } from '../process/child-process.ts';

/** What PostgreSQL was asked to do, and where, as messages name it. */
interface Undertaking {
  /** For example `start the database`. */
  doing: string;
  dataDir: string;
  port: number;
}

interface Explanation {
  symptom: RegExp;
  explain: (undertaking: Undertaking) => Error;
}

/** In this order: a shared-memory mount that is too small also says that no space is left. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    symptom: /could not (create|open|resize|map) shared memory segment/,
    explain: ({ doing }) =>
      new Error(
        `cannot ${doing}: the shared memory of this system (/dev/shm) is too small for PostgreSQL; ` +
          'give it at least 64 MB, for example with docker run --shm-size=64m',
      ),
  },
  { symptom: /No space left on device|Check free disk space/, explain: asFileError('ENOSPC') },
  { symptom: /Disk quota exceeded/, explain: asFileError('EDQUOT') },
  { symptom: /Read-only file system/, explain: asFileError('EROFS') },
  {
    symptom: /could not bind .*Address already in use/,
    explain: ({ doing, port }) =>
      new Error(`cannot ${doing}: port ${port} is already taken; choose another one with --postgres-port`),
  },
  { symptom: /Permission denied|Operation not permitted/, explain: asFileError('EACCES') },
];

/** A server that ends says why before its connections break, but what it says may reach us after that. */
const LAST_WORDS_MS = 1_000;
const LAST_WORDS_INTERVAL_MS = 50;

/** One sentence where what the server says of a failed statement is understood, else the error itself. */
export async function explainStatement(
  error: unknown,
  server: Pick<RunningServer, 'recentOutput'>,
  undertaking: Undertaking,
): Promise<unknown> {
  const refused = causesOf(error).find((cause) => sqlStateOf(cause) !== undefined);
  if (refused !== undefined) return explainOutput(refused.message, undertaking) ?? error;
  // Without a SQLSTATE the connection is lost: where the write-ahead log cannot grow the server itself ends.
  const deadline = Date.now() + LAST_WORDS_MS;
  for (;;) {
    const panics = server.recentOutput().match(/^.*(?:PANIC|FATAL):.*$/gm) ?? [];
    const explained = explainOutput(panics.join('\n'), undertaking);
    if (explained !== undefined || Date.now() > deadline) return explained ?? error;
    await delay(LAST_WORDS_INTERVAL_MS);
  }
}

function causesOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

/** One sentence where the output is understood, else undefined. */
export function explainOutput(output: string, undertaking: Undertaking): Error | undefined {
  return EXPLANATIONS.find(({ symptom }) => symptom.test(output))?.explain(undertaking);
}

function asFileError(code: string): (undertaking: Undertaking) => Error {
  return ({ doing, dataDir }) => explainFileError(Object.assign(new Error(code), { code }), doing, dataDir);
}
