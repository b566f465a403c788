//! The server's log file, and the end of it for error messages.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::directory::{Access, open_private};
use super::error::{Doing as _, PostgresError};

/// Past this size a start sets the log aside, so that two of them bound the space.
const SIZE_BYTES_MAX: u64 = 16 << 20;
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 20;

/// The log of one run of the server.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    begin: u64,
    file: File,
}

impl Log {
    /// Opens the log at its end, for a run that starts now.
    pub(super) fn open(path: &Path) -> Result<Self, PostgresError> {
        if fs::symlink_metadata(path).is_ok_and(|found| found.len() > SIZE_BYTES_MAX) {
            fs::rename(path, path.with_extension("log.1")).doing("set aside", path)?;
        }
        let file = open_private(path, Access::Append).doing("open", path)?;
        let begin = file.metadata().doing("inspect", path)?.len();
        Ok(Self { path: path.to_owned(), begin, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A handle for the server's output.
    pub(super) fn output(&self) -> Result<File, PostgresError> {
        self.file.try_clone().doing("open", &self.path)
    }

    /// The last lines of this run.
    pub(super) fn tail(&self) -> String {
        let read = || {
            let mut file = File::open(&self.path)?;
            let end = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.begin.max(end.saturating_sub(TAIL_BYTES))))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}
