-- `principal_id` is the random pseudonym that stands in leaves; the name stays in this table.
create table principal (
  principal_id uuid primary key,
  name text not null unique check (name <> ''),
  created_event_id uuid not null references event
);

create table principal_role (
  principal_id uuid not null references principal,
  role text not null check (role in ('submitter', 'reviewer', 'auditor', 'data_protection_officer', 'administrator')),
  primary key (principal_id, role)
);

-- Only the digest of a token is kept.
create table api_token (
  token_sha256 bytea primary key check (octet_length(token_sha256) = 32),
  principal_id uuid not null references principal,
  expires_at timestamptz not null
);

create table dashboard_session (
  session_sha256 bytea primary key check (octet_length(session_sha256) = 32),
  principal_id uuid not null references principal,
  csrf_token text not null,
  expires_at timestamptz not null
);

-- Public keys with which people sign approvals. The server never holds the private half.
create table principal_key (
  key_id text primary key,
  principal_id uuid not null references principal,
  public_key bytea not null unique check (octet_length(public_key) = 32),
  registered_event_id uuid not null references event
);

create trigger principal_key_insert_only before update or delete on principal_key
  for each row execute function refuse_change();
create trigger principal_key_no_truncate before truncate on principal_key
  for each statement execute function refuse_change();

-- The first answer to a request, given again when the same request comes back.
create table idempotency (
  principal_id uuid not null references principal,
  idempotency_key text not null check (length(idempotency_key) between 1 and 200),
  request_sha256 bytea not null check (octet_length(request_sha256) = 32),
  status smallint not null,
  response jsonb not null,
  created_at timestamptz not null,
  primary key (principal_id, idempotency_key)
);

grant select, insert on principal, principal_role, principal_key, idempotency to chancery_app;
grant select, insert, delete on api_token, dashboard_session to chancery_app;
