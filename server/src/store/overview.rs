//! Read-only queries for the dashboard: joins and counts that no state change needs.

use serde_json::Value;
use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Store;
use super::principal::Principal;
use crate::error::Result;

/// A model as the reviewers' queue shows it.
#[derive(Clone, Debug, FromRow)]
pub struct ReviewRow {
    /// Identifier.
    pub model_id: Uuid,
    /// The job that made it.
    pub job_id: Uuid,
    /// Name.
    pub name: String,
    /// Whether the gate after evaluation let it pass.
    pub gate_passed: bool,
    /// The decision of that gate.
    pub decision_id: Uuid,
    /// Dataset it was trained on.
    pub dataset_id: Uuid,
    /// Who submitted its job.
    pub submitter: Uuid,
    /// When it was evaluated.
    pub evaluated_at: OffsetDateTime,
    /// Who approved, in order.
    pub approved_by: Vec<Uuid>,
    /// Who rejected, in order.
    pub rejected_by: Vec<Uuid>,
    /// Whether it answers somewhere now.
    pub deployed: bool,
}

/// A submission that the gate or the budget refused.
#[derive(Clone, Debug, FromRow)]
pub struct RefusedJobRow {
    /// The job that never was.
    pub job_id: String,
    /// Name in its specification.
    pub name: Option<String>,
    /// Who submitted it, as the event names them.
    pub actor: String,
    /// `job_denied` or `job_refused_for_budget`.
    pub event_kind: String,
    /// The decision.
    pub decision_id: Uuid,
    /// The event.
    pub event_id: Uuid,
    /// When.
    pub decided_at: OffsetDateTime,
    /// The whole decision with every verdict.
    pub record: Value,
}

/// A movement of a privacy budget.
#[derive(Clone, Debug, FromRow)]
pub struct BudgetMovement {
    /// The event.
    pub event_id: Uuid,
    /// `budget_opened`, `budget_reserved`, `budget_committed`, `budget_released`.
    pub kind: String,
    /// When.
    pub recorded_at: OffsetDateTime,
    /// Kind of the thing it is about.
    pub subject_kind: String,
    /// Identifier of the thing it is about.
    pub subject_id: String,
    /// Canonical JSON; none when erased.
    pub payload: Option<Vec<u8>>,
}

/// A reservation of one attempt.
#[derive(Clone, Debug, FromRow)]
pub struct JobReservation {
    /// The attempt.
    pub attempt: i32,
    /// ε in 10⁻⁹.
    pub epsilon_nano: i64,
    /// δ in 10⁻¹⁵.
    pub delta_femto: i64,
    /// reserved, committed or released.
    pub state: String,
    /// The event that records it.
    pub reserved_event_id: Uuid,
    /// The event that ended it.
    pub settled_event_id: Option<Uuid>,
}

impl Store {
    /// Number of jobs in each state.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_count_by_state(&self) -> Result<Vec<(String, i64)>> {
        Ok(sqlx::query_as(
            "select /* job_count_by_state */ state, count(*) from job group by state order by state",
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// Models with who spoke on them, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn review_list(&self, limit: i64) -> Result<Vec<ReviewRow>> {
        Ok(sqlx::query_as(
            "select /* review_list */ m.model_id, m.job_id, m.name, m.gate_passed, m.decision_id,
               j.dataset_id, j.submitter, e.recorded_at as evaluated_at,
               array(select approver from approval a where a.model_id = m.model_id
                     and verdict = 'approve' order by approval_id) as approved_by,
               array(select approver from approval a where a.model_id = m.model_id
                     and verdict = 'reject' order by approval_id) as rejected_by,
               exists(select from deployment d where d.model_id = m.model_id
                      and d.state = 'active') as deployed
             from model m join job j using (job_id) join event e on e.event_id = m.registered_event_id
             order by m.model_id desc limit $1",
        )
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// People who may approve, by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn reviewer_list(&self) -> Result<Vec<Principal>> {
        let rows = sqlx::query(
            "select /* reviewer_list */ principal_id, name,
               array(select role from principal_role r where r.principal_id = p.principal_id
                     order by role) as roles
             from principal p where exists (select from principal_role r
               where r.principal_id = p.principal_id
                 and role in ('reviewer', 'data_protection_officer'))
             order by name",
        )
        .fetch_all(self.pool())
        .await?;
        let principal = |row: &sqlx::postgres::PgRow| Principal {
            principal_id: row.get("principal_id"),
            name: row.get("name"),
            roles: row.get("roles"),
        };
        Ok(rows.iter().map(principal).collect())
    }

    /// Submissions that were refused, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn refused_job_list(&self, limit: i64) -> Result<Vec<RefusedJobRow>> {
        Ok(sqlx::query_as(
            "select /* refused_job_list */ d.subject_id as job_id, e.actor, e.kind as event_kind,
               d.decision_id, d.event_id, d.decided_at, d.record,
               convert_from(p.payload, 'UTF8')::jsonb #>> '{detail,spec,name}' as name
             from decision d join event e using (event_id) join event_payload p using (event_id)
             where e.kind in ('job_denied', 'job_refused_for_budget')
             order by d.decision_id desc limit $1",
        )
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// Kinds of event on record, with how many of each.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_kind_list(&self) -> Result<Vec<(String, i64)>> {
        Ok(sqlx::query_as(
            "select /* event_kind_list */ kind, count(*) from event group by kind order by kind",
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// Movements of all budgets, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn budget_movement_list(&self, limit: i64) -> Result<Vec<BudgetMovement>> {
        Ok(sqlx::query_as(
            "select /* budget_movement_list */ e.event_id, e.kind, e.recorded_at, e.subject_kind,
               e.subject_id, p.payload
             from event e join event_payload p using (event_id)
             where e.kind in ('budget_opened', 'budget_reserved', 'budget_committed', 'budget_released')
             order by e.event_id desc limit $1",
        )
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// Reservations of a job, by attempt.
    ///
    /// # Errors
    /// The database fails.
    pub async fn job_reservation_list(&self, job_id: Uuid) -> Result<Vec<JobReservation>> {
        Ok(sqlx::query_as(
            "select /* job_reservation_list */ attempt, epsilon_nano, delta_femto, state,
               reserved_event_id, settled_event_id
             from budget_reservation where job_id = $1 order by attempt",
        )
        .bind(job_id)
        .fetch_all(self.pool())
        .await?)
    }
}
