//! Models, approvals, reports.

use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// A trained model with its measured evaluation.
#[derive(Clone, Debug, FromRow)]
pub struct ModelRow {
    /// Identifier.
    pub model_id: Uuid,
    /// The job that made it.
    pub job_id: Uuid,
    /// Name.
    pub name: String,
    /// SHA-256 of the safetensors file.
    pub artefact_digest: String,
    /// Measured accuracy and fairness.
    pub evaluation: Value,
    /// Whether the gate after evaluation let it pass.
    pub gate_passed: bool,
    /// The decision of that gate.
    pub decision_id: Uuid,
    /// The event that records it.
    pub registered_event_id: Uuid,
}

/// A signed verdict of one person.
#[derive(Clone, Debug, FromRow)]
pub struct ApprovalRow {
    /// Identifier.
    pub approval_id: Uuid,
    /// The model.
    pub model_id: Uuid,
    /// Who.
    pub approver: Uuid,
    /// With which key.
    pub key_id: String,
    /// approve or reject.
    pub verdict: String,
    /// DSSE envelope as signed.
    pub envelope: Value,
    /// The event that records it.
    pub event_id: Uuid,
}

/// A compliance report.
#[derive(Clone, Debug, FromRow)]
pub struct ReportRow {
    /// Identifier.
    pub report_id: Uuid,
    /// The model.
    pub model_id: Uuid,
    /// The log's size it reads.
    pub checkpoint_size: i64,
    /// The document.
    pub document: Value,
    /// SHA-256 of its canonical JSON.
    pub digest: String,
    /// The event that records it.
    pub event_id: Uuid,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

const MODEL: &str = "model_id, job_id, name, artefact_digest, evaluation, gate_passed, decision_id, \
                     registered_event_id from model";
const APPROVAL: &str =
    "approval_id, model_id, approver, key_id, verdict, envelope, event_id from approval";
const REPORT: &str =
    "report_id, model_id, checkpoint_size, document, digest, event_id, created_at from report";

impl Tx {
    /// Adds a model.
    ///
    /// # Errors
    /// The job has one already, or the database fails.
    pub async fn model_insert(&mut self, model: &ModelRow) -> Result<()> {
        sqlx::query(
            "insert /* model_insert */ into model (model_id, job_id, name, artefact_digest,
             evaluation, gate_passed, decision_id, registered_event_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(model.model_id)
        .bind(model.job_id)
        .bind(&model.name)
        .bind(&model.artefact_digest)
        .bind(&model.evaluation)
        .bind(model.gate_passed)
        .bind(model.decision_id)
        .bind(model.registered_event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A model as this transaction sees it. No row lock: models are insert-only, and the role may not lock.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn model_read(&mut self, model_id: Uuid) -> Result<ModelRow> {
        let sql = format!("select /* model_read */ {MODEL} where model_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(model_id)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| Error::NotFound { what: "model", name: model_id.to_string() })
    }

    /// Adds an approval or a rejection.
    ///
    /// # Errors
    /// This person has spoken already, or the database fails.
    pub async fn approval_insert(&mut self, approval: &ApprovalRow) -> Result<()> {
        let inserted = sqlx::query(
            "insert /* approval_insert */ into approval (approval_id, model_id, approver, key_id,
             verdict, envelope, event_id) values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(approval.approval_id)
        .bind(approval.model_id)
        .bind(approval.approver)
        .bind(&approval.key_id)
        .bind(&approval.verdict)
        .bind(&approval.envelope)
        .bind(approval.event_id)
        .execute(self.connection())
        .await;
        match inserted.map_err(Error::from) {
            Err(Error::Database(error)) if error.is_unique_violation() => {
                Err(Error::Conflict("you have given your verdict on this model already".into()))
            }
            other => other.map(|_| ()),
        }
    }

    /// Approvals and rejections of a model.
    ///
    /// # Errors
    /// The database fails.
    pub async fn approval_list(&mut self, model_id: Uuid) -> Result<Vec<ApprovalRow>> {
        let sql = format!(
            "select /* approval_list */ {APPROVAL} where model_id = $1 order by approval_id"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(model_id)
            .fetch_all(self.connection())
            .await?)
    }

    /// Keeps a report.
    ///
    /// # Errors
    /// The database fails.
    pub async fn report_insert(&mut self, report: &ReportRow) -> Result<()> {
        sqlx::query(
            "insert /* report_insert */ into report (report_id, model_id, checkpoint_size, document,
             digest, event_id, created_at) values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(report.report_id)
        .bind(report.model_id)
        .bind(report.checkpoint_size)
        .bind(&report.document)
        .bind(&report.digest)
        .bind(report.event_id)
        .bind(report.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl Store {
    /// A model.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn model_get(&self, model_id: Uuid) -> Result<ModelRow> {
        let sql = format!("select /* model_get */ {MODEL} where model_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(model_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "model", name: model_id.to_string() })
    }

    /// The model of a job, if it made one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn model_by_job(&self, job_id: Uuid) -> Result<Option<ModelRow>> {
        let sql = format!("select /* model_by_job */ {MODEL} where job_id = $1");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(job_id)
            .fetch_optional(self.pool())
            .await?)
    }

    /// All models, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn model_list(&self, limit: i64) -> Result<Vec<ModelRow>> {
        let sql = format!("select /* model_list */ {MODEL} order by model_id desc limit $1");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(self.pool()).await?)
    }

    /// A report.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn report_get(&self, report_id: Uuid) -> Result<ReportRow> {
        let sql = format!("select /* report_get */ {REPORT} where report_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(report_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "report", name: report_id.to_string() })
    }

    /// Reports on a model, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn report_list(&self, model_id: Uuid) -> Result<Vec<ReportRow>> {
        let sql = format!(
            "select /* report_list */ {REPORT} where model_id = $1 order by report_id desc"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(model_id).fetch_all(self.pool()).await?)
    }
}
