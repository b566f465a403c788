//! Events: inserted in the transaction of the state change they record, and never changed.

use chancery_audit::event::{Envelope, EventId, EventKind, EventTime, Subject, payload_digest};
use serde_json::Value;
use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::clock::rfc3339_micros;
use crate::error::{Error, Result};
use crate::keys::random_bytes;

/// Who did it, as leaves name them: a random pseudonym, never a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person or a service with a token.
    Principal(Uuid),
    /// The platform itself.
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Principal(id) => write!(f, "principal:{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// An event about to be recorded.
pub struct EventDraft<'a> {
    /// Past fact, such as `job_admitted`.
    pub kind: &'static str,
    /// Who.
    pub actor: &'a Actor,
    /// Kind of the thing it is about.
    pub subject_kind: &'static str,
    /// Identifier of the thing it is about.
    pub subject_id: String,
    /// The facts, without personal data.
    pub payload: Value,
}

/// An event as it is shown.
#[derive(Clone, Debug, FromRow)]
pub struct EventRow {
    /// Identifier.
    pub event_id: Uuid,
    /// Past fact.
    pub kind: String,
    /// Pseudonym of who did it.
    pub actor: String,
    /// Kind of the thing it is about.
    pub subject_kind: String,
    /// Identifier of the thing it is about.
    pub subject_id: String,
    /// When.
    pub recorded_at: OffsetDateTime,
    /// Place in the tree; none until it is sequenced.
    pub leaf_index: Option<i64>,
    /// Canonical JSON; none when erased.
    pub payload: Option<Vec<u8>>,
    /// The exact leaf data.
    pub entry: Vec<u8>,
    /// The payload's salt; none when erased.
    pub salt: Option<Vec<u8>>,
}

impl EventRow {
    /// The payload as JSON; `null` when erased.
    pub fn payload_json(&self) -> Value {
        self.payload.as_deref().and_then(|p| serde_json::from_slice(p).ok()).unwrap_or(Value::Null)
    }
}

const EVENT_COLUMNS: &str = "e.event_id, e.kind, e.actor, e.subject_kind, e.subject_id, \
     e.recorded_at, l.leaf_index, p.payload, e.entry, p.salt \
     from event e join event_payload p using (event_id) left join leaf l using (event_id)";

impl Tx {
    /// Records an event in this transaction.
    ///
    /// # Errors
    /// The payload is too large for an envelope, or the database fails.
    pub async fn event_append(&mut self, draft: EventDraft<'_>) -> Result<Uuid> {
        let event_id = self.clock().new_id();
        let now = self.clock().now();
        let salt: [u8; 32] = random_bytes();
        let payload = chancery_audit::jcs::to_vec(&draft.payload).map_err(Error::bug)?;
        let envelope = Envelope {
            id: EventId::parse(&event_id.to_string()).map_err(Error::bug)?,
            kind: EventKind::new(draft.kind).map_err(Error::bug)?,
            time: EventTime::new(rfc3339_micros(now)).map_err(Error::bug)?,
            actor: draft.actor.to_string(),
            subject: Subject { kind: draft.subject_kind.to_owned(), id: draft.subject_id.clone() },
            payload_sha256: payload_digest(&salt, &payload),
        };
        let entry = envelope.encode().map_err(Error::bug)?;
        sqlx::query(
            "with /* event_append */ inserted as (
               insert into event (event_id, kind, actor, subject_kind, subject_id, recorded_at, entry)
               values ($1, $2, $3, $4, $5, $6, $7)),
             stored as (insert into event_payload (event_id, salt, payload) values ($1, $8, $9))
             insert into event_pending (event_id) values ($1)",
        )
        .bind(event_id)
        .bind(draft.kind)
        .bind(draft.actor.to_string())
        .bind(draft.subject_kind)
        .bind(&draft.subject_id)
        .bind(now)
        .bind(&entry)
        .bind(salt.as_slice())
        .bind(&payload)
        .execute(self.connection())
        .await?;
        Ok(event_id)
    }
}

impl Store {
    /// One event.
    ///
    /// # Errors
    /// Not found, or the database fails.
    pub async fn event_get(&self, event_id: Uuid) -> Result<EventRow> {
        let sql = format!("select /* event_get */ {EVENT_COLUMNS} where e.event_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(event_id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::NotFound { what: "event", name: event_id.to_string() })
    }

    /// Events about one thing, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_list_subject(&self, kind: &str, id: &str) -> Result<Vec<EventRow>> {
        let sql = format!(
            "select /* event_list_subject */ {EVENT_COLUMNS}
             where e.subject_kind = $1 and e.subject_id = $2 order by e.event_id"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(kind)
            .bind(id)
            .fetch_all(self.pool())
            .await?)
    }

    /// The newest events, optionally of one kind, `limit` of them before `before` (exclusive).
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_list(
        &self,
        kind: Option<&str>,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<EventRow>> {
        let sql = format!(
            "select /* event_list */ {EVENT_COLUMNS}
             where ($1::text is null or e.kind = $1) and ($2::uuid is null or e.event_id < $2)
             order by e.event_id desc limit $3"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(kind)
            .bind(before)
            .bind(limit)
            .fetch_all(self.pool())
            .await?)
    }

    /// Sequenced events of a range of leaves, in leaf order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_list_leaves(&self, start: i64, end: i64) -> Result<Vec<EventRow>> {
        let sql = format!(
            "select /* event_list_leaves */ {EVENT_COLUMNS}
             where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(start)
            .bind(end)
            .fetch_all(self.pool())
            .await?)
    }

    /// How many events wait for the sequencer.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_pending_count(&self) -> Result<i64> {
        let row = sqlx::query("select /* event_pending_count */ count(*) from event_pending")
            .fetch_one(self.pool())
            .await?;
        Ok(row.get(0))
    }
}
