create table model (
  model_id uuid primary key,
  job_id uuid not null unique references job,
  name text not null,
  artefact_digest text not null references blob,
  evaluation jsonb not null,
  gate_passed boolean not null,
  decision_id uuid not null references decision,
  registered_event_id uuid not null references event
);

-- `envelope` is the DSSE envelope as the approver signed it.
create table approval (
  approval_id uuid primary key,
  model_id uuid not null references model,
  approver uuid not null references principal,
  key_id text not null references principal_key,
  verdict text not null check (verdict in ('approve', 'reject')),
  envelope jsonb not null,
  event_id uuid not null references event,
  unique (model_id, approver)
);

create table deployment (
  deployment_id uuid primary key,
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  model_id uuid not null references model,
  state text not null check (state in ('active', 'stopped')),
  decision_id uuid not null references decision,
  activated_event_id uuid not null references event,
  stopped_event_id uuid references event,
  activated_at timestamptz not null,
  check ((state = 'stopped') = (stopped_event_id is not null))
);
create unique index deployment_one_active on deployment (name) where state = 'active';

create table report (
  report_id uuid primary key,
  model_id uuid not null references model,
  checkpoint_size bigint not null,
  document jsonb not null,
  digest text not null,
  event_id uuid not null references event,
  created_at timestamptz not null
);

-- Whoever serves checks that the schema fits the program; only the owner changes it.
do $$
begin
  if to_regclass('_sqlx_migrations') is not null then -- absent where the files are run by hand
    grant select on _sqlx_migrations to chancery_app, chancery_sequencer, chancery_auditor;
  end if;
end
$$;

grant select, insert on model, approval, report to chancery_app;
grant select, insert, update on deployment to chancery_app;
grant select on model, approval, deployment, report to chancery_auditor;
