-- The four roles of the service, and what they need in this database: run it there, as an administrator (a superuser, or
-- the database's owner with CREATEROLE), before the first migration. Running it again changes nothing.
--
--   psql "$ADMIN_URL" --file migrations/bootstrap/roles.sql
--
--   audit_owner    owns the tables: migrations, months, the archive
--   audit_writer   the service: reads, and records through the functions of the schema
--   audit_watcher  the watcher: reads what is known of each resource, and nothing that was recorded
--   audit_reader   the API answers questions as it; whoever reports with SQL
--
-- Passwords are set apart from it: passwords.sql beside this file.
do $$
declare
  wanted text;
begin
  -- Nobody connects here, or makes temporary tables, only because the server lets everybody.
  execute format('revoke connect, temporary on database %I from public', current_database());
  foreach wanted in array array['audit_owner', 'audit_writer', 'audit_watcher', 'audit_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I login', wanted);
    end if;
    execute format('grant connect on database %I to %I', current_database(), wanted);
    -- One form of times and intervals for every reader, whatever the server's own defaults are.
    execute format('alter role %I set timezone = %L', wanted, 'UTC');
    execute format('alter role %I set intervalstyle = %L', wanted, 'postgres');
  end loop;
  -- A report over the archive loads the archived rows beside those of the database.
  execute format('grant temporary on database %I to audit_owner, audit_writer, audit_reader', current_database());
end
$$;

-- Since PostgreSQL 15 only the owner of a database may create tables in its schema public. The migrations run as
-- audit_owner, which need not own the database.
grant usage, create on schema public to audit_owner;
grant usage on schema public to audit_writer, audit_watcher, audit_reader;

-- An extension that only an administrator may create, where the server has it. Without it embeddings are arrays, and
-- similar investigations are found without an index; `remediation-audit upgrade-embeddings` converts them later.
do $$
begin
  if exists (select from pg_available_extensions where name = 'vector') then
    create extension if not exists vector;
  end if;
exception when insufficient_privilege then
  raise warning 'the extension vector was not created, embeddings will be arrays: create extension vector needs a superuser';
end
$$;

-- Limits of a session that sets none. The service sets shorter ones on each of its connections; these are for whoever
-- connects with psql, and for a connection that was stolen.
alter role audit_reader set default_transaction_read_only = on;
alter role audit_reader set statement_timeout = '5min';
alter role audit_reader set idle_in_transaction_session_timeout = '5min';
alter role audit_reader set lock_timeout = '5s';
-- Each replica of the API has ten at most, four for lists and records and six for reports.
alter role audit_reader connection limit 60;
alter role audit_watcher set statement_timeout = '1min';
alter role audit_watcher set idle_in_transaction_session_timeout = '1min';
alter role audit_watcher set lock_timeout = '5s';
alter role audit_watcher connection limit 20;
alter role audit_writer set statement_timeout = '5min';
alter role audit_writer set idle_in_transaction_session_timeout = '1min';
alter role audit_writer set lock_timeout = '30s';
-- A server takes 100 connections unless it is told otherwise: migrations, retention and readers must still get in.
alter role audit_writer connection limit 60;
-- No limit for the statements and locks of the owner: a migration and the COPY of a month take as long as they take.
alter role audit_owner set idle_in_transaction_session_timeout = '1h';
