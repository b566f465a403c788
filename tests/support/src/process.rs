//! The built program in processes of its own, to be killed without a chance to say anything.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::jobs::{arguments, kill_9, processes, until};

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The server itself.
    Server,
    /// The process of the job that runs.
    Job,
    /// The database's first process.
    Database,
}

/// A server process with a data directory of its own.
pub struct Server {
    data_directory: PathBuf,
    arguments: Vec<String>,
    output: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Nothing runs yet. `arguments` are those of `chancery`; what it prints goes to a file.
    pub fn new(data_directory: &Path, arguments: &[&str]) -> Self {
        Self {
            data_directory: data_directory.to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            output: data_directory.with_extension("out"),
            process: None,
        }
    }

    /// Starts it, unless it runs.
    ///
    /// # Errors
    /// The program was not built.
    pub fn ensure_started(&mut self) -> Result<()> {
        if self.ended()?.is_none() && self.process.is_some() {
            return Ok(());
        }
        let output = File::create(&self.output)?;
        self.process = Some(
            command(&self.arguments)?
                .stdout(output.try_clone()?)
                .stderr(output)
                .spawn()
                .context("starting the program")?,
        );
        Ok(())
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    /// What it printed since it was started last.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Kills a victim and answers who it was: where there is none of that kind, the server.
    ///
    /// # Errors
    /// A server without its database does not end.
    pub fn kill(&mut self, victim: Victim) -> Result<Victim> {
        let pid = match victim {
            Victim::Server => None,
            Victim::Job => self.job(),
            Victim::Database => self.postmaster(),
        };
        // It may have ended by itself in this moment, which is a moment like any other.
        let killed = pid.is_some_and(|pid| kill_9(pid).is_ok());
        match victim {
            Victim::Job if killed => Ok(Victim::Job),
            Victim::Database if killed => {
                let status = until("the end of a server without its database", || self.ended())?;
                anyhow::ensure!(!status.success(), "{}", self.output());
                Ok(Victim::Database)
            }
            _ => {
                self.kill_server()?;
                Ok(Victim::Server)
            }
        }
    }

    fn kill_server(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// The job process that is this server's child, if one appears soon.
    fn job(&mut self) -> Option<u32> {
        let parent = self.process.as_ref()?.id();
        for _ in 0..250 {
            let found = processes().find(|pid| {
                parent_of(*pid) == Some(parent)
                    && arguments(*pid).iter().any(|word| word == "run-job")
            });
            if found.is_some() || self.ended().ok()?.is_some() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn postmaster(&self) -> Option<u32> {
        let file = self.data_directory.join("postgres/cluster/postmaster.pid");
        let pid: u32 = std::fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()?;
        // The file outlives a killed postmaster, and its number may be another's by now.
        arguments(pid).first().filter(|program| program.ends_with("postgres")).map(|_| pid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.kill_server();
    }
}

/// The built program with arguments, on a database of its own.
///
/// # Errors
/// It was not built.
pub fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Result<Command> {
    let mut command = Command::new(crate::program()?);
    command.args(arguments).stdin(Stdio::null());
    for name in ["DATABASE_URL", "CHANCERY_CONFIG"] {
        command.env_remove(name);
    }
    Ok(command)
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Reproducible choices (SplitMix64, Steele, Lea and Flood 2014).
pub struct Choices(u64);

impl Choices {
    /// The seed is `CHANCERY_KILL_SEED`, else a new one; it is printed, so that a run can be repeated.
    pub fn new() -> Self {
        let given = std::env::var("CHANCERY_KILL_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_le_bytes(chancery::keys::random_bytes()));
        println!("CHANCERY_KILL_SEED={seed}");
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Ten victims in random order, each kind at least three times.
    pub fn victims(&mut self) -> Vec<Victim> {
        let mut victims = [Victim::Server, Victim::Job, Victim::Database].repeat(3);
        victims.push(Victim::Server);
        for last in (1..victims.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            victims.swap(last, other);
        }
        victims
    }

    /// Sleeps for a random time within bounds, in milliseconds.
    pub fn pause(&mut self, from: u64, to: u64) {
        std::thread::sleep(Duration::from_millis(from + self.below(to - from)));
    }
}

impl Default for Choices {
    fn default() -> Self {
        Self::new()
    }
}
