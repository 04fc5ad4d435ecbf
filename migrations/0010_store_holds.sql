-- What changes: which archived months each legal hold touches, and whether the object store holds their objects.
-- Locks: SHARE ROW EXCLUSIVE on audit_hold for the moment it takes to add the foreign key. Online: yes.
-- Undo by hand: drop table audit_hold_archive; delete from schema_migration where version = 10;

create table audit_hold_archive (
  hold_id     uuid        not null references audit_hold (id),
  month       date        not null,
  state       text        not null,
  manifest    text,
  objects     integer     not null default 0,
  changed_at  timestamptz not null default clock_timestamp(),
  primary key (hold_id, month),
  constraint audit_hold_archive_state_check check (state in ('unmatched', 'held', 'unsupported', 'released'))
);

grant select on audit_hold_archive to audit_writer, audit_reader;
