//! The private data directory: its layout, its permissions and its two locks.
//!
//! ```text
//! supervisor.lock   held by the supervising process for as long as it lives
//! cluster.lock      inherited by every process of the cluster: free means that none is left
//! runtime-…/        the carried PostgreSQL, unpacked
//! cluster/          PGDATA
//! socket/           the server's socket
//! postgres.log      the server's standard error
//! ```

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::fs::{PermissionsExt as _, chown, lchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::account::{self, Account};
use super::error::{Doing as _, PostgresError};

/// The group may pass and not list: the group is that of the account the server runs as.
const MODE_ADMITTING: u32 = 0o710;
const LOCK_PERIOD: Duration = Duration::from_millis(20);
/// Processes of a killed postmaster end when they next look, which a long query can delay.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(60);

/// A data directory that this process alone supervises. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    lock: File,
}

impl DataDirectory {
    /// Creates the directory where it is missing, makes it private and locks it.
    pub(super) fn claim(path: &Path) -> Result<Self, PostgresError> {
        let path = create_private(path)?;
        let lock_path = path.join("supervisor.lock");
        let lock = open_private(&lock_path, Access::Write).doing("open", &lock_path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(PostgresError::AlreadyRunning { directory: path }),
            Err(TryLockError::Error(error)) => Err(error).doing("lock", &lock_path),
        }
    }

    /// The directory, absolute and free of symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// PGDATA.
    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// Where the server's standard error goes.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Waits until no process of an earlier server is left, and answers the lock that says so.
    /// Every process of the next server inherits it.
    pub(super) fn lock_cluster(&self) -> Result<File, PostgresError> {
        let path = self.path.join("cluster.lock");
        let lock = open_private(&path, Access::Write).doing("open", &path)?;
        let deadline = Instant::now() + CLUSTER_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(error)) => return Err(error).doing("lock", &path),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_PERIOD);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(PostgresError::PreviousAlive {
                        directory: self.cluster(),
                        who: "its processes hold cluster.lock".to_owned(),
                        waited_s: CLUSTER_PATIENCE.as_secs(),
                    });
                }
            }
        }
    }

    /// Lets `account` reach its own folders inside, and nothing else: the directory stays ours.
    pub(super) fn admit(&self, account: &Account) -> Result<(), PostgresError> {
        let Account::Unprivileged { name, uid, gid } = account else {
            return set_mode(&self.path, 0o700);
        };
        let closed = self.path.ancestors().skip(1).find(|above| {
            fs::metadata(above).is_ok_and(|found| {
                let mode = found.mode();
                mode & 0o001 == 0
                    && !(found.uid() == *uid && mode & 0o100 != 0)
                    && !(found.gid() == *gid && mode & 0o010 != 0)
            })
        });
        if let Some(closed) = closed {
            return Err(PostgresError::DataDirectory {
                directory: self.path.clone(),
                reason: format!(
                    "PostgreSQL refuses to run as root, and the user {name} it would run as cannot \
                     pass {}: choose a directory it can reach (for example /var/lib/chancery), or \
                     run as another user",
                    closed.display()
                ),
            });
        }
        chown(&self.path, None, Some(*gid)).doing("change the group of", &self.path)?;
        set_mode(&self.path, MODE_ADMITTING)
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // Explicit, because a child forked a moment ago by another thread may still hold a copy of
        // the descriptor until it executes its program, and closing ours would leave it locked.
        let _ = self.lock.unlock();
    }
}

/// What a file of the data directory is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Append,
}

/// Opens or creates a file of mode 0600, following no symbolic link.
pub(super) fn open_private(path: &Path, access: Access) -> std::io::Result<File> {
    OpenOptions::new()
        .write(access == Access::Write)
        .append(access == Access::Append)
        .create(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Makes a new folder of mode 0700 that `account` owns.
pub(super) fn create_owned(path: &Path, account: &Account) -> Result<(), PostgresError> {
    fs::DirBuilder::new().mode(0o700).create(path).doing("create", path)?;
    give_tree(path, account)
}

/// Makes `account` the owner of everything below `path`, where it is not already.
pub(super) fn give_tree(path: &Path, account: &Account) -> Result<(), PostgresError> {
    let metadata = fs::symlink_metadata(path).doing("inspect", path)?;
    if metadata.uid() == account.uid() {
        return Ok(());
    }
    // Contents first: an interrupted walk leaves the root unchanged, so that the next one resumes.
    if metadata.is_dir() {
        for entry in fs::read_dir(path).doing("list", path)? {
            give_tree(&entry.doing("list", path)?.path(), account)?;
        }
    }
    let (uid, gid) = (account.uid(), account.gid());
    lchown(path, Some(uid), Some(gid)).doing("change the owner of", path)
}

/// Removes a folder and what it holds; its absence is fine.
pub(super) fn remove_tree(path: &Path) -> Result<(), PostgresError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.doing("remove", path),
    }
}

/// Gives a finished folder its final name, so that the name exists only for a whole folder.
///
/// Contents reach the disk before the name does, and the name before this returns.
pub(super) fn publish(staging: &Path, path: &Path) -> Result<(), PostgresError> {
    let folder = File::open(staging).doing("open", staging)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&folder).doing("write to disk", staging)?;
    #[cfg(not(target_os = "linux"))]
    folder.sync_all().doing("write to disk", staging)?;
    fs::rename(staging, path).doing("rename to", path)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    File::open(parent).and_then(|folder| folder.sync_all()).doing("write to disk", parent)
}

fn create_private(path: &Path) -> Result<PathBuf, PostgresError> {
    let path = std::path::absolute(path).doing("resolve", path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).doing("create", parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => other.doing("create", &path)?,
    }
    let path = fs::canonicalize(&path).doing("resolve", &path)?;
    let metadata = fs::metadata(&path).doing("inspect", &path)?;
    if !metadata.is_dir() {
        let reason = "it is not a directory".to_owned();
        return Err(PostgresError::DataDirectory { directory: path, reason });
    }
    if metadata.uid() != account::effective_uid() {
        let (uid, own) = (metadata.uid(), account::effective_uid());
        let reason = format!(
            "it belongs to user id {uid}, and this process runs as {own}: run as that user, or choose \
             another directory"
        );
        return Err(PostgresError::DataDirectory { directory: path, reason });
    }
    // A server of an earlier run may still need to pass: `admit` decides once it is gone.
    if !matches!(metadata.mode() & 0o777, 0o700 | MODE_ADMITTING) {
        set_mode(&path, 0o700)?;
    }
    Ok(path)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), PostgresError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).doing("make private", path)
}
