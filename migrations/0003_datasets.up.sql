-- Content-addressed: `digest` is SHA-256 of the plain bytes. The bytes lie encrypted in the object store;
-- `wrapped_key` is their data key under the master key, which never enters the database.
create table blob (
  digest text primary key check (digest ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null check (size_bytes >= 0),
  wrapped_key bytea not null,
  created_at timestamptz not null
);

-- Whoever brought the bytes may register them: knowing a digest is not having the data.
create table blob_holder (
  digest text not null references blob,
  principal_id uuid not null references principal,
  primary key (digest, principal_id)
);

-- A split that is protected in one data set must not be published as the held-out split of another.
create table blob_use (
  digest text primary key references blob,
  part text not null check (part in ('training', 'evaluation'))
);

create table dataset (
  dataset_id uuid primary key,
  name text not null unique check (name <> ''),
  card jsonb not null,
  training_blob text not null unique references blob, -- the same data twice would get its budget twice
  evaluation_blob text not null references blob,
  training_rows bigint not null check (training_rows > 0),
  decision_id uuid not null,
  registered_event_id uuid not null references event
);

create table ai_system (
  system_id uuid primary key,
  name text not null unique check (name <> ''),
  card jsonb not null,
  registered_event_id uuid not null references event
);

-- The text of every rule pack that ever decided, so that a decision can be replayed.
create table policy_pack (
  digest text primary key,
  version text not null,
  sources jsonb not null
);

-- `facts` is the canonical JSON that was decided on, byte for byte.
create table decision (
  decision_id uuid primary key,
  gate text not null,
  allow boolean not null,
  subject_kind text not null,
  subject_id text not null,
  facts text not null,
  record jsonb not null,
  pack_digest text not null references policy_pack,
  decided_at timestamptz not null,
  event_id uuid not null references event
);
create index decision_subject on decision (subject_kind, subject_id);
alter table dataset add foreign key (decision_id) references decision;
create trigger decision_insert_only before update or delete on decision
  for each row execute function refuse_change();
create trigger decision_no_truncate before truncate on decision
  for each statement execute function refuse_change();

grant select, insert on blob, blob_holder, blob_use, dataset, ai_system, policy_pack, decision to chancery_app;
grant select on dataset, ai_system, policy_pack, decision to chancery_auditor;
