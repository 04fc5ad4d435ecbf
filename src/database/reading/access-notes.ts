import type pg from 'pg';

import type { JsonValue } from '../../domain/json.ts';

/*
 * The audit of reads: who read what, and who was refused. A row of `audit_access` is written by a function of the database
 * alone, which sets the time and the role of the session; nobody but the owner of the schema could change one later, and a
 * trigger refuses it to the owner, too.
 */

/** One read, or as many refusals of one kind as `times` says. */
export interface AccessNote {
  readonly caller: string;
  /** Method and path of the route, or the command without its arguments. */
  readonly route: string;
  /** What was asked for, with its secrets redacted. */
  readonly filter?: JsonValue;
  /** Rows in the answer. */
  readonly rows?: number;
  readonly requestId?: string;
  /** Of the answer. A command has none. */
  readonly status?: number;
  /** Where a refused request came from. */
  readonly address?: string;
  /** Default 1. */
  readonly times?: number;
}

const NOTE_ACCESS = `
  select audit_note_access(
    $1::text, $2::text, $3::jsonb, $4::bigint, $5::text, $6::integer, $7::text, $8::integer)`;

/** Settles when the note is committed; on a client that is in a transaction, when it is written. */
export async function noteAccess(database: pg.Pool | pg.PoolClient, note: AccessNote): Promise<void> {
  const { caller, route, filter, rows, requestId, status, address, times = 1 } = note;
  await database.query({
    name: 'note-access',
    text: NOTE_ACCESS,
    values: [
      ...[caller, route, filter === undefined ? null : JSON.stringify(filter), rows, requestId],
      ...[status, address, times],
    ],
  });
}
