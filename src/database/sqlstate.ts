import pg from 'pg';

/** SQLSTATEs that the code decides by. Code and name stand together here and nowhere else. */
export const SQLSTATE = {
  uniqueViolation: '23505',
  checkViolation: '23514',
  undefinedTable: '42P01',
} as const;

export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * "No partition of relation found for row" has the code of a check violation and no constraint name. The row is fine,
 * its month is not there yet: create it and try again, never set the row aside.
 */
export function isMissingPartition(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError &&
    error.code === SQLSTATE.checkViolation &&
    error.constraint === undefined
  );
}
