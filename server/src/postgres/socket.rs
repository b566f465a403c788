//! The folder of the server's socket: inside the data directory, or where that path is too long for
//! a socket address, a private one of random name elsewhere.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::PORT;
use super::account::{Account, effective_uid};
use super::directory::{create_owned, remove_tree};
use super::error::{Doing as _, PostgresError};

/// `sun_path` has 108 bytes on Linux and 104 on macOS, one of them for the final zero.
const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A folder of mode 0700 for one server's socket. Dropping it removes the folder.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    path: PathBuf,
}

impl SocketDirectory {
    /// Makes the folder anew. A socket of an earlier run goes with the old one, so a connection
    /// reaches the coming server or nobody.
    pub(super) fn create(data_directory: &Path, account: &Account) -> Result<Self, PostgresError> {
        let inside = data_directory.join("socket");
        remove_tree(&inside)?;
        let path = match is_usable(&inside) {
            true => inside,
            false => elsewhere(account).ok_or_else(|| PostgresError::DataDirectory {
                directory: data_directory.to_owned(),
                reason: format!(
                    "its socket's path would be longer than {SOCKET_PATH_BYTES_MAX} bytes, and the \
                     temporary directory's too: choose a shorter path, or set TMPDIR to one"
                ),
            })?,
        };
        create_owned(&path, account)?;
        let created = Self { path };
        created.check_owner(account)?;
        Ok(created)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The socket's own path.
    pub(super) fn socket(&self) -> PathBuf {
        socket_in(&self.path)
    }

    /// In a shared folder the name could have been replaced; a folder of ours could not.
    fn check_owner(&self, account: &Account) -> Result<(), PostgresError> {
        let found = fs::symlink_metadata(&self.path).doing("inspect", &self.path)?;
        if found.is_dir() && found.uid() == account.uid() && found.mode() & 0o777 == 0o700 {
            return Ok(());
        }
        Err(PostgresError::DataDirectory {
            directory: self.path.clone(),
            reason: "this new folder is not the private one that was made".to_owned(),
        })
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}

fn elsewhere(account: &Account) -> Option<PathBuf> {
    // The user's runtime directory is closed to the account that root steps down to.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir() && account.uid() == effective_uid());
    let name = format!("chancery-{}", Uuid::new_v4().simple());
    [runtime, Some(std::env::temp_dir())]
        .into_iter()
        .flatten()
        .map(|parent| parent.join(&name))
        .find(|path| is_usable(path))
}

fn is_usable(directory: &Path) -> bool {
    // PostgreSQL reads the setting as a list: commas part its items and quotes hold them together.
    let bytes = directory.as_os_str().as_bytes();
    socket_in(directory).as_os_str().len() <= SOCKET_PATH_BYTES_MAX
        && !bytes.iter().any(|byte| matches!(byte, b',' | b'"'))
}

fn socket_in(directory: &Path) -> PathBuf {
    directory.join(format!(".s.PGSQL.{PORT}"))
}
