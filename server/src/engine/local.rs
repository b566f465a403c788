//! The local engine: one child process for each attempt.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::order::{JobOrder, Line};
use rustix::fs::OFlags;

use crate::error::{Error, Result};

/// Longest part of standard error that is kept.
const STDERR_BYTES_MAX: u64 = 16 * 1024;
/// Longest line that is read: an outcome holds the whole evaluation.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A process that closed its output has nothing to do but end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// A running job process.
pub struct LocalJob {
    child: Child,
    /// Held open: closing it tells the child that nobody waits any more.
    _lifeline: ChildStdin,
    lines: BoundedLines,
    stderr: tokio::task::JoinHandle<String>,
}

/// How the process ended.
#[derive(Debug)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// The last it said on standard error.
    pub stderr: String,
}

impl LocalJob {
    /// Starts `program run-job` with an empty environment and hands it the order through a pipe.
    ///
    /// # Errors
    /// The program cannot be started. In that case no data key has left this process.
    pub async fn start(program: &Path, order: &JobOrder) -> Result<Self> {
        let failed = |why| Error::dependency(format!("starting {}", program.display()), why);
        let mut child = Command::new(program)
            .arg("run-job")
            .env_clear()
            .env("RAYON_NUM_THREADS", "2")
            .current_dir(&order.scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(mut lifeline), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::bug("the child's pipes are missing"));
        };
        let mut text = zeroize::Zeroizing::new(serde_json::to_string(order).map_err(Error::bug)?);
        text.push('\n');
        // A child that died at once is seen by its exit status, not by this write.
        let _ = lifeline.write_all(text.as_bytes()).await;
        let stderr = tokio::task::spawn_local(read_tail(stderr));
        Ok(Self {
            child,
            _lifeline: lifeline,
            lines: BoundedLines { stdout, read: Vec::new() },
            stderr,
        })
    }

    /// The next line, or none when the process has closed its output.
    ///
    /// # Errors
    /// A line that is no [`Line`], or one without end.
    pub async fn next_line(&mut self) -> Result<Option<Line>> {
        let Some(text) = self.lines.next().await? else { return Ok(None) };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|why| Error::dependency("reading a job's line", why))
    }

    /// Ends the process at once.
    pub async fn kill(&mut self) {
        // The only failure is that it is gone already.
        let _ = self.child.kill().await;
    }

    /// Process identifier, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end of a process that has closed its output. One that lives on, or whose children
    /// hold its standard error, is killed: it must not keep a slot for good.
    ///
    /// # Errors
    /// It did not end by itself, or the operating system does not tell.
    pub async fn wait(mut self) -> Result<Exit> {
        let ended = async {
            let status = self
                .child
                .wait()
                .await
                .map_err(|why| Error::dependency("waiting for a job", why))?;
            let stderr = (&mut self.stderr).await.unwrap_or_default();
            Ok(Exit { status, stderr })
        };
        let waited = tokio::time::timeout(END_PATIENCE, ended).await;
        self.stderr.abort();
        waited.unwrap_or_else(|_| {
            Err(Error::dependency("waiting for a job", "it closed its output and did not end"))
        })
    }
}

/// Lines of a bounded length, read so that a dropped future loses nothing.
struct BoundedLines {
    stdout: ChildStdout,
    read: Vec<u8>,
}

impl BoundedLines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.read[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(searched + end + 1);
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            searched = self.read.len();
            if searched > LINE_BYTES_MAX {
                return Err(Error::dependency("reading a job", "it writes a line without end"));
            }
            self.read.reserve(8192);
            let read = self.stdout.read_buf(&mut self.read).await;
            if read.map_err(|why| Error::dependency("reading a job", why))? == 0 {
                // A line that was cut short by the end is no line.
                return Ok(None);
            }
        }
    }
}

async fn read_tail(mut stderr: tokio::process::ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        let surplus = kept.len().saturating_sub(STDERR_BYTES_MAX as usize);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Largest artefact that is taken.
const ARTEFACT_BYTES_MAX: u64 = 1 << 30;

/// A private folder for one attempt, removed when dropped.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Removes what a lost attempt left: the folder may hold a model in the clear.
    pub fn remove_abandoned(data_directory: &Path, name: &str) {
        drop(Self { path: data_directory.join("scratch").join(name) });
    }

    /// Makes `scratch/<name>` below the data directory, empty.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn create(data_directory: &Path, name: &str) -> Result<Self> {
        let path = data_directory.join("scratch").join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)
                .map_err(|why| Error::dependency("clearing a scratch folder", why))?;
        }
        crate::keys::private_directory(&path)?;
        let path = path
            .canonicalize()
            .map_err(|why| Error::dependency("finding a scratch folder", why))?;
        Ok(Self { path })
    }

    /// Reads what a job's process left. Name and file come from another process: a path, a link, a pipe
    /// or a giant is refused.
    ///
    /// # Errors
    /// [`Error::Integrity`] for anything but a plain file of a usable size.
    pub fn read_artefact(&self, name: &str) -> Result<Vec<u8>> {
        let failed = |why| Error::dependency("reading the artefact", why);
        let unusable = || Error::Integrity("the artefact is no plain file of a usable size".into());
        let name = Path::new(name).file_name().ok_or_else(unusable)?;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.path.join(name))
            .map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || metadata.len() > ARTEFACT_BYTES_MAX {
            return Err(unusable());
        }
        let mut bytes = Vec::new();
        file.take(ARTEFACT_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a scratch folder was left behind");
        }
    }
}
