revoke select on _sqlx_migrations from chancery_app, chancery_sequencer, chancery_auditor;
drop table report, deployment, approval, model;
