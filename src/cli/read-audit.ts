/*
 * The audit of reads, for the command line. In: what a command has read and is about to print. Out: one row of `audit_access`,
 * committed before the first character is printed, as the API does it (ADR 46): a read that cannot be noted is not answered.
 *
 * The name of the caller is what the operating system says of the process. Nobody has verified it, so it is marked; the role
 * of the database session, which had to sign in, is in `noted_as`.
 */
import { userInfo } from 'node:os';

import type pg from 'pg';

import type { Config } from '../config/config.ts';
import { inTransaction } from '../database/pool.ts';
import { noteAccess } from '../database/reading/access-notes.ts';
import { reasonOf } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { createRedactor } from '../redaction/redactor.ts';

/** What a command has read, for the audit of reads. */
interface CommandRead {
  /** The command without its arguments. */
  readonly route: string;
  readonly filter: JsonObject;
  /** Rows in the answer; absent where the read is noted before it begins. */
  readonly rows?: number;
}

/**
 * Prints `text`. With `read` it holds what was recorded, and is printed when the read is noted. `aside` is for people, beside an
 * answer for programs.
 */
export type WriteAnswer = (text: string, read?: CommandRead, aside?: string) => void | Promise<void>;

/** Set before the name, so that it is not taken for a caller whose token was checked. */
const SELF_REPORTED = 'self-reported:';

/** Nothing was printed. */
class UnnotedReadError extends Error {
  constructor({ route }: CommandRead, cause: unknown) {
    super(
      `nothing is printed, because reading with \`${route}\` cannot be noted in audit_access: ${reasonOf(cause)}; ` +
        'connect to the primary server, as audit_writer, audit_reader or audit_owner, with the schema migrated',
      { cause },
    );
    this.name = 'UnnotedReadError';
  }
}

/** Settles when the note is committed; rejects with what to do when it cannot be. */
export async function noteCommand(
  pool: pg.Pool,
  { redaction }: Pick<Config, 'redaction'>,
  read: CommandRead,
): Promise<void> {
  const { route, filter, rows } = read;
  const note = {
    caller: `${SELF_REPORTED}${operatingSystemUser()}`,
    route,
    filter: createRedactor(redaction).redactJson(filter).value,
    ...(rows === undefined ? {} : { rows }),
  };
  try {
    await inTransaction(pool, async (client) => {
      // Transactions of audit_reader only read, unless they begin by saying otherwise.
      await client.query('set transaction read write');
      await noteAccess(client, note);
    });
  } catch (error: unknown) {
    throw new UnnotedReadError(read, error);
  }
}

/** Its number where it has no name: containers run as users that no file of theirs lists. */
export function operatingSystemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid?.() ?? 'unknown'}`;
  }
}
