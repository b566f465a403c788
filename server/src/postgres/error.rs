//! What can go wrong with the supervised PostgreSQL, sorted by who can mend it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why the supervised PostgreSQL could not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    // Mended by whoever configures the installation.
    /// No bin directory was configured, carried or installed.
    #[error(
        "found no PostgreSQL. Looked for the programs `postgres` and `initdb` in:\n{looked}\n\
         Any one of these helps:\n\
         1. install PostgreSQL {minimum} or newer (for example `apt install postgresql`);\n\
         2. set CHANCERY_PG_BIN to the bin directory of a PostgreSQL {minimum} or newer;\n\
         3. set DATABASE_URL to a PostgreSQL server that already runs."
    )]
    NotFound {
        /// One line a place, with what was found there.
        looked: String,
        /// The oldest major version that would do.
        minimum: u32,
    },
    /// The configured bin directory does not hold a usable PostgreSQL.
    #[error(
        "{} is no usable PostgreSQL bin directory: {reason}. \
         Set CHANCERY_PG_BIN to a directory that holds `postgres` and `initdb`, or unset it",
        directory.display()
    )]
    BinDirectory {
        /// The directory that was looked into.
        directory: PathBuf,
        /// What is missing or wrong there.
        reason: String,
    },
    /// The data directory cannot be used as it is.
    #[error("cannot use the data directory {}: {reason}", directory.display())]
    DataDirectory {
        /// The directory.
        directory: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Another process supervises this data directory.
    #[error(
        "another process already runs PostgreSQL on {}: stop it first \
         (an embedded PostgreSQL serves one process at a time)",
        directory.display()
    )]
    AlreadyRunning {
        /// The data directory both want.
        directory: PathBuf,
    },
    /// The cluster was made by another major version.
    #[error(
        "{} was made by PostgreSQL {cluster}, but {} is PostgreSQL {server}: set CHANCERY_PG_BIN \
         to a PostgreSQL {cluster}, or dump the data with {cluster} and restore it into a new data \
         directory",
        directory.display(),
        bin_directory.display()
    )]
    VersionMismatch {
        /// The cluster's folder.
        directory: PathBuf,
        /// Where the server's programs are.
        bin_directory: PathBuf,
        /// Major version in the cluster's PG_VERSION.
        cluster: u32,
        /// Major version of the server's programs.
        server: u32,
    },
    /// A setting that durability rests on is not on.
    #[error(
        "PostgreSQL runs with {setting} = {value}, but an audit log needs it on: remove the \
         override (ALTER SYSTEM, ALTER ROLE, ALTER DATABASE), or make the cluster anew with \
         checksums"
    )]
    NotDurable {
        /// Name of the setting.
        setting: &'static str,
        /// Its value, or `unknown`.
        value: String,
    },

    // Mended by looking at PostgreSQL or at the machine.
    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// The postmaster ended by itself.
    #[error("PostgreSQL ended ({status}). The end of {}:\n{log_tail}", log.display())]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of this run.
        log_tail: String,
    },
    /// The postmaster lives, but takes no connection.
    #[error(
        "PostgreSQL takes no connection ({reason}). The end of {}:\n{log_tail}",
        log.display()
    )]
    NotReady {
        /// The last answer.
        reason: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of this run.
        log_tail: String,
    },
    /// A server left by an earlier run does not go away.
    #[error(
        "a PostgreSQL of an earlier run still works on {} ({who}) and did not end in {waited_s} s: \
         stop it, never delete its postmaster.pid",
        directory.display()
    )]
    PreviousAlive {
        /// The cluster's folder.
        directory: PathBuf,
        /// Its process id, where known.
        who: String,
        /// How long the supervisor waited, in seconds.
        waited_s: u64,
    },
    /// A fast shutdown took too long and was forced; the next start recovers from the log.
    #[error("PostgreSQL did not stop in time and was ended by {signal}; the next start recovers")]
    Forced {
        /// The signal that ended it.
        signal: &'static str,
    },
    /// An operation on a file or process failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// Its object.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    // Mended by whoever built this program.
    /// The carried archive is not the pinned one.
    #[error("the carried PostgreSQL archive is damaged: SHA-256 {found}, pinned {pinned}")]
    Archive {
        /// Digest of the bytes in this program.
        found: String,
        /// Digest pinned in its source.
        pinned: String,
    },
}

/// Names the operation and its object in an [`io::Error`].
pub(super) trait Doing<T> {
    /// `doing` completes the sentence "cannot … PATH".
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PostgresError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PostgresError> {
        self.map_err(|error| PostgresError::Io {
            doing,
            path: path.to_owned(),
            source: error.into(),
        })
    }
}
