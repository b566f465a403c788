//! Export, offline verification, and an attack: a row altered behind the log's back, on a copy of the
//! database, is named by `verify`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_audit::export::{Report, verify_export};

use super::walk::{Walk, require};
use crate::cli::{block_on, describe};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::export::{ExportFolder, export};
use crate::store::tamper::{copy_log, disguise_denial, drop_database};
use crate::store::{DatabaseAddress, DatabaseRole, Store};

/// Name of the copy.
const COPY: &str = "chancery_tampered_copy";

/// Shows that an untouched export verifies and an altered one does not; answers the log's size.
///
/// # Errors
/// Verification answers otherwise than it must.
pub fn export_verify_and_tamper(walk: &Walk<'_>, address: &DatabaseAddress) -> Result<u64> {
    walk.say.step(7, "the log, verified offline; then a row altered behind its back, on a copy");
    wait_for_sequencer(address)?;
    let folder = fresh_folder(&walk.config.data_directory, "export")?;
    let size = export_from(address, &folder)?;
    let honest = check(walk, &folder)?;
    require(honest.is_ok(), &format!("the export must verify: {}", describe(&honest)))?;
    walk.say
        .line(&format!("chancery verify {} --key <log key>: {size} events, OK", folder.display()));

    block_on(copy_log(address, COPY))??;
    let copy = address.with_database(COPY);
    let altered = block_on(disguise_denial(&copy))??;
    let folder = fresh_folder(&walk.config.data_directory, "export-tampered")?;
    export_from(&copy, &folder)?;
    block_on(drop_database(address, COPY))??;
    let caught = check(walk, &folder)?;
    let named = caught.first_tampered().is_some_and(|finding| finding.leaf_index == Some(altered));
    require(named, &format!("verify must name leaf {altered}: {}", describe(&caught)))?;
    walk.say.line(&format!("one row rewritten in the copy (leaf {altered}), as its owner could"));
    for line in describe(&caught).lines().take(3) {
        walk.say.line(line);
    }
    Ok(size)
}

/// So that the export tells the whole story up to here.
fn wait_for_sequencer(address: &DatabaseAddress) -> Result<()> {
    block_on(async {
        let store = Store::connect(address, DatabaseRole::Auditor, 1, Clock::System).await?;
        for _ in 0..100 {
            if store.event_pending_count().await? == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store.close().await;
        Ok(())
    })?
}

fn check(walk: &Walk<'_>, folder: &Path) -> Result<Report> {
    let key = crate::app::log_key(walk.config)?;
    Ok(verify_export(&ExportFolder(folder.to_owned()), &key, None))
}

fn export_from(address: &DatabaseAddress, folder: &Path) -> Result<u64> {
    block_on(async {
        let store = Store::connect(address, DatabaseRole::Auditor, 1, Clock::System).await?;
        let exported = export(&store, folder).await;
        store.close().await;
        Ok(exported?.size)
    })?
}

fn fresh_folder(data_directory: &Path, name: &str) -> Result<PathBuf> {
    let folder = data_directory.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|why| Error::dependency(format!("removing {}", folder.display()), why))?;
    }
    Ok(folder)
}
