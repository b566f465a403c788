//! The single appender: events → leaves → tiles → signed checkpoint.
//!
//! One step is one transaction, and recovery is the same step run again: whatever a crash interrupts is
//! rolled back by the database, and the events still wait. Only after the commit is the checkpoint copied
//! to a file outside the database, where a rolled-back database is caught at the next start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_audit::checkpoint::{Checkpoint, SignedCheckpoint};
use chancery_audit::merkle;
use chancery_audit::note::{VerifierKey, signature_line};
use chancery_audit::tile::{TileId, TileWriter, decode_tile};
use chancery_audit::{AuditError, Hash};
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::keys::{SigningKey, private_directory};
use crate::store::Store;
use crate::store::Tx;
use crate::store::log::{LogGrowth, LogHead};

/// Events that one checkpoint takes up at most.
const BATCH_MAX: i64 = 4096;
/// Pause between looks when nothing waits.
const IDLE: Duration = Duration::from_millis(50);

/// Signs and publishes the log's growth.
pub struct Sequencer {
    store: Store,
    key: SigningKey,
    origin: String,
    verifier_key: VerifierKey,
    checkpoint_copy: PathBuf,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing waited, or another sequencer is at work.
    Idle,
    /// The log has this size now.
    Published {
        /// Number of leaves.
        size: u64,
        /// Whether more events wait.
        full: bool,
    },
}

impl Sequencer {
    /// Checks the database's log against the checkpoint copy and gets ready to append.
    ///
    /// # Errors
    /// The log is missing, belongs to another origin or key, was rolled back, or forked.
    pub async fn open(
        store: Store,
        key: SigningKey,
        origin: &str,
        checkpoint_copy: PathBuf,
    ) -> Result<Self> {
        let verifier_key = key.verifier_key(origin)?;
        let sequencer =
            Self { store, key, origin: origin.to_owned(), verifier_key, checkpoint_copy };
        sequencer.check_against_copy().await?;
        Ok(sequencer)
    }

    /// Appends one batch.
    ///
    /// # Errors
    /// The database fails, or the log is damaged. Nothing is half done.
    pub async fn step(&self) -> Result<Step> {
        let published =
            self.store.run_tx("sequence", async |tx| self.append_batch(tx).await).await?;
        let Some((head, count)) = published else { return Ok(Step::Idle) };
        // A crash here leaves a copy that is older than the log, which the next start accepts.
        write_atomically(&self.checkpoint_copy, head.note.as_bytes())?;
        Ok(Step::Published { size: as_u64(head.size)?, full: count == BATCH_MAX })
    }

    /// Appends until `stop` turns true, then once more.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = *stop.borrow();
            match self.step().await {
                Ok(Step::Published { full: true, .. }) => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "sequencing failed; it will be tried again"),
            }
            if stopping {
                return;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }

    /// Gives its connections back.
    pub async fn close(&self) {
        self.store.close().await;
    }

    async fn append_batch(&self, tx: &mut Tx) -> Result<Option<(LogHead, i64)>> {
        if !tx.log_lock().await? {
            return Ok(None);
        }
        let old = tx.log_head().await?;
        let pending = tx.log_pending(BATCH_MAX).await?;
        if pending.is_empty() {
            return Ok(None);
        }
        // A head rolled back or rewritten while this process runs must not be built upon either.
        self.require_published(&old).await?;
        let hashes: Vec<Hash> = pending.iter().map(|e| merkle::leaf_hash(&e.entry)).collect();
        let growth = restore_writer(tx, &old).await?.append(&hashes).map_err(damaged)?;
        let new = self.sign_head(tx, old.size + count_of(&pending)?, growth.root)?;
        let (levels, indexes, bytes) = tile_columns(&growth.tiles)?;
        let event_ids: Vec<_> = pending.iter().map(|e| e.event_id).collect();
        let leaf_hashes: Vec<_> = hashes.iter().map(|h| h.as_bytes().to_vec()).collect();
        tx.log_grow(&LogGrowth {
            old: &old,
            new: &new,
            event_ids: &event_ids,
            leaf_hashes: &leaf_hashes,
            tile_levels: &levels,
            tile_indexes: &indexes,
            tile_hashes: &bytes,
        })
        .await?;
        Ok(Some((new, count_of(&pending)?)))
    }

    /// The signature is made before the commit and shown only after it: a checkpoint whose transaction
    /// fails was never exposed, so it cannot contradict a later one.
    fn sign_head(&self, tx: &Tx, size: i64, root: Hash) -> Result<LogHead> {
        Ok(LogHead {
            origin: self.origin.clone(),
            size,
            root: root.as_bytes().to_vec(),
            note: sign_checkpoint(&self.key, &self.origin, as_u64(size)?, root)?,
            published_at: tx.clock().now(),
        })
    }

    /// A database restored from an old backup, or swapped for another, is smaller than the copy or
    /// does not extend it.
    async fn check_against_copy(&self) -> Result<()> {
        let head = self.store.log_head().await?;
        self.require_published(&head).await?;
        let root = crate::proofs::root_at(&self.store, as_u64(head.size)?).await?;
        if root.as_bytes().as_slice() != head.root {
            return Err(damaged("the stored tiles do not lead to the signed root"));
        }
        if head.size == 0 && !self.checkpoint_copy.exists() {
            // There from the start, so that a crash between the first commit and its copy, or another
            // sequencer that looks in between, does not find a log without one.
            write_atomically(&self.checkpoint_copy, head.note.as_bytes())?;
        }
        Ok(())
    }

    /// The head is signed by this log and extends what was published last.
    async fn require_published(&self, head: &LogHead) -> Result<()> {
        self.require_own(head)?;
        let Some(text) = read_optional(&self.checkpoint_copy)? else {
            if head.size == 0 {
                return Ok(());
            }
            return Err(Error::Integrity(format!(
                "the checkpoint copy {} is missing while the log has {} leaves; put the last \
                 checkpoint you trust there (it was in the last export, report or witness)",
                self.checkpoint_copy.display(),
                head.size
            )));
        };
        let copy = verified(&text, &self.verifier_key).map_err(|why| {
            Error::Integrity(format!("{}: {why}", self.checkpoint_copy.display()))
        })?;
        self.require_extends(head, copy.checkpoint()).await
    }

    fn require_own(&self, head: &LogHead) -> Result<()> {
        if head.origin != self.origin {
            return Err(Error::Integrity(format!(
                "this database holds the log of {}, not of {}",
                head.origin, self.origin
            )));
        }
        let signed = verified(&head.note, &self.verifier_key).map_err(|why| {
            Error::Integrity(format!("the log's head is not signed by this key: {why}"))
        })?;
        let signed = signed.checkpoint();
        if signed.size != as_u64(head.size)? || signed.root.as_bytes().as_slice() != head.root {
            return Err(Error::Integrity(
                "the log's head has another size or root than its signed checkpoint".into(),
            ));
        }
        Ok(())
    }

    async fn require_extends(&self, head: &LogHead, copy: &Checkpoint) -> Result<()> {
        let size = as_u64(head.size)?;
        if copy.size > size {
            return Err(Error::Integrity(format!(
                "the database's log has {size} leaves, but {} were published: it was rolled back. \
                 Restore a newer backup; the log must never be forked",
                copy.size
            )));
        }
        let extends = if copy.size == size {
            head.root == copy.root.as_bytes()
        } else {
            crate::proofs::root_at(&self.store, copy.size).await? == copy.root
        };
        if !extends {
            return Err(Error::Integrity(format!(
                "the first {} leaves differ from those that were published: the log was rewritten",
                copy.size
            )));
        }
        Ok(())
    }
}

/// Parses a checkpoint that `key` signed.
///
/// # Errors
/// It is malformed, of another log, or not signed by this key.
pub fn verified(
    text: &str,
    key: &VerifierKey,
) -> std::result::Result<SignedCheckpoint, AuditError> {
    let signed = SignedCheckpoint::parse(text.as_bytes())?;
    signed.verify(key, &[])?;
    Ok(signed)
}

/// Signs a checkpoint (C2SP tlog-checkpoint).
///
/// # Errors
/// The origin is no key name.
pub fn sign_checkpoint(key: &SigningKey, origin: &str, size: u64, root: Hash) -> Result<String> {
    let verifier = key.verifier_key(origin)?;
    let text = Checkpoint { origin: verifier.name().clone(), size, root }.to_text();
    let line = signature_line(verifier.name(), verifier.key_id(), &key.sign(text.as_bytes()));
    Ok(format!("{text}\n{line}\n"))
}

/// Writes a file so that a crash leaves the old or the new one, never half of it.
///
/// # Errors
/// The file system refuses.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |why| Error::dependency(format!("writing {}", path.display()), why);
    if let Some(parent) = path.parent() {
        private_directory(parent)?;
    }
    // A name of its own: two processes that write at once must not share a half-written file.
    let next = path.with_added_extension(format!("{}.next", uuid::Uuid::new_v4().simple()));
    let mut file = std::fs::File::create(&next).map_err(failed)?;
    let written = std::io::Write::write_all(&mut file, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&next, path));
    if written.is_err() {
        // What matters is the failure to write; the leftover is told by its name.
        let _ = std::fs::remove_file(&next);
    }
    written.map_err(failed)
}

/// The right edge as stored, checked against the root that was signed: a tile altered behind our back
/// stops the log instead of being signed over.
async fn restore_writer(tx: &mut Tx, head: &LogHead) -> Result<TileWriter> {
    let size = as_u64(head.size)?;
    let mut edge = Vec::new();
    for tile in TileWriter::partial_tiles(size) {
        let index = i64::try_from(tile.index()).map_err(Error::bug)?;
        let stored = tx.log_tile(i16::from(tile.level()), index).await?;
        let hashes = stored.ok_or_else(|| damaged(format!("{tile} is missing")))?;
        edge.resize(usize::from(tile.level()), Vec::new());
        edge.push(decode_tile(tile, &hashes).map_err(damaged)?);
    }
    let writer = TileWriter::from_edge(size, edge).map_err(damaged)?;
    if writer.root().map_err(damaged)?.as_bytes().as_slice() != head.root {
        return Err(damaged("the stored tiles do not lead to the signed root"));
    }
    Ok(writer)
}

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::Integrity(format!("the tiles do not fit the log: {why}"))
}

type TileColumns = (Vec<i16>, Vec<i64>, Vec<Vec<u8>>);

/// A full tile supersedes its partial ones, so the widest of each wins the row.
fn tile_columns(tiles: &[(TileId, Vec<u8>)]) -> Result<TileColumns> {
    let mut widest = std::collections::BTreeMap::new();
    for (tile, bytes) in tiles {
        let key = (i16::from(tile.level()), i64::try_from(tile.index()).map_err(Error::bug)?);
        let row = widest.entry(key).or_insert(bytes);
        if bytes.len() > row.len() {
            *row = bytes;
        }
    }
    let mut columns = TileColumns::default();
    for ((level, index), bytes) in widest {
        columns.0.push(level);
        columns.1.push(index);
        columns.2.push(bytes.clone());
    }
    Ok(columns)
}

fn read_optional(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(Error::dependency(format!("reading {}", path.display()), why)),
    }
}

fn as_u64(size: i64) -> Result<u64> {
    u64::try_from(size).map_err(|_| Error::Integrity("the log's size is negative".into()))
}

fn count_of<T>(items: &[T]) -> Result<i64> {
    i64::try_from(items.len()).map_err(Error::bug)
}
