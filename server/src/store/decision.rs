//! Gate decisions, kept with the exact facts and the pack's text, so that each can be replayed.

use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// A decision on record.
#[derive(Clone, Debug, FromRow)]
pub struct DecisionRow {
    /// Identifier.
    pub decision_id: Uuid,
    /// Gate point.
    pub gate: String,
    /// The answer.
    pub allow: bool,
    /// What it was about.
    pub subject_kind: String,
    /// Its identifier.
    pub subject_id: String,
    /// Canonical JSON of the facts.
    pub facts: String,
    /// The whole decision with every verdict.
    pub record: Value,
    /// Digest of the rule pack.
    pub pack_digest: String,
    /// The `now` of the facts.
    pub decided_at: OffsetDateTime,
    /// The event that records it.
    pub event_id: Uuid,
}

const DECISION: &str = "decision_id, gate, allow, subject_kind, subject_id, facts, record, \
                        pack_digest, decided_at, event_id from decision";

impl Tx {
    /// Keeps a decision.
    ///
    /// # Errors
    /// The database fails.
    pub async fn decision_insert(&mut self, row: &DecisionRow) -> Result<()> {
        sqlx::query(
            "insert /* decision_insert */ into decision (decision_id, gate, allow, subject_kind,
             subject_id, facts, record, pack_digest, decided_at, event_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(row.decision_id)
        .bind(&row.gate)
        .bind(row.allow)
        .bind(&row.subject_kind)
        .bind(&row.subject_id)
        .bind(&row.facts)
        .bind(&row.record)
        .bind(&row.pack_digest)
        .bind(row.decided_at)
        .bind(row.event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl Store {
    /// Keeps the text of a rule pack, once. Also answers whether it was new.
    ///
    /// # Errors
    /// The database fails.
    pub async fn pack_insert(&self, digest: &str, version: &str, sources: &Value) -> Result<bool> {
        let done = sqlx::query(
            "insert /* pack_insert */ into policy_pack (digest, version, sources)
             values ($1, $2, $3) on conflict (digest) do nothing",
        )
        .bind(digest)
        .bind(version)
        .bind(sources)
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The text of a pack that decided once.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn pack_sources(&self, digest: &str) -> Result<Value> {
        sqlx::query_scalar("select /* pack_sources */ sources from policy_pack where digest = $1")
            .bind(digest)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "rule pack", name: digest.to_owned() })
    }

    /// A decision.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn decision_get(&self, decision_id: Uuid) -> Result<DecisionRow> {
        let sql = format!("select /* decision_get */ {DECISION} where decision_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(decision_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "decision", name: decision_id.to_string() })
    }

    /// Decisions about one thing, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn decision_list_subject(&self, kind: &str, id: &str) -> Result<Vec<DecisionRow>> {
        let sql = format!(
            "select /* decision_list_subject */ {DECISION}
             where subject_kind = $1 and subject_id = $2 order by decision_id"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(kind)
            .bind(id)
            .fetch_all(self.pool())
            .await?)
    }

    /// The newest decisions.
    ///
    /// # Errors
    /// The database fails.
    pub async fn decision_list(&self, limit: i64) -> Result<Vec<DecisionRow>> {
        let sql =
            format!("select /* decision_list */ {DECISION} order by decision_id desc limit $1");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(self.pool()).await?)
    }
}
