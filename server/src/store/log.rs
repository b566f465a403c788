//! The tree's rows: head, leaves, tiles, checkpoints. Only the sequencer writes here.

use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// The head of the log.
#[derive(Clone, Debug, FromRow)]
pub struct LogHead {
    /// C2SP origin.
    pub origin: String,
    /// Number of leaves.
    pub size: i64,
    /// Merkle root.
    pub root: Vec<u8>,
    /// Signed checkpoint.
    pub note: String,
    /// When it was published.
    pub published_at: OffsetDateTime,
}

/// A committed event that is not in the tree yet.
#[derive(Debug, FromRow)]
pub struct PendingEvent {
    /// Identifier.
    pub event_id: Uuid,
    /// The exact leaf data.
    pub entry: Vec<u8>,
}

/// The rows that one step of the sequencer adds.
pub struct LogGrowth<'a> {
    /// Head before the step.
    pub old: &'a LogHead,
    /// Head after it.
    pub new: &'a LogHead,
    /// Events in leaf order, from leaf `old.size` on.
    pub event_ids: &'a [Uuid],
    /// Their leaf hashes.
    pub leaf_hashes: &'a [Vec<u8>],
    /// Levels of the tiles to write.
    pub tile_levels: &'a [i16],
    /// Indexes of the tiles to write.
    pub tile_indexes: &'a [i64],
    /// Bytes of the tiles to write.
    pub tile_hashes: &'a [Vec<u8>],
}

const SEQUENCER_LOCK: i64 = 0x6368_616e_6365_7279; // "chancery"

impl Tx {
    /// Becomes the one sequencer for the length of this transaction, or answers false.
    ///
    /// # Errors
    /// The database fails.
    pub async fn log_lock(&mut self) -> Result<bool> {
        let row = sqlx::query("select /* log_lock */ pg_try_advisory_xact_lock($1)")
            .bind(SEQUENCER_LOCK)
            .fetch_one(self.connection())
            .await?;
        Ok(row.get(0))
    }

    /// The head of the log.
    ///
    /// # Errors
    /// There is none: a missing log is never begun anew here.
    pub async fn log_head(&mut self) -> Result<LogHead> {
        sqlx::query_as(
            "select /* log_head */ origin, size, root, note, published_at from log_state",
        )
        .fetch_optional(self.connection())
        .await?
        .ok_or_else(missing_log)
    }

    /// The oldest events that wait.
    ///
    /// # Errors
    /// The database fails.
    pub async fn log_pending(&mut self, limit: i64) -> Result<Vec<PendingEvent>> {
        Ok(sqlx::query_as(
            "select /* log_pending */ e.event_id, e.entry from event_pending p
             join event e using (event_id)
             where not exists (select from leaf l where l.event_id = p.event_id)
             order by p.queue_position limit $1",
        )
        .bind(limit)
        .fetch_all(self.connection())
        .await?)
    }

    /// A tile's hashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn log_tile(&mut self, level: i16, tile_index: i64) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query(
            "select /* log_tile */ hashes from tile where level = $1 and tile_index = $2",
        )
        .bind(level)
        .bind(tile_index)
        .fetch_optional(self.connection())
        .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Persists one step, by compare-and-swap on the head.
    ///
    /// # Errors
    /// Another sequencer was faster (nothing is written), or the database fails.
    pub async fn log_grow(&mut self, growth: &LogGrowth<'_>) -> Result<()> {
        sqlx::query(
            "insert /* log_grow */ into leaf (leaf_index, event_id, leaf_hash)
             select $1 + n - 1, event_id, leaf_hash
             from unnest($2::uuid[], $3::bytea[]) with ordinality as t (event_id, leaf_hash, n)",
        )
        .bind(growth.old.size)
        .bind(growth.event_ids)
        .bind(growth.leaf_hashes)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "insert /* log_grow */ into tile (level, tile_index, hashes)
             select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
             on conflict (level, tile_index) do update set hashes = excluded.hashes",
        )
        .bind(growth.tile_levels)
        .bind(growth.tile_indexes)
        .bind(growth.tile_hashes)
        .execute(self.connection())
        .await?;
        sqlx::query("delete /* log_grow */ from event_pending where event_id = any($1)")
            .bind(growth.event_ids)
            .execute(self.connection())
            .await?;
        sqlx::query(
            "insert /* log_grow */ into checkpoint (size, note, published_at) values ($1, $2, $3)",
        )
        .bind(growth.new.size)
        .bind(&growth.new.note)
        .bind(growth.new.published_at)
        .execute(self.connection())
        .await?;
        self.log_swap(growth.old, growth.new).await
    }

    async fn log_swap(&mut self, old: &LogHead, new: &LogHead) -> Result<()> {
        let swapped = sqlx::query(
            "update /* log_swap */ log_state set size = $1, root = $2, note = $3, published_at = $4
             where origin = $5 and size = $6 and root = $7",
        )
        .bind(new.size)
        .bind(&new.root)
        .bind(&new.note)
        .bind(new.published_at)
        .bind(&old.origin)
        .bind(old.size)
        .bind(&old.root)
        .execute(self.connection())
        .await?
        .rows_affected();
        if swapped == 1 {
            return Ok(());
        }
        Err(Error::Conflict("another sequencer moved the head of the log".into()))
    }
}

impl Store {
    /// The head of the log.
    ///
    /// # Errors
    /// There is none, or the database fails.
    pub async fn log_head(&self) -> Result<LogHead> {
        self.run_tx("log_head", async |tx| tx.log_head().await).await
    }

    /// A tile's hashes, cut to `width`; none where the log is not that far.
    ///
    /// # Errors
    /// The database fails.
    pub async fn log_tile(
        &self,
        level: i16,
        tile_index: i64,
        width: usize,
    ) -> Result<Option<Vec<u8>>> {
        let row = self.run_tx("log_tile", async |tx| tx.log_tile(level, tile_index).await).await?;
        Ok(row.and_then(|hashes| hashes.get(..width * 32).map(<[u8]>::to_vec)))
    }
}

fn missing_log() -> Error {
    Error::Integrity(
        "the database holds no log. If it was lost, restore it; only a brand-new installation \
         begins one, with `chancery log create`"
            .into(),
    )
}
