-- What changes: a month that was detached is attached again when a record needs it; audit_partition says which manifest the
--   last drop relied on and why retention stopped; who may call the service as writer may approve a drop.
-- Locks: ACCESS EXCLUSIVE on audit_partition for the moment it takes to add columns. Online: yes.
-- Undo by hand: alter table audit_partition drop column settled_manifest, drop column fault, drop column fault_at;
--   revoke update (approved_by, approved_at) on audit_partition from audit_writer; create audit_create_month as it is in
--   0001; delete from schema_migration where version = 6;

alter table audit_partition
  add column settled_manifest  text,
  add column fault             text,
  add column fault_at          timestamptz;

grant update (approved_by, approved_at) on audit_partition to audit_writer;

-- As in 0001, and: a table of that month that is there but detached is attached, not made anew, because it holds rows.
-- A month that gets a table back or anew is live again: what is in the archive is no longer all of it.
create or replace function audit_create_month(wanted date) returns boolean
language plpgsql
security definer
set search_path = public, pg_temp
set timezone = 'UTC'
set lock_timeout = '500ms'
as $$
declare
  parent  record;
  child   text;
  made    boolean := false;
begin
  wanted := date_trunc('month', wanted)::date;
  -- The same bounds stand in domain/limits.ts; a month outside them is a typing error, not a record.
  if wanted < date '2015-01-01' or wanted > (date_trunc('month', now()) + interval '24 months')::date then
    raise exception 'no partition for %: outside 2015-01 … 24 months ahead', to_char(wanted, 'YYYY-MM')
      using errcode = 'datetime_field_overflow';
  end if;

  -- Two writers may miss the same month at once; the second waits and finds it made. Retention drops under it too.
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));

  for parent in
    select class.oid, class.relname
    from pg_partitioned_table as partitioned
    join pg_class as class on class.oid = partitioned.partrelid
    where class.relnamespace = 'public'::regnamespace
    order by class.relname
  loop
    child := format('%s_%s', parent.relname, to_char(wanted, 'YYYY_MM'));
    continue when exists (
      select
      from pg_inherits
      join pg_class as class on class.oid = pg_inherits.inhrelid
      where pg_inherits.inhparent = parent.oid and class.relname = child
    );
    if to_regclass(format('public.%I', child)) is null then
      execute format(
        'create table %I (like %I including defaults including constraints including generated including storage)',
        child, parent.relname);
    end if;
    execute format(
      'alter table %I attach partition %I for values from (%L) to (%L)',
      parent.relname, child,
      to_char(wanted, 'YYYY-MM-DD" 00:00:00+00"'),
      to_char((wanted + interval '1 month')::date, 'YYYY-MM-DD" 00:00:00+00"'));
    made := true;
  end loop;

  insert into audit_partition (month) values (wanted)
  on conflict (month) do update set
    state = 'live', approved_by = null, approved_at = null, detached_at = null, updated_at = clock_timestamp()
  where made and audit_partition.state in ('archived', 'detached', 'dropped');
  return made;
end
$$;
