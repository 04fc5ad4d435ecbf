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
--
-- `poster` is who posted the records that need the month; null when a resource, a restore or the rollover needs it. A poster
-- makes no more than `most_per_day` months in 24 hours, and makes no archived month live again unless `may_revive`: that
-- would void its approval and keep it from being dropped.
create or replace function audit_create_month(
  wanted date, poster text default null, may_revive boolean default true, most_per_day integer default null
) returns boolean
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
  is_old  boolean := false;
  was     text;
begin
  wanted := date_trunc('month', wanted)::date;
  -- The same bounds stand in domain/limits.ts; a month outside them is a typing error, not a record.
  if wanted < date '2015-01-01' or wanted > (date_trunc('month', now()) + interval '24 months')::date then
    raise exception 'no partition for %: outside 2015-01 … 24 months ahead', to_char(wanted, 'YYYY-MM')
      using errcode = 'datetime_field_overflow';
  end if;

  -- Two writers may miss the same month at once; the second waits and finds it made. Retention drops under it too.
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));

  if poster is not null then
    select known.state into was from audit_partition as known where known.month = wanted;
    if not may_revive then
      perform audit_require_open_months(array[wanted]);
    end if;
    if most_per_day is not null and (was is null or was not in ('live', 'archiving')) then
      -- Posters are counted one after the other: two of their months at once must not both be the last one allowed.
      perform pg_advisory_xact_lock(hashtext('audit_create_month'), hashtext(poster));
      if (select count(*) from audit_partition as known
          where known.made_by = poster and known.made_at > clock_timestamp() - interval '24 hours') >= most_per_day then
        raise exception '% has made % months in 24 hours, and no more are allowed', poster, most_per_day
          using errcode = 'RA002';
      end if;
    end if;
  end if;

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
    else
      is_old := true;
    end if;
    execute format(
      'alter table %I attach partition %I for values from (%L) to (%L)',
      parent.relname, child,
      to_char(wanted, 'YYYY-MM-DD" 00:00:00+00"'),
      to_char((wanted + interval '1 month')::date, 'YYYY-MM-DD" 00:00:00+00"'));
    if parent.relname in ('audit_ledger', 'audit_access') then
      perform audit_guard_append_only(child::regclass);
    end if;
    made := true;
  end loop;
  if is_old then
    perform audit_remove_moved_rows(wanted);
  end if;

  insert into audit_partition (month, made_by, made_at) values (wanted, poster, clock_timestamp())
  on conflict (month) do update set
    state = 'live', approved_by = null, approved_at = null, approved_manifest_sha256 = null, detached_at = null,
    updated_at = clock_timestamp(), made_by = poster, made_at = clock_timestamp()
  where made and audit_partition.state in ('archived', 'detached', 'dropped', 'restored', 'expired');
  return made;
end
$$;
revoke all on function audit_create_month(date, text, boolean, integer) from public;
grant execute on function audit_create_month(date, text, boolean, integer) to audit_writer;

-- Refuses months of which an archive was made: what is written into them is in no archive, and makes them live again. A month
-- that nobody knows is not refused. Called for posts that may not do that, before anything of them is written.
create or replace function audit_require_open_months(wanted date[]) returns void
language plpgsql
as $$
declare
  closed record;
begin
  select known.month, known.state into closed
  from audit_partition as known
  where known.month = any(wanted) and known.state not in ('live', 'archiving')
  order by known.month
  limit 1;
  if found then
    raise exception 'month % is %', to_char(closed.month, 'YYYY-MM'), closed.state using errcode = 'RA001';
  end if;
end
$$;

-- Locks the locations of records that only posts have decided, until the end of the transaction, and says where the records
-- are. `targets` has the creation time of the resource where an observation of the resource itself is about to be stored: the
-- record moves there, and its location is final. Where it is null the location is only kept from being moved meanwhile.
--
-- The move takes the row and appends every ledger entry again at the new location, with the leaf that follows from it. The
-- ledger is append-only: the entries of the old location stay, and record_move says that they were moved. What is not in the
-- database any more, because the old month is detached or dropped, stays in the archive; the record then begins anew, and
-- record_move says that something of it was left behind: reads of the archive leave its old row out.
--
-- All ids in one order, so that two writers do not wait for each other.
create or replace function audit_fix_locations(ids uuid[], targets timestamptz[])
returns table (id uuid, created_at timestamptz)
language plpgsql
security definer
set search_path = public, pg_temp
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  wanted      record;
  known       record;
  entries     integer;
  moved_rows  integer;
  instant_format constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
begin
  for wanted in
    select asked.id, asked.target
    from unnest(ids, targets) as asked (id, target)
    order by asked.id
  loop
    if wanted.target is null then
      select * into known from record_home as home where home.id = wanted.id for share;
    else
      select * into known from record_home as home where home.id = wanted.id for update;
    end if;
    continue when not found;

    if wanted.target is not null and not known.is_final then
      if known.created_at <> wanted.target then
        -- Whoever attaches the old month removes the rows that were moved away meanwhile: it must not do so beside this.
        perform pg_advisory_xact_lock_shared(
          hashtext('audit_create_month'), (date_trunc('month', known.created_at)::date - date '2000-01-01'));
        insert into audit_ledger (record_id, created_at, source_version, content_hash, recorded_at, observed_at, table_name,
          cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
        select entry.record_id, wanted.target, entry.source_version, entry.content_hash, entry.recorded_at, entry.observed_at,
          entry.table_name, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt,
          entry.payload_hash,
          -- Byte for byte the leaf of identity/identities.ts.
          sha256('\x00'::bytea || convert_to(
            '{"actor":' || to_json(entry.actor) || ',"cluster":' || to_json(entry.cluster)
            || ',"created_at":"' || to_char(wanted.target, instant_format)
            || '","observed_at":"' || to_char(entry.observed_at, instant_format)
            || '","payload_hash":"' || encode(entry.payload_hash, 'hex')
            || '","phase":"' || entry.phase || '","record_id":"' || entry.record_id
            || '","remediation_uid":' || coalesce(to_json(entry.remediation_uid)::text, 'null')
            || ',"source_version":"' || entry.source_version || '","table":"' || entry.table_name || '","v":1}',
            'UTF8'))
        from audit_ledger as entry
        where entry.record_id = wanted.id and entry.created_at = known.created_at
        order by entry.source_version, entry.content_hash;
        get diagnostics entries = row_count;
      end if;
      execute format(
        $update$update %I set created_at = $1, created_at_source = 'resource' where id = $2 and created_at = $3$update$,
        known.table_name) using wanted.target, wanted.id, known.created_at;
      get diagnostics moved_rows = row_count;
      if known.created_at <> wanted.target then
        insert into record_move (id, table_name, from_created_at, to_created_at, entries, left_behind)
        values (wanted.id, known.table_name, known.created_at, wanted.target, entries,
          moved_rows = 0 or exists (
            select from audit_partition as month
            where month.month = date_trunc('month', known.created_at)::date and month.settled_manifest is not null));
      end if;
      update record_home as home set created_at = wanted.target, is_final = true where home.id = wanted.id;
      known.created_at := wanted.target;
    end if;
    id := known.id;
    created_at := known.created_at;
    return next;
  end loop;
end
$$;
revoke all on function audit_fix_locations(uuid[], timestamptz[]) from public;
grant execute on function audit_fix_locations(uuid[], timestamptz[]) to audit_writer;

-- Removes the rows of records that were moved away while their month was not attached. Whoever attaches tables of a month with
-- rows in them calls this under the lock of the month. The ledger entries stay, as those of every other move.
create or replace function audit_remove_moved_rows(wanted date) returns void
language plpgsql
set timezone = 'UTC'
as $$
declare
  moved  record;
begin
  for moved in
    select distinct move.table_name
    from record_move as move
    where move.left_behind and move.from_created_at >= wanted and move.from_created_at < wanted + interval '1 month'
  loop
    execute format(
      'delete from %I as stored using record_move as move
       where move.left_behind and move.table_name = %L
         and move.from_created_at >= $1 and move.from_created_at < $1 + interval ''1 month''
         and stored.id = move.id and stored.created_at = move.from_created_at',
      moved.table_name, moved.table_name) using wanted::timestamptz;
  end loop;
end
$$;
revoke all on function audit_remove_moved_rows(date) from public;

-- For the triggers on the ledger and on the reads.
create or replace function audit_refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op
    using errcode = 'insufficient_privilege';
end
$$;

-- Makes TRUNCATE of an append-only table fail. ATTACH gives a partition the row triggers of its parent, but no statement
-- trigger, so each month needs its own: whoever attaches one calls this. Dropping a table fires no trigger.
create or replace function audit_guard_append_only(guarded regclass) returns void
language plpgsql
as $$
begin
  execute format(
    'create or replace trigger audit_no_truncate before truncate on %s
     for each statement execute function audit_refuse_change()', guarded);
end
$$;
revoke all on function audit_guard_append_only(regclass) from public;

-- Notes one read in audit_access, or as many refusals of one kind as it is told. The time is the database's and noted_as the role of
-- the session, so that nobody who may call it writes a read into the past or in the name of another role. The first read of a
-- month may find no partition yet.
create or replace function audit_note_access(
  caller text, route text, filter jsonb, rows_returned bigint, request_id text, status integer, address text, times integer
) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
declare
  noted timestamptz := clock_timestamp();
begin
  if times < 1 then
    raise exception 'a note of % reads by % stands for none', times, caller using errcode = 'invalid_parameter_value';
  end if;
  for attempt in 1..2 loop
    begin
      insert into audit_access (
        created_at, caller, route, filter, rows_returned, request_id, status, address, times, noted_as)
      values (noted, caller, route, filter, rows_returned, request_id, status, address, times, session_user);
      return;
    exception when check_violation then
      if attempt = 2 then
        raise;
      end if;
      perform audit_create_month((noted at time zone 'UTC')::date);
    end;
  end loop;
end
$$;
revoke all on function audit_note_access(text, text, jsonb, bigint, text, integer, text, integer) from public;
grant execute on function audit_note_access(text, text, jsonb, bigint, text, integer, text, integer)
  to audit_writer, audit_reader;

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

-- What the watcher asks and reports. Its role reads one table, observed_resource; all else it learns and says here. The
-- service and its readers call them too, so that everybody gets one answer.

-- The identity that is recorded for a name: the first one that a watcher knew, unless the owner forgot it.
create or replace function audit_register_cluster(wanted_cluster text, wanted_identity text) returns text
language plpgsql
security definer
set search_path = public, pg_temp
as $$
declare
  known_identity  text;
begin
  insert into watched_cluster as known (cluster, identity)
  values (wanted_cluster, wanted_identity)
  on conflict (cluster) do update set
    identity = coalesce(known.identity, excluded.identity)
  returning known.identity into known_identity;
  return known_identity;
end
$$;
revoke all on function audit_register_cluster(text, text) from public;
grant execute on function audit_register_cluster(text, text) to audit_watcher;

-- What its watcher has seen of a cluster replaces what it reported before.
create or replace function audit_report_cluster(wanted_cluster text, wanted_report jsonb) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  insert into watched_cluster as known (cluster, reported_at, report)
  values (wanted_cluster, clock_timestamp(), wanted_report)
  on conflict (cluster) do update set
    reported_at = excluded.reported_at,
    report = excluded.report;
end
$$;
revoke all on function audit_report_cluster(text, jsonb) from public;
grant execute on function audit_report_cluster(text, jsonb) to audit_watcher;

-- 0 for a cluster whose versions never began anew.
create or replace function audit_cluster_epoch(wanted_cluster text) returns bigint
language plpgsql
stable
security definer
set search_path = public, pg_temp
as $$
begin
  return coalesce((select known.epoch from audit_cluster as known where known.cluster = wanted_cluster), 0);
end
$$;
revoke all on function audit_cluster_epoch(text) from public;
grant execute on function audit_cluster_epoch(text) to audit_watcher;

-- In the functions up to audit_gaps an empty name stands for every cluster.
create or replace function audit_watched_clusters(wanted_cluster text)
  returns table (cluster text, first_watched_at timestamptz, reported_at timestamptz, report jsonb)
language plpgsql
stable
security definer
set search_path = public, pg_temp
as $$
begin
  return query
  select watched.cluster, watched.first_watched_at, watched.reported_at, watched.report
  from watched_cluster as watched
  where wanted_cluster in ('', watched.cluster)
  order by watched.cluster;
end
$$;
revoke all on function audit_watched_clusters(text) from public;
grant execute on function audit_watched_clusters(text) to audit_writer, audit_watcher, audit_reader;

create or replace function audit_verdicts(wanted_cluster text)
  returns table (cluster text, verdict text, remediations integer)
language plpgsql
stable
security definer
set search_path = public, pg_temp
as $$
begin
  return query
  select remediation.cluster, coalesce(remediation.verdict, 'open'), count(*)::integer
  from remediation_audit as remediation
  where wanted_cluster in ('', remediation.cluster)
  group by 1, 2
  order by 1, 2;
end
$$;
revoke all on function audit_verdicts(text) from public;
grant execute on function audit_verdicts(text) to audit_writer, audit_watcher, audit_reader;

-- The clusters of which anything was observed, each found behind the one before by the primary key.
create or replace function audit_recorded_clusters(wanted_cluster text) returns setof text
language plpgsql
stable
security definer
set search_path = public, pg_temp
as $$
begin
  return query
  with recursive recorded as (
    select min(observed.cluster) as cluster
    from observed_resource as observed
    union all
    select (select min(observed.cluster) from observed_resource as observed where observed.cluster > recorded.cluster)
    from recorded
    where recorded.cluster is not null
  )
  select recorded.cluster
  from recorded
  where recorded.cluster is not null
    and wanted_cluster in ('', recorded.cluster);
end
$$;
revoke all on function audit_recorded_clusters(text) from public;
grant execute on function audit_recorded_clusters(text) to audit_writer, audit_watcher, audit_reader;

-- What the record itself shows to be missing, by name, as of one moment. Nothing of what was recorded is in it.
-- wanted_uid: of one remediation only; null for all.
--
-- Of millions of resources and remediations it reads those that an index names as possibly missing: it is exact, because only
-- what was found once is left out of these indexes, and nothing that was found is lost again. A month that leaves the
-- database takes remediations with it whose verdict was found before.
create or replace function audit_gaps(wanted_cluster text, overdue_seconds integer, wanted_uid text)
  returns table (
    cluster text, reason text, remediation_uid text, namespace text, name text, since timestamptz)
language plpgsql
stable
security definer
set search_path = public, pg_temp
-- One remediation is found by its keys; a plan that is made for all of them reads every table.
set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with gap as (
    select request.cluster, 'without-verdict' as reason, request.source_uid as remediation_uid, request.namespace, request.name,
      request.deleted_at as since
    from remediation_audit as open
    join observed_resource as request
      on request.cluster = open.cluster
      and request.source_uid = open.remediation_uid
    where (open.verdict = 'open' or open.verdict is null)
      and request.kind = 'RemediationRequest'
      and request.deleted_at is not null
      and (wanted_uid is null or open.remediation_uid = wanted_uid)
    union all
    select request.cluster, 'without-verdict', request.source_uid, request.namespace, request.name, request.deleted_at
    from observed_resource as request
    where request.unmatched
      and request.kind = 'RemediationRequest'
      and request.deleted_at is not null
      and (wanted_uid is null or request.source_uid = wanted_uid)
      and not exists (
        select 1
        from remediation_audit as remediation
        where remediation.cluster = request.cluster
          and remediation.remediation_uid = request.source_uid
      )
    union all
    select child.cluster, 'remediation-unseen', child.remediation_uid, child.namespace, child.name, child.first_seen
    from observed_resource as child
    where child.unmatched
      and child.kind <> 'RemediationRequest'
      and (wanted_uid is null or child.remediation_uid = wanted_uid)
      and not exists (
        select 1
        from observed_resource as request
        where request.cluster = child.cluster
          and request.source_uid = child.remediation_uid
      )
    union all
    select open.cluster, 'overdue', open.remediation_uid, open.namespace, open.remediation_id, open.started_at
    from remediation_audit as open
    where (open.verdict = 'open' or open.verdict is null)
      and coalesce(open.started_at, open.created_at) < clock_timestamp() - make_interval(secs => overdue_seconds)
      and (wanted_uid is null or open.remediation_uid = wanted_uid)
    union all
    select gone.cluster, 'final-state-unknown', gone.remediation_uid, gone.namespace, gone.remediation_id, gone.deleted_at
    from remediation_audit as gone
    where gone.final_state_unknown
      and gone.verdict = 'deleted-before-terminal'
      and (wanted_uid is null or gone.remediation_uid = wanted_uid)
    union all
    select aside.cluster, 'quarantined', aside.remediation_uid, null, null, aside.received_at
    from audit_quarantine as aside
    where aside.resolved_at is null
      and (wanted_uid is null or aside.remediation_uid = wanted_uid)
  )
  select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
  from gap
  where wanted_cluster in ('', gap.cluster);
end
$$;
revoke all on function audit_gaps(text, integer, text) from public;
grant execute on function audit_gaps(text, integer, text) to audit_writer, audit_watcher, audit_reader;

create or replace function audit_gaps(wanted_cluster text, overdue_seconds integer)
  returns table (
    cluster text, reason text, remediation_uid text, namespace text, name text, since timestamptz)
language sql
stable
security definer
set search_path = public, pg_temp
as $$
  select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
  from audit_gaps(wanted_cluster, overdue_seconds, null) as gap
$$;
revoke all on function audit_gaps(text, integer) from public;
grant execute on function audit_gaps(text, integer) to audit_writer, audit_watcher, audit_reader;

-- What the service writes. Its role has no INSERT, UPDATE or DELETE on any table: it calls these, and those that
-- recording-functions.ts derives from the record definitions for each table. Times and numbers are set here, by the clock
-- and the sequences of the database.

-- Plans of these functions are made once in a session: to plan a statement for each call took longer than to run it. They may
-- have been made while the tables were small, so none may read a table whole: no sequential scan, and (select true …) where the
-- planner could turn an exists into one reading of all that is there.

-- Which record each observation is about where that is not the one of its own key, by its index: the record that is known by
-- one of its names. The first transaction that brings a name decides; another one waits for it in the insert, and the next
-- statement sees what was decided.
--
-- ids: of the observations' own keys. started, named: of the source's own key, with its start and alone. clients: as posted.
-- resources: whether the key is that of a resource. Such an observation goes where no id of a client can lead it, and a record
-- that only posts have written is met by one resource at most: whoever posts cannot bring two resources into one record.
-- shared: whether another observation of the list has one of its names.
--
-- Nearly all observations meet nobody: no other one of the list has one of their names, and whatever is noted of these is about
-- their own record. Their names are noted in one statement. The others are decided one after the other.
create or replace function audit_resolve_records(
  table_names text[], ids uuid[], started uuid[], named uuid[], clients uuid[], since timestamptz[], resources boolean[],
  shared boolean[]
) returns table (nth bigint, id uuid)
language plpgsql
security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  meeting bigint[];
  one record;
  target uuid;
  known uuid;
begin
  meeting := array(
    select nth
    from unnest(table_names, ids, started, named, clients, since, shared) with ordinality
      as observed (table_name, id, started, named, client, since, is_shared, nth)
    where is_shared
      or (
        select true
        from record_alias
        where table_name = observed.table_name
          and id = any (array[observed.id, observed.started, observed.client, observed.named])
          -- Or about a start of it that was earlier.
          and (record_id <> observed.id or record_alias.since < least(observed.since, clock_timestamp()))
        limit 1
      )
      -- A post may have been first that says the name alone.
      or (named <> id and (select true from record_home where record_home.id = named))
  );

  begin
    -- No ON CONFLICT, which costs as much again: this fails where another transaction notes one of them meanwhile.
    insert into record_alias (table_name, given_by, id, record_id, since)
    select observed.table_name, name.given_by, name.id, observed.id, name.since
    from unnest(table_names, ids, started, named, clients, since) with ordinality
      as observed (table_name, id, started, named, client, since, nth)
    cross join lateral (values
      (1, 'source', observed.started, null),
      (2, 'client', nullif(observed.client, observed.id), null),
      -- A start that is still to come would be the newest for ever.
      (3, 'source', nullif(observed.named, observed.id), least(observed.since, clock_timestamp()))
    ) as name (position, given_by, id, since)
    where name.id is not null
      and nth <> all (meeting)
      and (
        select true
        from record_alias as noted
        where noted.table_name = observed.table_name
          and noted.id = name.id
          and noted.given_by = name.given_by
          -- What was noted since the statement before, of another record, is met by the insert.
          and noted.record_id = observed.id
      ) is null
    -- As the others are decided.
    order by observed.table_name, coalesce(observed.named, observed.started, observed.id), nth, position;
  exception when unique_violation then
    raise exception 'a name of a record was given by another transaction meanwhile'
      using errcode = 'serialization_failure', hint = 'the same again meets the records that have these names now';
  end;

  if meeting = '{}' then
    return;
  end if;
  for one in
    select observed.*
    from unnest(table_names, ids, started, named, clients, since, resources) with ordinality
      as observed (table_name, id, started, named, client, since, is_resource, nth)
    where observed.nth = any (meeting)
    -- One order for all writers. Of one name what says its start comes first: what does not is about the newest.
    order by observed.table_name, coalesce(observed.named, observed.started, observed.id), observed.id = observed.named, observed.nth
  loop
    target := (
      select record_id
      from record_alias
      where table_name = one.table_name
        and ((given_by <> 'client' and id = one.id) or (given_by = 'client' and id = one.client and not one.is_resource))
      order by given_by = 'client' desc
      limit 1);
    if target is null and exists (select from record_home where id = one.id) and one.id is distinct from one.named then
      target := one.id;
    end if;

    if target is null then
      target := one.id;
      -- A post that named it alone was first: this is the start of what it is about.
      if one.id <> one.named
        and exists (select from record_home where id = one.named and not is_final)
        and not exists (select from record_alias where table_name = one.table_name and given_by = 'source' and id = one.named)
      then
        target := one.named;
      end if;
      if one.started is not null then
        insert into record_alias (table_name, given_by, id, record_id)
        values (one.table_name, 'source', one.started, target)
        on conflict do nothing;
        select record_id into known
        from record_alias
        where table_name = one.table_name and given_by = 'source' and id = one.started;
        -- A post meets whatever has its name. A resource meets a record of posts, and never that of another resource.
        if not one.is_resource or exists (select from record_home where id = known and not is_final) then
          target := known;
        end if;
      end if;
    elsif one.started is not null then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, 'source', one.started, target)
      on conflict do nothing;
    end if;

    if one.id <> target and one.id is distinct from one.named then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, case when one.is_resource then 'resource' else 'source' end, one.id, target)
      on conflict do nothing;
      -- Another resource has met that record before.
      if one.is_resource and not exists (
        select from record_alias where table_name = one.table_name and given_by = 'resource' and id = one.id and record_id = target)
      then
        target := one.id;
      end if;
    end if;
    if one.client <> target then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, 'client', one.client, target)
      on conflict do nothing;
    end if;
    if one.id <> one.named then
      insert into record_alias as newest (table_name, given_by, id, record_id, since)
      -- A start that is still to come would be the newest for ever.
      values (one.table_name, 'source', one.named, target, least(one.since, clock_timestamp()))
      on conflict (table_name, id, given_by) do update set record_id = excluded.record_id, since = excluded.since
      where excluded.since > newest.since;
    end if;
    if target <> one.id then
      nth := one.nth;
      id := target;
      return next;
    end if;
  end loop;
end
$$;
revoke all on function audit_resolve_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[]) from public;
grant execute on function audit_resolve_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[])
  to audit_writer;

-- Where records are, each decided by the first transaction that brings it. A record that another transaction decides
-- meanwhile is not among the answers: the next statement sees it.
create or replace function audit_locate_records(uuid[], text[], timestamptz[], boolean[])
  returns table (id uuid, created_at timestamptz, is_final boolean, is_new boolean)
language plpgsql
security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
  with made as (
    insert into record_home (id, table_name, created_at, is_final)
    select id, table_name, created_at, is_final
    from unnest($1, $2, $3, $4) as wanted (id, table_name, created_at, is_final)
    where (select true from record_home where record_home.id = wanted.id) is null
    order by id
    on conflict (id) do nothing
    returning id, created_at, is_final
  )
  select id, created_at, is_final, false
  from record_home
  where id = any($1)
  union all
  select id, created_at, is_final, true
  from made;
end
$$;
revoke all on function audit_locate_records(uuid[], text[], timestamptz[], boolean[]) from public;
grant execute on function audit_locate_records(uuid[], text[], timestamptz[], boolean[]) to audit_writer;

-- Both in one call: names are noted, and locations are answered where each observation is about the record of its own key. Nothing
-- is answered where one of them is about another record: then the caller has to ask which, and where that is.
--
-- The first eight are those of audit_resolve_records, of the records that have other names; then all records, each once.
create or replace function audit_find_records(
  text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[], uuid[], text[], timestamptz[], boolean[]
) returns table (id uuid, created_at timestamptz, is_final boolean, is_new boolean)
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  if $1 <> '{}' then
    perform from audit_resolve_records($1, $2, $3, $4, $5, $6, $7, $8);
    if found then
      return;
    end if;
  end if;
  return query select * from audit_locate_records($9, $10, $11, $12);
end
$$;
revoke all on function audit_find_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[],
  uuid[], text[], timestamptz[], boolean[]) from public;
grant execute on function audit_find_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[],
  uuid[], text[], timestamptz[], boolean[]) to audit_writer;

-- The same for a flush of records that nobody has seen: nothing has to be learnt from the answer, so entries and rows travel with
-- this call. Whoever meets a record that is known gets an error, and asks first.
create or replace function audit_claim_records(
  text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[], uuid[], text[], timestamptz[], boolean[]
) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  if (
    select count(*) filter (where found.is_new)
    from audit_find_records($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) as found
  ) <> cardinality($9) then
    raise exception 'a record is known already' using errcode = 'RA003';
  end if;
end
$$;
revoke all on function audit_claim_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[],
  uuid[], text[], timestamptz[], boolean[]) from public;
grant execute on function audit_claim_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[],
  uuid[], text[], timestamptz[], boolean[]) to audit_writer;

-- Folds the observations of a flush per resource, then into its row. Order of arrival cannot matter, except between two
-- hashes of one version: there the later one counts, because it is what a newer release of the watcher reads of it.
-- Version and hash advance together, and only by the last observation of a state: until then the watcher sends it again.
--
-- `unmatched` is what completeness looks at. It may be true for longer than it must, and is false only when it was found
-- what the resource belongs to: the RemediationRequest of any other resource, the verdict of a RemediationRequest that
-- was deleted. The records of the flush are written before this is called.
create or replace function audit_observe_resources(
  text[], text[], text[], text[], text[], text[], text[], bigint[], text[], timestamptz[], timestamptz[]
) returns void
language plpgsql
security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  ended text[];
begin
  with seen as materialized (
    select *
    from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) with ordinality
      as seen (cluster, source_uid, kind, namespace, name, remediation_uid, phase, version, projection_hash, observed_at,
        deleted_at, nth)
  ), folded as (
    select seen.cluster, seen.source_uid, max(seen.kind) as kind, max(seen.namespace) as namespace, max(seen.name) as name,
      max(seen.remediation_uid) as remediation_uid,
      (array_agg(seen.phase order by seen.version desc, seen.phase desc) filter (where seen.phase is not null))[1] as phase,
      coalesce(max(seen.version) filter (where seen.phase is not null), 0) as phase_version,
      coalesce(max(seen.version) filter (where seen.projection_hash is not null), 0) as source_version,
      decode((array_agg(seen.projection_hash order by seen.version desc, seen.nth desc)
        filter (where seen.projection_hash is not null))[1], 'hex') as projection_hash,
      min(seen.observed_at) as first_seen, max(seen.observed_at) as last_seen, min(seen.deleted_at) as deleted_at
    from seen
    group by seen.cluster, seen.source_uid
  ), stored as (
    insert into observed_resource as known (cluster, source_uid, kind, namespace, name, remediation_uid, phase, phase_version,
      source_version, projection_hash, first_seen, last_seen, deleted_at, unmatched)
    select folded.*,
      folded.kind = 'RemediationRequest' or not coalesce(
        (folded.cluster, folded.remediation_uid) in (select seen.cluster, seen.source_uid from seen)
        or (
          select true
          from observed_resource as request
          where request.cluster = folded.cluster
            and request.source_uid = folded.remediation_uid
        ), false)
    from folded
    order by folded.cluster, folded.source_uid
    on conflict (cluster, source_uid) do update set
      remediation_uid = coalesce(known.remediation_uid, excluded.remediation_uid),
      phase = case when excluded.phase is not null
          and (known.phase is null or (excluded.phase_version, excluded.phase) > (known.phase_version, known.phase))
        then excluded.phase else known.phase end,
      phase_version = greatest(known.phase_version, excluded.phase_version),
      projection_hash = case when excluded.projection_hash is not null and excluded.source_version >= known.source_version
        then excluded.projection_hash else known.projection_hash end,
      source_version = greatest(known.source_version, excluded.source_version),
      first_seen = least(known.first_seen, excluded.first_seen),
      last_seen = greatest(known.last_seen, excluded.last_seen),
      deleted_at = least(known.deleted_at, excluded.deleted_at),
      -- What was found belongs to the remediation that the row names.
      unmatched = known.unmatched
        and (excluded.unmatched or (known.remediation_uid <> excluded.remediation_uid) is true)
    returning known.cluster, known.source_uid, known.kind, known.deleted_at, known.unmatched
  )
  select array_agg(array[stored.cluster, stored.source_uid])
  into ended
  from stored
  where stored.unmatched
    and stored.kind = 'RemediationRequest'
    and stored.deleted_at is not null;
  if ended is null then
    return;
  end if;
  update observed_resource as request
  set unmatched = false
  from generate_subscripts(ended, 1) as nth
  where request.cluster = ended[nth][1]
    and request.source_uid = ended[nth][2]
    and exists (
      select
      from remediation_audit as remediation
      where remediation.cluster = request.cluster
        and remediation.remediation_uid = request.source_uid
        and remediation.verdict <> 'open'
    );
end
$$;
revoke all on function audit_observe_resources(
  text[], text[], text[], text[], text[], text[], text[], bigint[], text[], timestamptz[], timestamptz[]) from public;
grant execute on function audit_observe_resources(
  text[], text[], text[], text[], text[], text[], text[], bigint[], text[], timestamptz[], timestamptz[]) to audit_writer;

-- The vector of an investigation; all but text and vector is copied from the analysis, where it is current.
create or replace function audit_embed_investigation(
  analysis_id uuid, analysis_created_at timestamptz, embedded_text text, embedding text, used_model text, used_dimension integer
) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  -- An array or a vector, as the column is on this server.
  execute format('
    insert into ai_investigation_embeddings as stored
      (id, alert_fingerprint, investigation_text, embedding, root_cause, confidence_score, environment, created_at,
       model, dimension, cluster, remediation_id, remediation_uid)
    select analysis.id, analysis.alert_fingerprint, $3, $4::%s, analysis.extra ->> ''root_cause'',
      analysis.confidence_score, analysis.environment, analysis.created_at, $5, $6, analysis.cluster,
      analysis.remediation_id, analysis.remediation_uid
    from ai_analysis_audit as analysis
    where analysis.id = $1 and analysis.created_at = $2
    on conflict (id) do update set
      alert_fingerprint = excluded.alert_fingerprint,
      investigation_text = excluded.investigation_text,
      embedding = excluded.embedding,
      root_cause = excluded.root_cause,
      confidence_score = excluded.confidence_score,
      environment = excluded.environment,
      model = excluded.model,
      dimension = excluded.dimension,
      remediation_id = excluded.remediation_id,
      remediation_uid = excluded.remediation_uid,
      updated_at = clock_timestamp()',
    (select format_type(atttypid, -1) from pg_attribute
     where attrelid = 'ai_investigation_embeddings'::regclass and attname = 'embedding'))
  using analysis_id, analysis_created_at, embedded_text, embedding, used_model, used_dimension;
end
$$;
revoke all on function audit_embed_investigation(uuid, timestamptz, text, text, text, integer) from public;
grant execute on function audit_embed_investigation(uuid, timestamptz, text, text, text, integer) to audit_writer;

-- What could not be stored. Refused again it is the same row, found by table and hash, with the newest reason.
create or replace function audit_quarantine_record(
  of_table text, of_cluster text, of_remediation text, why text, code text, refused text
) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  insert into audit_quarantine as known (table_name, cluster, remediation_uid, reason, sqlstate, payload, payload_hash)
  values (of_table, of_cluster, of_remediation, why, code, refused, sha256(convert_to(refused, 'UTF8')))
  on conflict (table_name, payload_hash) do update set
    reason = excluded.reason,
    sqlstate = excluded.sqlstate,
    last_refused_at = clock_timestamp(),
    refusals = known.refusals + 1;
end
$$;
revoke all on function audit_quarantine_record(text, text, text, text, text, text) from public;
grant execute on function audit_quarantine_record(text, text, text, text, text, text) to audit_writer;

-- Who settled it first stays.
create or replace function audit_settle_quarantine(entry uuid, settled_by text) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  update audit_quarantine as known
  set resolved_at = clock_timestamp(), resolved_by = settled_by
  where known.id = entry and known.resolved_at is null;
end
$$;
revoke all on function audit_settle_quarantine(uuid, text) from public;
grant execute on function audit_settle_quarantine(uuid, text) to audit_writer;

-- The id of the hold.
create or replace function audit_place_hold(
  of_cluster text, of_remediation text, of_namespace text, of_target text, from_instant timestamptz, to_instant timestamptz,
  why text, who text
) returns uuid
language plpgsql
security definer
set search_path = public, pg_temp
as $$
declare
  placed  uuid;
begin
  insert into audit_hold (cluster, remediation_uid, namespace, target_resource, from_time, to_time, reason, placed_by)
  values (of_cluster, of_remediation, of_namespace, of_target, from_instant, to_instant, why, who)
  returning id into placed;
  return placed;
end
$$;
revoke all on function audit_place_hold(text, text, text, text, timestamptz, timestamptz, text, text) from public;
grant execute on function audit_place_hold(text, text, text, text, timestamptz, timestamptz, text, text) to audit_writer;

-- The id of the hold; null where there is none, or it was released before.
create or replace function audit_release_hold(hold text, who text) returns uuid
language plpgsql
security definer
set search_path = public, pg_temp
as $$
declare
  released  uuid;
begin
  update audit_hold as known set released_by = who, released_at = clock_timestamp()
  where known.id::text = hold and known.released_at is null
  returning known.id into released;
  return released;
end
$$;
revoke all on function audit_release_hold(text, text) from public;
grant execute on function audit_release_hold(text, text) to audit_writer;

-- Whether the month is in one of the states in which its drop may be approved. The approval is of the manifest that it has now.
create or replace function audit_approve_drop(wanted date, who text, states text[]) returns boolean
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  update audit_partition as known
  set approved_by = who, approved_at = clock_timestamp(), approved_manifest_sha256 = known.manifest_sha256
  where known.month = wanted and known.state = any(states);
  return found;
end
$$;
revoke all on function audit_approve_drop(date, text, text[]) from public;
grant execute on function audit_approve_drop(date, text, text[]) to audit_writer;

-- Takes the approval back: false where the month has none, or is in none of the states. A step of retention that is under way has
-- the lock of the month and is waited for, so that nobody is told that a drop was stopped which goes on.
create or replace function audit_revoke_approval(wanted date, who text, states text[]) returns boolean
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));
  update audit_partition as known
  set approved_by = null, approved_at = null, approved_manifest_sha256 = null,
    revoked_by = who, revoked_at = clock_timestamp()
  where known.month = wanted and known.state = any(states) and known.approved_by is not null;
  return found;
end
$$;
revoke all on function audit_revoke_approval(date, text, text[]) from public;
grant execute on function audit_revoke_approval(date, text, text[]) to audit_writer;

-- Of two requests for a month the later one holds. A restore has a day to begin; its steps prolong the request.
create or replace function audit_request_restore(wanted date, wanted_days integer, who text) returns void
language plpgsql
security definer
set search_path = public, pg_temp
as $$
begin
  insert into audit_restore_request as known (month, days, requested_by, expires_at)
  values (wanted, wanted_days, who, clock_timestamp() + interval '24 hours')
  on conflict (month) do update
  set days = excluded.days, requested_by = excluded.requested_by, requested_at = clock_timestamp(),
    expires_at = greatest(known.expires_at, excluded.expires_at);
end
$$;
revoke all on function audit_request_restore(date, integer, text) from public;
grant execute on function audit_request_restore(date, integer, text) to audit_writer;
