create table job (
  job_id uuid primary key,
  kind text not null,
  name text not null,
  spec jsonb not null,
  dataset_id uuid not null references dataset,
  submitter uuid not null references principal,
  state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  attempt integer not null default 0 check (attempt >= 0),
  attempts_max integer not null check (attempts_max between 1 and 10),
  lease_token uuid,
  lease_expires_at timestamptz,
  cancel_requested boolean not null default false,
  failure jsonb,
  decision_id uuid not null references decision,
  admitted_event_id uuid not null references event,
  settled_event_id uuid references event,
  created_at timestamptz not null,
  started_at timestamptz, -- first attempt
  check ((state = 'running') = (lease_token is not null)),
  check ((lease_token is null) = (lease_expires_at is null)),
  check ((state in ('succeeded', 'failed', 'cancelled')) = (settled_event_id is not null)),
  check ((state = 'failed') = (failure is not null))
);
create index job_queue on job (created_at) where state = 'queued';
create index job_leases on job (lease_expires_at) where state = 'running';

create table job_progress (
  job_id uuid not null references job,
  attempt integer not null,
  sequence integer not null check (sequence >= 0),
  line jsonb not null,
  recorded_at timestamptz not null,
  primary key (job_id, attempt, sequence)
);

-- Privacy loss in integers, always rounded up: ε in 10⁻⁹, δ in 10⁻¹⁵.
create table budget_scope (
  scope_id uuid primary key,
  dataset_id uuid not null unique references dataset,
  epsilon_cap_nano bigint not null check (epsilon_cap_nano >= 0),
  epsilon_spent_nano bigint not null default 0 check (epsilon_spent_nano >= 0),
  epsilon_reserved_nano bigint not null default 0 check (epsilon_reserved_nano >= 0),
  delta_cap_femto bigint not null check (delta_cap_femto >= 0),
  delta_spent_femto bigint not null default 0 check (delta_spent_femto >= 0),
  delta_reserved_femto bigint not null default 0 check (delta_reserved_femto >= 0),
  opened_event_id uuid not null references event,
  check (epsilon_spent_nano + epsilon_reserved_nano <= epsilon_cap_nano),
  check (delta_spent_femto + delta_reserved_femto <= delta_cap_femto)
);

create table budget_reservation (
  reservation_id uuid primary key,
  scope_id uuid not null references budget_scope,
  job_id uuid not null references job,
  attempt integer not null check (attempt >= 1),
  epsilon_nano bigint not null check (epsilon_nano > 0),
  delta_femto bigint not null check (delta_femto >= 0),
  state text not null check (state in ('reserved', 'committed', 'released')),
  reserved_event_id uuid not null references event,
  settled_event_id uuid references event,
  unique (job_id, attempt),
  check ((state = 'reserved') = (settled_event_id is null))
);

-- What is spent stays spent, and a cap is not moved by whoever may reserve.
create function refuse_refund() returns trigger language plpgsql as $$
begin
  if new.epsilon_spent_nano < old.epsilon_spent_nano or new.delta_spent_femto < old.delta_spent_femto
     or new.epsilon_cap_nano <> old.epsilon_cap_nano or new.delta_cap_femto <> old.delta_cap_femto
     or new.scope_id <> old.scope_id or new.dataset_id <> old.dataset_id then
    raise exception 'a privacy budget is spent for good and its cap is fixed'
      using errcode = 'restrict_violation';
  end if;
  return new;
end
$$;
create trigger budget_no_refund before update on budget_scope
  for each row execute function refuse_refund();

grant select, insert, update on job, budget_scope, budget_reservation to chancery_app;
grant select, insert on job_progress to chancery_app;
grant select on job, budget_scope, budget_reservation to chancery_auditor;
