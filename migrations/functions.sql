-- The functions of the schema. `remediation-audit migrate` applies this file whenever its text is another than the one that
-- was applied last, before the numbered migrations and in their transaction: so it may be edited, unlike those.
--   - A function keeps its name, arguments and result, because programs of the release before go on calling it during an
--     upgrade. One that must change them gets another name.
--   - A function that is no longer needed is dropped by a numbered migration, not by its absence here.
--   - A program does not wait for a change of this file. If it must, the change comes with a numbered migration.
-- Locks: none that anybody waits for.

-- Makes one month of every partitioned table, or does nothing if it is there. Runs as the owner, so that the writer can
-- make the month of a record without owning anything. CREATE LIKE and ATTACH never take ACCESS EXCLUSIVE on the parent:
-- readers and writers of other months go on. A table of the month that is detached is attached, not made anew, because it
-- holds rows. A month that gets a table back or anew is live again: what is in the archive is no longer all of it.
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
    if parent.relname = 'audit_ledger' then
      perform audit_guard_ledger(child::regclass);
    end if;
    made := true;
  end loop;

  insert into audit_partition (month) values (wanted)
  on conflict (month) do update set
    state = 'live', approved_by = null, approved_at = null, detached_at = null, updated_at = clock_timestamp()
  where made and audit_partition.state in ('archived', 'detached', 'dropped', 'restored', 'expired');
  return made;
end
$$;
revoke all on function audit_create_month(date) from public;
grant execute on function audit_create_month(date) to audit_writer;

-- For the triggers on the ledger.
create or replace function audit_refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception 'the audit ledger is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;

-- Makes TRUNCATE of a ledger table fail. ATTACH gives a partition the row triggers of its parent, but no statement trigger,
-- so each month needs its own: whoever attaches one calls this. Dropping a table fires no trigger.
create or replace function audit_guard_ledger(ledger regclass) returns void
language plpgsql
as $$
begin
  execute format(
    'create or replace trigger audit_ledger_no_truncate before truncate on %s
     for each statement execute function audit_refuse_change()', ledger);
end
$$;
revoke all on function audit_guard_ledger(regclass) from public;

-- Makes the embeddings a pgvector column if the extension can be had; true if they are one afterwards. The first migration
-- and `upgrade-embeddings` call it. The index is built apart from it, because a build over many rows must not hold the
-- table.
create or replace function audit_use_vector() returns boolean
language plpgsql
as $$
begin
  if not exists (select from pg_available_extensions where name = 'vector') then
    return false;
  end if;
  begin
    create extension if not exists vector;
  exception when insufficient_privilege then
    raise notice 'embeddings stay real[]: create extension vector needs an administrator';
    return false;
  end;
  if (select atttypid::regtype::text from pg_attribute
      where attrelid = 'ai_investigation_embeddings'::regclass and attname = 'embedding') = 'real[]' then
    alter table ai_investigation_embeddings drop constraint ai_investigation_embeddings_embedding_check;
    alter table ai_investigation_embeddings alter column embedding type vector(1536) using embedding::vector(1536);
  end if;
  return true;
end
$$;
revoke all on function audit_use_vector() from public;
