-- What changes: the functions that look for records by their names have one more parameter; the ones without it go.
-- Locks: none that anybody waits for.
-- Online: readers go on; a service of the release before keeps what it is given until it is replaced.
-- Undo by hand: apply migrations/functions.sql of the release before.
drop function if exists audit_claim_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], uuid[], text[], timestamptz[]);
drop function if exists audit_resolve_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[]);
