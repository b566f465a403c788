//! Datasets, AI systems and the blobs behind them.

use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, Tx};
use crate::blob::Sealed;
use crate::error::{Error, Result};

/// A registered dataset.
#[derive(Clone, Debug, FromRow)]
pub struct DatasetRow {
    /// Identifier.
    pub dataset_id: Uuid,
    /// Unique name.
    pub name: String,
    /// Governance card with the table's schema.
    pub card: Value,
    /// Digest of the training split.
    pub training_blob: String,
    /// Digest of the held-out split.
    pub evaluation_blob: String,
    /// Number of rows of the training split.
    pub training_rows: i64,
    /// The decision that let it in.
    pub decision_id: Uuid,
    /// The event that records it.
    pub registered_event_id: Uuid,
}

/// A registered AI system.
#[derive(Clone, Debug, FromRow)]
pub struct SystemRow {
    /// Identifier.
    pub system_id: Uuid,
    /// Unique name.
    pub name: String,
    /// Risk class, overseer, attestations.
    pub card: Value,
    /// The event that records it.
    pub registered_event_id: Uuid,
}

const DATASET: &str = "dataset_id, name, card, training_blob, evaluation_blob, training_rows, \
                       decision_id, registered_event_id from dataset";
const SYSTEM: &str = "system_id, name, card, registered_event_id from ai_system";

impl Tx {
    /// Keeps a blob's data key; a second upload of the same bytes keeps the first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blob_insert(&mut self, blob: &Sealed) -> Result<()> {
        let now = self.clock().now();
        sqlx::query(
            "insert /* blob_insert */ into blob (digest, size_bytes, wrapped_key, created_at)
             values ($1, $2, $3, $4) on conflict (digest) do nothing",
        )
        .bind(&blob.digest)
        .bind(blob.size_bytes)
        .bind(&blob.wrapped_key)
        .bind(now)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that somebody has brought a blob's bytes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blob_holder_insert(&mut self, digest: &str, principal_id: Uuid) -> Result<()> {
        sqlx::query(
            "insert /* blob_holder_insert */ into blob_holder (digest, principal_id)
             values ($1, $2) on conflict do nothing",
        )
        .bind(digest)
        .bind(principal_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Claims a blob for one part for good.
    ///
    /// # Errors
    /// It is in use for the other part, or the database fails.
    pub async fn blob_claim(&mut self, digest: &str, part: &str) -> Result<()> {
        sqlx::query(
            "insert /* blob_claim */ into blob_use (digest, part) values ($1, $2) on conflict do nothing",
        )
        .bind(digest)
        .bind(part)
        .execute(self.connection())
        .await?;
        let held: String =
            sqlx::query_scalar("select /* blob_claim */ part from blob_use where digest = $1")
                .bind(digest)
                .fetch_one(self.connection())
                .await?;
        if held == part {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "blob {digest} is a {held} split already and cannot be a {part} split too: figures on a \
             held-out split are published as measured, those on a training split are protected"
        )))
    }

    /// Adds a dataset.
    ///
    /// # Errors
    /// The name is taken, or the database fails.
    pub async fn dataset_insert(&mut self, dataset: &DatasetRow) -> Result<()> {
        sqlx::query(
            "insert /* dataset_insert */ into dataset (dataset_id, name, card, training_blob,
             evaluation_blob, training_rows, decision_id, registered_event_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(dataset.dataset_id)
        .bind(&dataset.name)
        .bind(&dataset.card)
        .bind(&dataset.training_blob)
        .bind(&dataset.evaluation_blob)
        .bind(dataset.training_rows)
        .bind(dataset.decision_id)
        .bind(dataset.registered_event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A dataset by name.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn dataset_by_name(&mut self, name: &str) -> Result<DatasetRow> {
        let sql = format!("select /* dataset_by_name */ {DATASET} where name = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| Error::NotFound { what: "dataset", name: name.to_owned() })
    }

    /// Adds an AI system.
    ///
    /// # Errors
    /// The name is taken, or the database fails.
    pub async fn system_insert(&mut self, system: &SystemRow) -> Result<()> {
        sqlx::query(
            "insert /* system_insert */ into ai_system (system_id, name, card, registered_event_id)
             values ($1, $2, $3, $4)",
        )
        .bind(system.system_id)
        .bind(&system.name)
        .bind(&system.card)
        .bind(system.registered_event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// An AI system by name.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn system_by_name(&mut self, name: &str) -> Result<SystemRow> {
        let sql = format!("select /* system_by_name */ {SYSTEM} where name = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| Error::NotFound { what: "AI system", name: name.to_owned() })
    }
}

impl Store {
    /// Whether somebody has brought a blob's bytes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blob_is_held(&self, digest: &str, principal_id: Uuid) -> Result<bool> {
        let row = sqlx::query(
            "select /* blob_is_held */ 1 from blob_holder where digest = $1 and principal_id = $2",
        )
        .bind(digest)
        .bind(principal_id)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.is_some())
    }

    /// The wrapped data key of a blob.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn blob_wrapped_key(&self, digest: &str) -> Result<Vec<u8>> {
        sqlx::query_scalar("select /* blob_wrapped_key */ wrapped_key from blob where digest = $1")
            .bind(digest)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "blob", name: digest.to_owned() })
    }

    /// A dataset.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn dataset_get(&self, dataset_id: Uuid) -> Result<DatasetRow> {
        let sql = format!("select /* dataset_get */ {DATASET} where dataset_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(dataset_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "dataset", name: dataset_id.to_string() })
    }

    /// All datasets by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn dataset_list(&self) -> Result<Vec<DatasetRow>> {
        let sql = format!("select /* dataset_list */ {DATASET} order by name");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(self.pool()).await?)
    }

    /// All AI systems by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn system_list(&self) -> Result<Vec<SystemRow>> {
        let sql = format!("select /* system_list */ {SYSTEM} order by name");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(self.pool()).await?)
    }
}
