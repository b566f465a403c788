//! The first answer to a request, given again when the same request comes back (Idempotency-Key).

use serde_json::Value;
use sqlx::Row;
use uuid::Uuid;

use super::Tx;
use crate::error::{Error, Result};

/// A request that its sender may repeat.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// Whose key it is.
    pub principal_id: Uuid,
    /// As sent.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub request_sha256: Vec<u8>,
}

/// An answer that was given.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Value,
}

impl Tx {
    /// The answer that was given to this key, if any. A second request with the key waits here until the
    /// transaction of the first has ended, and then gets its answer.
    ///
    /// # Errors
    /// The key came before with another request, or the database fails.
    pub async fn idempotency_get(&mut self, key: &IdempotencyKey) -> Result<Option<Answer>> {
        sqlx::query("select /* idempotency_get */ pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("{} {}", key.principal_id, key.key))
            .execute(self.connection())
            .await?;
        let row = sqlx::query(
            "select /* idempotency_get */ request_sha256, status, response from idempotency
             where principal_id = $1 and idempotency_key = $2",
        )
        .bind(key.principal_id)
        .bind(&key.key)
        .fetch_optional(self.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.get::<Vec<u8>, _>(0) != key.request_sha256 {
            return Err(Error::invalid(
                "Idempotency-Key",
                "this key was used for a different request; use a new key for a new request",
            ));
        }
        let status = u16::try_from(row.get::<i16, _>(1)).map_err(Error::bug)?;
        Ok(Some(Answer { status, body: row.get(2) }))
    }

    /// Keeps the answer in the transaction of its effect.
    ///
    /// # Errors
    /// Another request with this key was faster, or the database fails.
    pub async fn idempotency_insert(
        &mut self,
        key: &IdempotencyKey,
        answer: &Answer,
    ) -> Result<()> {
        let now = self.clock().now();
        let inserted = sqlx::query(
            "insert /* idempotency_insert */ into idempotency
             (principal_id, idempotency_key, request_sha256, status, response, created_at)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(key.principal_id)
        .bind(&key.key)
        .bind(&key.request_sha256)
        .bind(i16::try_from(answer.status).map_err(Error::bug)?)
        .bind(&answer.body)
        .bind(now)
        .execute(self.connection())
        .await;
        match inserted.map_err(Error::from) {
            Err(Error::Database(error)) if error.is_unique_violation() => Err(Error::Conflict(
                "the same request is being answered at this moment; ask again".into(),
            )),
            other => other.map(|_| ()),
        }
    }
}
