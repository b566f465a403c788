//! Proofs from stored tiles: O(log n) rows for each, whatever the size of the log.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_audit::proof::LogProof;
use chancery_audit::tile::{TileId, TileReader, inclusion_proof_from_tiles, root_from_tiles};
use chancery_audit::{AuditError, Hash};

use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::log::LogHead;

/// Tiles at hand. The pure proof code asks and notes what is missing; it is then fetched, and the code
/// runs again: at most once for each level of the tree.
#[derive(Default)]
struct FetchedTiles {
    tiles: HashMap<TileId, Vec<u8>>,
    missing: RefCell<HashSet<TileId>>,
}

impl TileReader for FetchedTiles {
    type Error = String;

    fn read(&self, tile: TileId) -> std::result::Result<Vec<u8>, String> {
        self.tiles.get(&tile).cloned().ok_or_else(|| {
            self.missing.borrow_mut().insert(tile);
            String::from("not fetched yet")
        })
    }
}

/// The root that the log had at `size`, recomputed from its tiles.
///
/// # Errors
/// A tile is missing, or the database fails.
pub async fn root_at(store: &Store, size: u64) -> Result<Hash> {
    with_tiles(store, |tiles| root_from_tiles(tiles, size)).await
}

/// An offline proof (`.tlog-proof`) that leaf `index` is in the log of `head`.
///
/// # Errors
/// The leaf is not in that log, a tile is missing, or the database fails.
pub async fn inclusion(store: &Store, head: &LogHead, index: u64) -> Result<LogProof> {
    let size = u64::try_from(head.size).map_err(Error::bug)?;
    let path = with_tiles(store, |tiles| inclusion_proof_from_tiles(tiles, index, size)).await?;
    let checkpoint = SignedCheckpoint::parse(head.note.as_bytes()).map_err(damaged)?;
    Ok(LogProof { extra: None, index, path, checkpoint })
}

async fn with_tiles<T>(
    store: &Store,
    prove: impl Fn(&FetchedTiles) -> std::result::Result<T, AuditError>,
) -> Result<T> {
    let mut fetched = FetchedTiles::default();
    loop {
        let result = prove(&fetched);
        let missing: Vec<TileId> = fetched.missing.take().into_iter().collect();
        if missing.is_empty() {
            return result.map_err(damaged);
        }
        for tile in missing {
            fetched.tiles.insert(tile, read_tile(store, tile).await?);
        }
    }
}

async fn read_tile(store: &Store, tile: TileId) -> Result<Vec<u8>> {
    let index = i64::try_from(tile.index()).map_err(Error::bug)?;
    store
        .log_tile(i16::from(tile.level()), index, usize::from(tile.width()))
        .await?
        .ok_or_else(|| damaged(format!("{tile} is missing from the database")))
}

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::Integrity(format!("the stored tiles do not make a proof: {why}"))
}
