//! What travels between the platform and a job's process: one order in, JSON lines out.

use std::path::PathBuf;

use chancery_kernels::device::{Device, DeviceChoice};
use chancery_kernels::tabular::TabularSchema;
use chancery_kernels::train::TrainSpec;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Everything a job needs, and nothing more. Holds data keys: it goes through a pipe, never through
/// arguments, environment or files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOrder {
    /// The job.
    pub job_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// What to train.
    pub training: TrainSpec,
    /// Public metadata of the table.
    pub schema: TabularSchema,
    /// Training split.
    pub training_input: InputBlob,
    /// Held-out split.
    pub evaluation_input: InputBlob,
    /// Private folder for the artefact.
    pub scratch: PathBuf,
    /// Where to run.
    pub device: DeviceChoice,
    /// Smallest group that counts as evidence.
    pub minimum_group_size: u64,
    /// Address-space limit in bytes.
    pub memory_limit_bytes: u64,
    /// Key under which the outcome is sealed, in hexadecimal.
    pub outcome_key: String,
}

/// An encrypted input file and its data key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputBlob {
    /// Ciphertext on local disk.
    pub path: PathBuf,
    /// SHA-256 of the plain bytes.
    pub digest: String,
    /// AES-256-GCM data key, in hexadecimal.
    pub data_key: String,
}

/// A line that a job's process writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// From here on the privacy loss counts as spent.
    DataOpened,
    /// How far it is.
    Progress {
        /// Step, steps, ε so far, held-out accuracy where measured.
        detail: Value,
    },
    /// The process gave up for a reason that will not go away by itself.
    Failure {
        /// Why.
        detail: String,
    },
    /// The result.
    Outcome {
        /// An [`Outcome`] as JSON text.
        body: String,
        /// HMAC-SHA-256 over `body` under the order's key, in hexadecimal.
        seal: String,
    },
}

/// What a job measured and made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The job.
    pub job_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// SHA-256 of the safetensors file.
    pub artefact_digest: String,
    /// Its name in the scratch folder.
    pub artefact_file: String,
    /// Accuracy and fairness on the held-out split.
    pub evaluation: Value,
    /// Privacy loss as the accountant measured it after the run.
    pub epsilon_nano: Option<String>,
    /// The same for δ.
    pub delta_femto: Option<String>,
    /// Trained parameters.
    pub parameters: u64,
    /// Device it ran on.
    pub device: Device,
    /// Processor seconds of the process, where the system tells.
    pub processor_seconds: Option<f64>,
}

impl Outcome {
    /// Seals the outcome, so that whoever carries the line cannot change it.
    ///
    /// # Errors
    /// Serialisation, which would be a bug.
    pub fn seal(&self, key: &[u8]) -> Result<Line> {
        let body = serde_json::to_string(self).map_err(Error::bug)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), body.as_bytes());
        Ok(Line::Outcome { body, seal: hex::encode(tag) })
    }

    /// Opens a sealed outcome of the expected job and attempt.
    ///
    /// # Errors
    /// The seal is wrong, or it belongs to another job or attempt.
    pub fn open(body: &str, seal: &str, key: &[u8], job_id: Uuid, attempt: i32) -> Result<Self> {
        let broken =
            || Error::Integrity(format!("the outcome of job {job_id} is not sealed by its order"));
        let tag = hex::decode(seal).map_err(|_| broken())?;
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), body.as_bytes(), &tag)
            .map_err(|_| broken())?;
        let outcome: Self = serde_json::from_str(body).map_err(Error::bug)?;
        if outcome.job_id != job_id || outcome.attempt != attempt {
            return Err(broken());
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(attempt: i32) -> Outcome {
        Outcome {
            job_id: Uuid::nil(),
            attempt,
            artefact_digest: "00".repeat(32),
            artefact_file: "model.safetensors".into(),
            evaluation: Value::Null,
            epsilon_nano: None,
            delta_femto: None,
            parameters: 1,
            device: Device::Cpu,
            processor_seconds: Some(0.5),
        }
    }

    #[test]
    fn an_outcome_opens_only_under_its_key_job_and_attempt() {
        let Line::Outcome { body, seal } = outcome(1).seal(b"key").unwrap() else { panic!() };
        assert!(Outcome::open(&body, &seal, b"key", Uuid::nil(), 1).is_ok());
        assert!(Outcome::open(&body, &seal, b"other", Uuid::nil(), 1).is_err());
        assert!(Outcome::open(&body, &seal, b"key", Uuid::max(), 1).is_err());
        assert!(Outcome::open(&body, &seal, b"key", Uuid::nil(), 2).is_err());
        let better = body.replace("\"parameters\":1", "\"parameters\":9");
        assert!(Outcome::open(&better, &seal, b"key", Uuid::nil(), 1).is_err());
        assert!(Outcome::open(&body, "zz", b"key", Uuid::nil(), 1).is_err());
    }
}
