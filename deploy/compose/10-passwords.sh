#!/bin/sh
# Runs once, by the PostgreSQL image, when the data volume is empty, after 00-roles.sql has made the roles. Only a
# superuser may do what is done here; afterwards no process of ours needs one.
#
# psql reads the passwords itself (\getenv) and quotes them (:'name'): they are never part of a command line, which
# every process of the container could read, and may hold any character.
set -eu

: "${AUDIT_OWNER_PASSWORD:?set it in the environment of the postgres service}"
: "${AUDIT_WRITER_PASSWORD:?set it in the environment of the postgres service}"
: "${AUDIT_READER_PASSWORD:?set it in the environment of the postgres service}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password AUDIT_OWNER_PASSWORD
\getenv writer_password AUDIT_WRITER_PASSWORD
\getenv reader_password AUDIT_READER_PASSWORD
\getenv database POSTGRES_DB

alter role audit_owner with login password :'owner_password';
alter role audit_writer with login password :'writer_password';
alter role audit_reader with login password :'reader_password';

-- The owner of the database also owns its schema public (through pg_database_owner), so migrations can create there.
alter database :"database" owner to audit_owner;

-- Not a trusted extension: the owner could not create it. Migrations choose vector columns where it is present.
create extension if not exists vector;
SQL
