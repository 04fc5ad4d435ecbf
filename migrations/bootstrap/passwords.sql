-- The passwords of the four roles, for psql 15 or newer, after roles.sql:
--
--   AUDIT_OWNER_PASSWORD=… AUDIT_WRITER_PASSWORD=… AUDIT_WATCHER_PASSWORD=… AUDIT_READER_PASSWORD=… \
--     psql "$ADMIN_URL" --file migrations/bootstrap/passwords.sql
--
-- psql reads them from the environment itself and quotes them: they are never part of a command line, which other users
-- of the machine could read, and may hold any character.
\set ON_ERROR_STOP on
\set owner_password ''
\set writer_password ''
\set watcher_password ''
\set reader_password ''
\getenv owner_password AUDIT_OWNER_PASSWORD
\getenv writer_password AUDIT_WRITER_PASSWORD
\getenv watcher_password AUDIT_WATCHER_PASSWORD
\getenv reader_password AUDIT_READER_PASSWORD

select '' in (:'owner_password', :'writer_password', :'watcher_password', :'reader_password') as is_incomplete \gset
\if :is_incomplete
  do $$ begin raise exception 'set AUDIT_OWNER_PASSWORD, AUDIT_WRITER_PASSWORD, AUDIT_WATCHER_PASSWORD and AUDIT_READER_PASSWORD in the environment'; end $$;
\endif

alter role audit_owner password :'owner_password';
alter role audit_writer password :'writer_password';
alter role audit_watcher password :'watcher_password';
alter role audit_reader password :'reader_password';
