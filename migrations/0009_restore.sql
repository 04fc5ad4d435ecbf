-- What changes: a restored month says who asked for it; a month whose archive was removed because of its age is `expired`.
-- Locks: ACCESS EXCLUSIVE on audit_partition for the moment it takes to add columns and to check its few rows. Online: yes.
-- Undo by hand: alter table audit_partition drop column restored_by, drop column expired_at, drop constraint
--   audit_partition_state_check, add constraint audit_partition_state_check check (state in ('live', 'archiving', 'archived',
--   'detached', 'dropped', 'restored')); create audit_create_month as it is in 0006;
--   delete from schema_migration where version = 9;

alter table audit_partition
  add column restored_by  text,
  add column expired_at   timestamptz,
  drop constraint audit_partition_state_check,
  add constraint audit_partition_state_check
    check (state in ('live', 'archiving', 'archived', 'detached', 'dropped', 'restored', 'expired'));

-- As in 0006, and: a month whose archive was removed is live again with its first late row, and so is a restored one that
-- retention was about to take away.
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
  where made and audit_partition.state in ('archived', 'detached', 'dropped', 'restored', 'expired');
  return made;
end
$$;
