//! A throwaway server for tests: one a process, in a private temporary directory.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::account::effective_uid;
use super::directory::remove_tree;
use super::{Postgres, PostgresConfig, PostgresError};

const PREFIX: &str = "chancery-ephemeral-";
/// A younger directory may belong to a process that is about to lock it.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// The server this process shares among its tests, started at the first call. Callers create
/// databases of their own on it, by unique names.
///
/// It runs with the same durability settings as any other, honours `CHANCERY_PG_BIN`, and ends with
/// the process. A process has no say after its end, so its directory is removed by the next process
/// that calls this, a minute later at the soonest.
///
/// # Errors
/// As [`Postgres::start`]; the next call tries again.
pub fn ephemeral() -> Result<&'static Postgres, PostgresError> {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());

    // The lock guards no data: a start that panicked left nothing half done.
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = SERVER.get() {
        return Ok(server);
    }
    let server = start_in(&std::env::temp_dir())?;
    Ok(SERVER.get_or_init(|| server))
}

fn start_in(parent: &Path) -> Result<Postgres, PostgresError> {
    let server = Postgres::start(PostgresConfig {
        bin_directory: std::env::var_os("CHANCERY_PG_BIN").map(PathBuf::from),
        max_connections: 200,
        ..PostgresConfig::new(parent.join(format!("{PREFIX}{}", Uuid::new_v4().simple())))
    })?;
    sweep(parent, &server.identity().data_directory);
    Ok(server)
}

/// Removes the directories of processes that are gone. What cannot be removed can wait.
fn sweep(parent: &Path, newest: &Path) {
    let Ok(now) = fs::metadata(newest).and_then(|found| found.modified()) else { return };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == effective_uid());
        if !is_ours {
            continue;
        }
        let modified = entry.metadata().and_then(|found| found.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age >= ABANDONED_AFTER) && is_abandoned(&path) {
            let _ = remove_tree(&path);
        }
    }
}

/// Neither a supervisor nor a process of its server is left.
fn is_abandoned(directory: &Path) -> bool {
    ["supervisor.lock", "cluster.lock"]
        .iter()
        .all(|name| File::open(directory.join(name)).is_ok_and(|lock| lock.try_lock().is_ok()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_directories_of_gone_processes_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, age_s: u64| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            for lock in ["supervisor.lock", "cluster.lock"] {
                File::create(path.join(lock)).unwrap();
            }
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            let folder = File::open(&path).unwrap();
            folder.set_modified(modified - Duration::from_secs(age_s)).unwrap();
            path
        };
        let newest = make("chancery-ephemeral-newest", 0);
        let (gone, held) = (make("chancery-ephemeral-1", 90), make("chancery-ephemeral-2", 90));
        let (young, foreign) = (make("chancery-ephemeral-3", 5), make("elsewhere-4", 90));
        let lock = File::open(held.join("cluster.lock")).unwrap();
        lock.lock().unwrap();
        sweep(parent.path(), &newest);
        assert!(!gone.exists());
        assert!([newest, held, young, foreign].iter().all(|path| path.exists()));
    }
}
