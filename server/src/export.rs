//! Exports: the whole log as a folder that `chancery verify` and programs of others check offline.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::event::EventRow;
use chancery_audit::event::EventId;
use chancery_audit::export::{ExportReader, encode_payload_line};
use chancery_audit::tile::{
    TileId, TileReader, bundles_for_growth, encode_bundle, tiles_for_growth,
};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Leaves.
    pub size: u64,
}

/// Writes checkpoint, tiles, entry bundles and payloads below `directory`, which must be new or empty.
///
/// # Errors
/// The folder is not empty, or the database or the file system fails.
pub async fn export(store: &Store, directory: &Path) -> Result<Exported> {
    require_empty(directory)?;
    let head = store.log_head().await?;
    let size = u64::try_from(head.size).map_err(Error::bug)?;
    write(directory, "checkpoint", head.note.as_bytes())?;
    for tile in tiles_for_growth(0, size) {
        write(directory, &tile.to_string(), &tile_bytes(store, tile).await?)?;
    }
    let mut payloads = create(directory, "payloads.jsonl")?;
    for bundle in bundles_for_growth(0, size) {
        let start = bundle.index() * 256;
        let events = read_leaves(store, start, start + u64::from(bundle.width())).await?;
        let entries: Vec<&[u8]> = events.iter().map(|event| event.entry.as_slice()).collect();
        write(directory, &bundle.to_string(), &encode_bundle(&entries).map_err(Error::bug)?)?;
        for event in &events {
            write!(payloads, "{}", payload_line(event)?)
                .map_err(|why| Error::dependency("writing payloads", why))?;
        }
    }
    payloads.sync_all().map_err(|why| Error::dependency("writing payloads", why))?;
    Ok(Exported { size })
}

/// An exported folder, for [`chancery_audit::export::verify_export`].
pub struct ExportFolder(pub PathBuf);

impl ExportReader for ExportFolder {
    fn read(&self, path: &str) -> std::result::Result<Option<Vec<u8>>, String> {
        match std::fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(why.to_string()),
        }
    }
}

impl TileReader for ExportFolder {
    type Error = String;

    fn read(&self, tile: TileId) -> std::result::Result<Vec<u8>, String> {
        ExportReader::read(self, &tile.to_string())?.ok_or_else(|| "missing".into())
    }
}

/// Whatever the database holds is exported, damaged or not: the verifier is to find it.
async fn tile_bytes(store: &Store, tile: TileId) -> Result<Vec<u8>> {
    let level = i16::from(tile.level());
    let index = i64::try_from(tile.index()).map_err(Error::bug)?;
    let hashes = store.log_tile(level, index, usize::from(tile.width())).await?;
    Ok(hashes.unwrap_or_default())
}

async fn read_leaves(store: &Store, start: u64, end: u64) -> Result<Vec<EventRow>> {
    let as_i64 = |n| i64::try_from(n).map_err(Error::bug);
    store.event_list_leaves(as_i64(start)?, as_i64(end)?).await
}

fn payload_line(event: &EventRow) -> Result<String> {
    let index = u64::try_from(event.leaf_index.unwrap_or(-1)).map_err(Error::bug)?;
    let event_id = EventId::parse(&event.event_id.to_string()).map_err(Error::bug)?;
    let payload = event.payload.as_deref().map(String::from_utf8_lossy);
    let salt = event.salt.as_deref().and_then(|salt| salt.try_into().ok());
    let kept = salt.zip(payload.as_deref());
    encode_payload_line(index, event_id, kept).map_err(Error::bug)
}

fn require_empty(directory: &Path) -> Result<()> {
    crate::keys::private_directory(directory)?;
    let mut entries = std::fs::read_dir(directory)
        .map_err(|why| Error::dependency(format!("reading {}", directory.display()), why))?;
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Error::invalid(
        directory.display().to_string(),
        "this folder is not empty; name a new one, so that no old file is taken for part of the export",
    ))
}

fn create(directory: &Path, path: &str) -> Result<std::fs::File> {
    let path = directory.join(path);
    if let Some(parent) = path.parent() {
        crate::keys::private_directory(parent)?;
    }
    std::fs::File::create(&path)
        .map_err(|why| Error::dependency(format!("writing {}", path.display()), why))
}

fn write(directory: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    create(directory, path)?
        .write_all(bytes)
        .map_err(|why| Error::dependency(format!("writing {path}"), why))
}
