//! Jobs: a queue with leases. Each transition is a compare-and-swap on the state or the lease token.

use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// A job on record.
#[derive(Clone, Debug, FromRow)]
pub struct JobRow {
    /// Identifier.
    pub job_id: Uuid,
    /// `train`, …
    pub kind: String,
    /// Name given by the submitter; the model's name too.
    pub name: String,
    /// The whole specification.
    pub spec: Value,
    /// Dataset it reads.
    pub dataset_id: Uuid,
    /// Who submitted it.
    pub submitter: Uuid,
    /// queued, running, succeeded, failed, cancelled.
    pub state: String,
    /// Number of the current or last attempt; 0 before the first.
    pub attempt: i32,
    /// Attempts before it fails for good.
    pub attempts_max: i32,
    /// Present while it runs.
    pub lease_token: Option<Uuid>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// Why it failed.
    pub failure: Option<Value>,
    /// The decision that admitted it.
    pub decision_id: Uuid,
    /// The event that records the admission.
    pub admitted_event_id: Uuid,
    /// The event that records its end.
    pub settled_event_id: Option<Uuid>,
    /// When it was admitted.
    pub created_at: OffsetDateTime,
    /// When its first attempt began.
    pub started_at: Option<OffsetDateTime>,
}

/// The right to run one attempt of one job. Not `Clone`: it is given up by settling.
#[derive(Debug)]
pub struct Lease {
    job_id: Uuid,
    attempt: i32,
    token: Uuid,
}

impl Lease {
    /// The job.
    pub fn job_id(&self) -> Uuid {
        self.job_id
    }

    /// The attempt.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }
}

/// How a job ends.
#[derive(Clone, Debug)]
pub enum JobEnd {
    /// With a model.
    Succeeded,
    /// For good, with a reason.
    Failed(Value),
    /// On request.
    Cancelled,
}

const JOB: &str = "job_id, kind, name, spec, dataset_id, submitter, state, attempt, attempts_max, \
     lease_token, cancel_requested, failure, decision_id, admitted_event_id, settled_event_id, \
     created_at, started_at from job";

impl Tx {
    /// Adds an admitted job. Its first reservation is attempt 1.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_insert(&mut self, job: &JobRow) -> Result<()> {
        sqlx::query(
            "insert /* job_insert */ into job (job_id, kind, name, spec, dataset_id, submitter,
             state, attempts_max, decision_id, admitted_event_id, created_at)
             values ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10)",
        )
        .bind(job.job_id)
        .bind(&job.kind)
        .bind(&job.name)
        .bind(&job.spec)
        .bind(job.dataset_id)
        .bind(job.submitter)
        .bind(job.attempts_max)
        .bind(job.decision_id)
        .bind(job.admitted_event_id)
        .bind(job.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Leases the oldest queued job, skipping those that another worker holds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_lease(&mut self, lease_seconds: i64) -> Result<Option<(JobRow, Lease)>> {
        let token = Uuid::new_v4();
        let now = self.clock().now();
        let expires_at = now + time::Duration::seconds(lease_seconds);
        let sql = "with /* job_lease */ next as (
                     select job_id as next_id from job where state = 'queued'
                     order by created_at, job_id limit 1 for update skip locked)
                   update job set state = 'running', attempt = attempt + 1, lease_token = $1,
                     lease_expires_at = $2, started_at = coalesce(started_at, $3) from next where job_id = next_id
                   returning job_id, kind, name, spec, dataset_id, submitter, state, attempt,
                     attempts_max, lease_token, cancel_requested, failure, decision_id,
                     admitted_event_id, settled_event_id, created_at, started_at";
        let row: Option<JobRow> = sqlx::query_as(sql)
            .bind(token)
            .bind(expires_at)
            .bind(now)
            .fetch_optional(self.connection())
            .await?;
        Ok(row.map(|job| {
            let lease = Lease { job_id: job.job_id, attempt: job.attempt, token };
            (job, lease)
        }))
    }

    /// Leases whose time is up, with the right to settle them: their workers are gone.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_take_expired(&mut self) -> Result<Option<(JobRow, Lease)>> {
        let now = self.clock().now();
        let sql = format!(
            "select /* job_take_expired */ {JOB} where state = 'running' and lease_expires_at < $1
             order by lease_expires_at limit 1 for update skip locked"
        );
        let row: Option<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(now)
            .fetch_optional(self.connection())
            .await?;
        Ok(row.and_then(|job| {
            let token = job.lease_token?;
            let lease = Lease { job_id: job.job_id, attempt: job.attempt, token };
            Some((job, lease))
        }))
    }

    /// Ends a job, by compare-and-swap on the lease.
    ///
    /// # Errors
    /// The lease was lost, or the database fails.
    pub async fn job_end(&mut self, lease: &Lease, end: &JobEnd, event_id: Uuid) -> Result<()> {
        let (state, failure) = match end {
            JobEnd::Succeeded => ("succeeded", None),
            JobEnd::Failed(why) => ("failed", Some(why)),
            JobEnd::Cancelled => ("cancelled", None),
        };
        let ended = sqlx::query(
            "update /* job_end */ job set state = $3, failure = $4, settled_event_id = $5,
             lease_token = null, lease_expires_at = null
             where job_id = $1 and lease_token = $2 and state = 'running'",
        )
        .bind(lease.job_id)
        .bind(lease.token)
        .bind(state)
        .bind(failure)
        .bind(event_id)
        .execute(self.connection())
        .await?;
        require_lease(ended.rows_affected())
    }

    /// Puts a job back into the queue for another attempt.
    ///
    /// # Errors
    /// The lease was lost, or the database fails.
    pub async fn job_requeue(&mut self, lease: &Lease) -> Result<()> {
        let done = sqlx::query(
            "update /* job_requeue */ job set state = 'queued', lease_token = null,
             lease_expires_at = null where job_id = $1 and lease_token = $2 and state = 'running'",
        )
        .bind(lease.job_id)
        .bind(lease.token)
        .execute(self.connection())
        .await?;
        require_lease(done.rows_affected())
    }

    /// Cancels a job that has not begun. Answers false when it runs or has ended.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_cancel_queued(&mut self, job_id: Uuid, event_id: Uuid) -> Result<bool> {
        let done = sqlx::query(
            "update /* job_cancel_queued */ job set state = 'cancelled', settled_event_id = $2
             where job_id = $1 and state = 'queued'",
        )
        .bind(job_id)
        .bind(event_id)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Asks a running job to stop.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_request_cancel(&mut self, job_id: Uuid) -> Result<bool> {
        let done = sqlx::query(
            "update /* job_request_cancel */ job set cancel_requested = true
             where job_id = $1 and state = 'running' and not cancel_requested",
        )
        .bind(job_id)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A job, locked until the transaction ends.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn job_lock(&mut self, job_id: Uuid) -> Result<JobRow> {
        let sql = format!("select /* job_lock */ {JOB} where job_id = $1 for update");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(job_id)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| Error::NotFound { what: "job", name: job_id.to_string() })
    }
}

impl Store {
    /// A job.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn job_get(&self, job_id: Uuid) -> Result<JobRow> {
        let sql = format!("select /* job_get */ {JOB} where job_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(job_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "job", name: job_id.to_string() })
    }

    /// The newest jobs.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_list(&self, limit: i64) -> Result<Vec<JobRow>> {
        let sql = format!("select /* job_list */ {JOB} order by job_id desc limit $1");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(self.pool()).await?)
    }

    /// Renews a lease and answers whether somebody asked to cancel.
    ///
    /// # Errors
    /// The lease was lost, or the database fails.
    pub async fn job_renew(&self, lease: &Lease, lease_seconds: i64) -> Result<bool> {
        let expires_at = self.clock().now() + time::Duration::seconds(lease_seconds);
        sqlx::query_scalar(
            "update /* job_renew */ job set lease_expires_at = $3
             where job_id = $1 and lease_token = $2 and state = 'running' returning cancel_requested",
        )
        .bind(lease.job_id)
        .bind(lease.token)
        .bind(expires_at)
        .fetch_optional(self.pool())
        .await?
        .ok_or_else(lost_lease)
    }

    /// Keeps a line of progress; a line that came before is left alone.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_progress_insert(
        &self,
        lease: &Lease,
        sequence: i32,
        line: &Value,
    ) -> Result<()> {
        sqlx::query(
            "insert /* job_progress_insert */ into job_progress
             (job_id, attempt, sequence, line, recorded_at) values ($1, $2, $3, $4, $5)
             on conflict do nothing",
        )
        .bind(lease.job_id)
        .bind(lease.attempt)
        .bind(sequence)
        .bind(line)
        .bind(self.clock().now())
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The newest line of progress.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_progress_latest(&self, job_id: Uuid) -> Result<Option<Value>> {
        Ok(sqlx::query_scalar(
            "select /* job_progress_latest */ line from job_progress where job_id = $1
             order by attempt desc, sequence desc limit 1",
        )
        .bind(job_id)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Progress of the newest attempt after line `after`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_progress_list(&self, job_id: Uuid, after: i32) -> Result<Vec<(i32, Value)>> {
        Ok(sqlx::query_as(
            "select /* job_progress_list */ sequence, line from job_progress
             where job_id = $1 and sequence > $2
               and attempt = (select max(attempt) from job_progress where job_id = $1)
             order by sequence",
        )
        .bind(job_id)
        .bind(after)
        .fetch_all(self.pool())
        .await?)
    }
}

fn require_lease(rows_affected: u64) -> Result<()> {
    if rows_affected == 1 { Ok(()) } else { Err(lost_lease()) }
}

fn lost_lease() -> Error {
    Error::Conflict("the lease on this job was lost to another worker".into())
}
