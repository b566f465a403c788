-- The event log. Roles first: they belong to the whole server, so several databases may share them.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['chancery_app', 'chancery_sequencer', 'chancery_auditor'] loop
    begin
      if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I nologin', role_name);
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another migration of the same server made it at the same moment
    end;
  end loop;
end
$$;

revoke all on schema public from public;
grant usage on schema public to chancery_app, chancery_sequencer, chancery_auditor;

-- The head of the log. One row, made by `chancery log create` and never by the sequencer:
-- a missing row is an error, so that a lost log is never silently begun anew.
create table log_state (
  singleton boolean primary key default true check (singleton),
  origin text not null,
  size bigint not null check (size >= 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  published_at timestamptz not null
);

-- `entry` is the exact leaf data (JCS bytes of the envelope).
create table event (
  event_id uuid primary key,
  kind text not null,
  actor text not null,
  subject_kind text not null,
  subject_id text not null,
  recorded_at timestamptz not null,
  entry bytea not null check (octet_length(entry) between 1 and 65535)
);
create index event_subject on event (subject_kind, subject_id);
create index event_kind on event (kind);

-- Payloads lie outside the leaf, which holds SHA-256(salt ‖ payload): both can be erased and the tree still verifies.
create table event_payload (
  event_id uuid primary key references event,
  salt bytea check (octet_length(salt) = 32),
  payload bytea,
  check ((salt is null) = (payload is null))
);

-- Events that are committed and not yet in the tree. `queue_position` orders the queue;
-- it is never a leaf index, for a sequence leaves gaps and commits out of order.
create table event_pending (
  event_id uuid primary key references event,
  queue_position bigint generated always as identity
);
create index event_pending_position on event_pending (queue_position);

create table leaf (
  leaf_index bigint primary key check (leaf_index >= 0),
  event_id uuid not null unique references event,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
);

-- One row for each tile: a partial tile is a prefix of the full one.
create table tile (
  level smallint not null check (level between 0 and 63),
  tile_index bigint not null check (tile_index >= 0),
  hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (level, tile_index)
);

create table checkpoint (
  size bigint primary key check (size >= 0),
  note text not null,
  published_at timestamptz not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on % is refused: the log is insert-only', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end
$$;

create function refuse_payload_change() returns trigger language plpgsql as $$
begin
  if new.event_id = old.event_id and new.salt is null and new.payload is null then
    return new; -- erasure
  end if;
  raise exception 'a payload may be erased, never rewritten' using errcode = 'restrict_violation';
end
$$;

create trigger event_insert_only before update or delete on event
  for each row execute function refuse_change();
create trigger event_no_truncate before truncate on event
  for each statement execute function refuse_change();
create trigger leaf_insert_only before update or delete on leaf
  for each row execute function refuse_change();
create trigger leaf_no_truncate before truncate on leaf
  for each statement execute function refuse_change();
create trigger checkpoint_insert_only before update or delete on checkpoint
  for each row execute function refuse_change();
create trigger checkpoint_no_truncate before truncate on checkpoint
  for each statement execute function refuse_change();
create trigger payload_erase_only before update on event_payload
  for each row execute function refuse_payload_change();
create trigger payload_no_delete before delete on event_payload
  for each row execute function refuse_change();
create trigger payload_no_truncate before truncate on event_payload
  for each statement execute function refuse_change();
create trigger log_state_no_delete before delete on log_state
  for each row execute function refuse_change();
create trigger log_state_no_truncate before truncate on log_state
  for each statement execute function refuse_change();

grant select, insert on event, event_payload, event_pending to chancery_app;
grant select on log_state, leaf, tile, checkpoint to chancery_app;

grant select on event to chancery_sequencer;
grant select, delete on event_pending to chancery_sequencer;
grant select, insert on leaf, checkpoint to chancery_sequencer;
grant select, insert, update on tile to chancery_sequencer;
grant select, update on log_state to chancery_sequencer;

grant select on event, event_payload, event_pending, leaf, tile, checkpoint, log_state to chancery_auditor;
