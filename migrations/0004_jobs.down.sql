drop table budget_reservation, budget_scope, job_progress, job;
drop function refuse_refund();
