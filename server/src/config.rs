//! One configuration tree. Unknown keys are refused; secrets live in files and are named by path.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

/// Everything that can be set, with defaults that suit one machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API and the dashboard listen.
    pub listen: String,
    /// Folder for keys, blobs, scratch space and the embedded database. Mode 0700.
    pub data_directory: PathBuf,
    /// The log's origin: a URL prefix without scheme or trailing slash (C2SP tlog-checkpoint).
    pub log_origin: String,
    /// Blobs.
    pub blobs: BlobConfig,
    /// Key files; each must be mode 0600.
    pub keys: KeyConfig,
    /// What gates ask for.
    pub gates: GateConfig,
    /// Jobs and their limits.
    pub jobs: JobConfig,
    /// Largest request body in bytes.
    pub body_limit_bytes: usize,
}

/// Where blobs lie.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum BlobConfig {
    /// `blobs/` below the data directory.
    #[default]
    Local,
    /// An S3-compatible store; credentials come from the usual AWS variables.
    S3 {
        /// Bucket name.
        bucket: String,
        /// Region.
        region: String,
        /// Endpoint for stores other than AWS.
        #[serde(default)]
        endpoint: Option<String>,
    },
}

/// Key files. Absent ones are `keys/…` below the data directory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyConfig {
    /// Ed25519 key (PKCS#8) that signs checkpoints.
    pub log: Option<PathBuf>,
    /// 32 random bytes that wrap data keys.
    pub master: Option<PathBuf>,
}

/// Thresholds that rules read as facts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Enforce rules before their date of application.
    pub enforce_early: bool,
    /// Largest demographic parity difference.
    pub parity_difference_max: f64,
    /// Largest equalized-odds difference.
    pub equalized_odds_difference_max: f64,
    /// Four-fifths indicator (reported).
    pub four_fifths_min: f64,
    /// Smallest group that counts as evidence.
    pub minimum_group_size: u32,
    /// Attributes whose fairness blocks; the other protected ones are reported.
    pub gated_attributes: Vec<String>,
    /// Smallest accuracy.
    pub accuracy_min: f64,
    /// How many different people approve a deployment.
    pub approvals_required: u32,
    /// Ids of the keys whose approvals count, as `keys register` prints them. Empty: every registered key. Pinned
    /// here, a person made up in the database cannot approve.
    pub approver_keys: Vec<String>,
}

/// How jobs run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobConfig {
    /// Jobs that run side by side.
    pub parallel: usize,
    /// A lease not renewed for so long is lost.
    pub lease_seconds: i64,
    /// Address-space limit of a job's process.
    pub memory_limit_mib: u64,
    /// A job is ended after so long.
    pub wall_limit_seconds: u64,
    /// Attempts before a crashing job fails for good.
    pub attempts_max: i32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8787".into(),
            data_directory: PathBuf::from(".chancery"),
            log_origin: "chancery.local/log".into(),
            blobs: BlobConfig::Local,
            keys: KeyConfig::default(),
            gates: GateConfig::default(),
            jobs: JobConfig::default(),
            body_limit_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            enforce_early: true,
            parity_difference_max: 0.10,
            equalized_odds_difference_max: 0.20,
            four_fifths_min: 0.8,
            minimum_group_size: 100,
            gated_attributes: vec!["sex".into()],
            accuracy_min: 0.80,
            approvals_required: 2,
            approver_keys: Vec::new(),
        }
    }
}

impl Default for JobConfig {
    fn default() -> Self {
        Self {
            parallel: 1,
            lease_seconds: 15,
            memory_limit_mib: 4096,
            wall_limit_seconds: 3600,
            attempts_max: 3,
        }
    }
}

impl Config {
    /// Reads a TOML file, or the defaults when none is named.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or holds an unknown key.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|why| Error::dependency(format!("reading {}", path.display()), why))?;
        toml::from_str(&text)
            .map_err(|why| Error::invalid(path.display().to_string(), why.to_string()))
    }

    /// The file of the log's signing key.
    pub fn log_key_path(&self) -> PathBuf {
        self.keys.log.clone().unwrap_or_else(|| self.data_directory.join("keys/log.p8"))
    }

    /// The file of the master key.
    pub fn master_key_path(&self) -> PathBuf {
        self.keys.master.clone().unwrap_or_else(|| self.data_directory.join("keys/master.key"))
    }

    /// The copy of the last published checkpoint, kept outside the database on purpose.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.data_directory.join("log/checkpoint")
    }
}
