-- The three roles of the service. Run once per database server by an administrator, before the first migration;
-- running it again changes nothing. Passwords are set apart from it: alter role audit_writer password '…'.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['audit_owner', 'audit_writer', 'audit_reader'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I login', wanted);
    end if;
  end loop;
end
$$;

-- One form of times and intervals for every reader, whatever the server's own defaults are.
alter role audit_owner set timezone = 'UTC';
alter role audit_owner set intervalstyle = 'postgres';
alter role audit_writer set timezone = 'UTC';
alter role audit_writer set intervalstyle = 'postgres';
alter role audit_reader set timezone = 'UTC';
alter role audit_reader set intervalstyle = 'postgres';
