-- The three roles of the service, and what they need in this database: run it there, as an administrator (a superuser, or
-- the database's owner with CREATEROLE), before the first migration. Running it again changes nothing.
--
--   psql "$ADMIN_URL" --file migrations/bootstrap/roles.sql
--
-- Passwords are set apart from it: passwords.sql beside this file.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['audit_owner', 'audit_writer', 'audit_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I login', wanted);
    end if;
    -- A server may have taken the right to connect from everybody.
    execute format('grant connect on database %I to %I', current_database(), wanted);
  end loop;
end
$$;

-- Since PostgreSQL 15 only the owner of a database may create tables in its schema public. The migrations run as
-- audit_owner, which need not own the database.
grant usage, create on schema public to audit_owner;
grant usage on schema public to audit_writer, audit_reader;

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

-- One form of times and intervals for every reader, whatever the server's own defaults are.
alter role audit_owner set timezone = 'UTC';
alter role audit_owner set intervalstyle = 'postgres';
alter role audit_writer set timezone = 'UTC';
alter role audit_writer set intervalstyle = 'postgres';
alter role audit_reader set timezone = 'UTC';
alter role audit_reader set intervalstyle = 'postgres';
