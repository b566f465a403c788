//! Arguments. Secrets are never arguments: they are named by file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::service::Part;

/// Compliance-first, auditable machine learning.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, about, propagate_version = true)]
pub struct Arguments {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "CHANCERY_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set everything up by itself and walk one real job through all rooms.
    Demo(DemoOptions),
    /// Serve API, dashboard and log, sequence events, run jobs.
    Serve {
        /// Run only this part in this process; repeatable.
        #[arg(long = "part", value_enum, default_values = ["http", "sequencer", "worker"])]
        parts: Vec<Part>,
    },
    /// Run one job from an order on standard input (started by the worker).
    #[command(hide = true)]
    RunJob,
    /// Bring the database's schema up to date.
    Migrate,
    /// Begin the log of a new installation, or show its head.
    #[command(subcommand)]
    Log(LogCommand),
    /// Enrol a person or a service directly in the database (for the first administrator).
    Principal(PrincipalOptions),
    /// Write the whole log into a folder for offline verification.
    Export {
        /// New or empty folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// Decide every recorded decision again and report differences.
    Replay,
    /// Make signing keys or show their public half.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Sign an approval or a rejection of a model and send it.
    Approve(ApproveOptions),
    /// Submit a job specification.
    Submit(SubmitOptions),
    /// Verify an exported log offline, with nothing but the public key.
    Verify(VerifyOptions),
    /// Print the offline proof (.tlog-proof) of a leaf of an exported log.
    Prove {
        /// Exported folder.
        export: PathBuf,
        /// Leaf index.
        #[arg(long)]
        index: u64,
    },
    /// Verify a compliance report offline, with nothing but the public key.
    VerifyReport {
        /// Report as JSON.
        report: PathBuf,
        /// Verifier key, or a file that holds it.
        #[arg(long)]
        key: String,
    },
    /// Sign a compute plugin, or run a program in its sandbox.
    #[command(subcommand)]
    Plugin(super::plugin::PluginCommand),
    /// Print the OpenAPI document.
    Openapi,
}

/// Options of the demo.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// End after the walk instead of serving on.
    #[arg(long)]
    pub once: bool,
    /// Throw the earlier demo away and begin anew.
    #[arg(long)]
    pub fresh: bool,
    /// Folder for keys, blobs and the embedded database.
    #[arg(long, default_value = ".chancery/demo")]
    pub directory: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub listen: String,
}

/// The log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Make the keys of a new installation and begin its log. Fails where one exists.
    Create,
    /// Print the signed head.
    Head,
}

/// Whom to enrol.
#[derive(Debug, Args)]
pub struct PrincipalOptions {
    /// Display name.
    #[arg(long)]
    pub name: String,
    /// Role; repeatable.
    #[arg(long = "role", required = true)]
    pub roles: Vec<String>,
    /// File that the token is written to (0600). It is shown nowhere else.
    #[arg(long)]
    pub token_file: PathBuf,
}

/// Keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an Ed25519 key file (0600) and print its public half.
    New {
        /// File to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Print the public half of a key file in base64.
    Public {
        /// Key file.
        #[arg(long)]
        key: PathBuf,
    },
    /// Register the public half with the server as yours.
    Register {
        /// Key file.
        #[arg(long)]
        key: PathBuf,
        /// Which server, as whom.
        #[command(flatten)]
        connection: Connection,
    },
}

/// Which server, as whom.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Server.
    #[arg(long, default_value = "http://127.0.0.1:8787", env = "CHANCERY_SERVER")]
    pub server: String,
    /// File that holds your token.
    #[arg(long, env = "CHANCERY_TOKEN_FILE")]
    pub token_file: PathBuf,
}

/// An approval.
#[derive(Debug, Args)]
pub struct ApproveOptions {
    /// The model.
    #[arg(long)]
    pub model: Uuid,
    /// Your signing key.
    #[arg(long)]
    pub key: PathBuf,
    /// Your answer.
    #[arg(long, value_enum, default_value = "approve")]
    pub verdict: VerdictArgument,
    /// Why.
    #[arg(long)]
    pub comment: String,
    /// Which server, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// An approver's answer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum VerdictArgument {
    /// May be deployed.
    Approve,
    /// Must not be deployed.
    Reject,
}

/// A job to submit.
#[derive(Debug, Args)]
pub struct SubmitOptions {
    /// Job specification (JSON).
    pub spec: PathBuf,
    /// Run a specification again that was submitted before.
    #[arg(long)]
    pub again: bool,
    /// Which server, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// Exported folder.
    pub export: PathBuf,
    /// Verifier key of the log, or a file that holds it.
    #[arg(long)]
    pub key: String,
    /// A checkpoint you kept earlier: the export must extend it.
    #[arg(long)]
    pub trusted: Option<PathBuf>,
}
