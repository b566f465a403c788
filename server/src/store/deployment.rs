//! Deployments: at most one active one a name.

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// A model that answers, or once did.
#[derive(Clone, Debug, FromRow)]
pub struct DeploymentRow {
    /// Identifier.
    pub deployment_id: Uuid,
    /// Name in the URL.
    pub name: String,
    /// The model.
    pub model_id: Uuid,
    /// active or stopped.
    pub state: String,
    /// The decision that let it.
    pub decision_id: Uuid,
    /// The event that records it.
    pub activated_event_id: Uuid,
    /// The event that records its end.
    pub stopped_event_id: Option<Uuid>,
    /// Since when.
    pub activated_at: OffsetDateTime,
}

const DEPLOYMENT: &str = "deployment_id, name, model_id, state, decision_id, activated_event_id, \
                          stopped_event_id, activated_at from deployment";

impl Tx {
    /// The active deployment of a name, locked.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deployment_lock(&mut self, name: &str) -> Result<Option<DeploymentRow>> {
        let sql = format!(
            "select /* deployment_lock */ {DEPLOYMENT} where name = $1 and state = 'active' for update"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(self.connection())
            .await?)
    }

    /// Serialises everything that changes who answers under a name, also where nothing answers yet.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deployment_name_lock(&mut self, name: &str) -> Result<()> {
        sqlx::query(
            "select /* deployment_name_lock */ pg_advisory_xact_lock(hashtextextended('deployment ' || $1, 0))",
        )
        .bind(name)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The active deployment of a name, kept from being stopped until this transaction ends.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deployment_share(&mut self, name: &str) -> Result<Option<DeploymentRow>> {
        let sql = format!(
            "select /* deployment_share */ {DEPLOYMENT} where name = $1 and state = 'active' for share"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(self.connection())
            .await?)
    }

    /// Adds an active deployment.
    ///
    /// # Errors
    /// The name is active already, or the database fails.
    pub async fn deployment_insert(&mut self, deployment: &DeploymentRow) -> Result<()> {
        sqlx::query(
            "insert /* deployment_insert */ into deployment (deployment_id, name, model_id, state,
             decision_id, activated_event_id, activated_at) values ($1, $2, $3, 'active', $4, $5, $6)",
        )
        .bind(deployment.deployment_id)
        .bind(&deployment.name)
        .bind(deployment.model_id)
        .bind(deployment.decision_id)
        .bind(deployment.activated_event_id)
        .bind(deployment.activated_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Stops a deployment.
    ///
    /// # Errors
    /// It was stopped before, or the database fails.
    pub async fn deployment_stop(&mut self, deployment_id: Uuid, event_id: Uuid) -> Result<()> {
        let stopped = sqlx::query(
            "update /* deployment_stop */ deployment set state = 'stopped', stopped_event_id = $2
             where deployment_id = $1 and state = 'active'",
        )
        .bind(deployment_id)
        .bind(event_id)
        .execute(self.connection())
        .await?;
        if stopped.rows_affected() == 1 {
            return Ok(());
        }
        Err(Error::Conflict("this deployment is stopped already".into()))
    }
}

impl Store {
    /// The active deployment of a name.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn deployment_active(&self, name: &str) -> Result<DeploymentRow> {
        let sql = format!(
            "select /* deployment_active */ {DEPLOYMENT} where name = $1 and state = 'active'"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "active deployment", name: name.to_owned() })
    }

    /// Deployments of a model, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deployment_list_model(&self, model_id: Uuid) -> Result<Vec<DeploymentRow>> {
        let sql = format!(
            "select /* deployment_list_model */ {DEPLOYMENT} where model_id = $1 order by deployment_id"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(model_id).fetch_all(self.pool()).await?)
    }

    /// All deployments, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deployment_list(&self, limit: i64) -> Result<Vec<DeploymentRow>> {
        let sql = format!(
            "select /* deployment_list */ {DEPLOYMENT} order by deployment_id desc limit $1"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(self.pool()).await?)
    }
}
