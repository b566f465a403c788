//! What a submitter asks for. Parsed once, at the edge; everything behind holds a checked value.

use std::collections::BTreeMap;

use chancery_kernels::device::DeviceChoice;
use chancery_kernels::privacy::{self, PrivacyLoss};
use chancery_kernels::tabular::TabularSchema;
use chancery_kernels::train::TrainSpec;
use chancery_policy::{AutomatedDecision, BiasMitigation};
use serde::{Deserialize, Serialize};

use super::facts::DeclaredThresholds;
use crate::error::{Error, Result};
use crate::store::budget::Loss;

/// A training job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// What to do.
    pub kind: JobKind,
    /// Name of the job, and of the model it makes.
    pub name: String,
    /// Name of a registered dataset.
    pub dataset: String,
    /// Name of a registered AI system.
    pub system: String,
    /// What the personal data is processed for (GDPR Art. 5(1)(b)).
    pub purpose: String,
    /// Legal basis, such as `6(1)(f)` (GDPR Art. 6).
    #[serde(default)]
    pub legal_basis: Option<String>,
    /// Reference of the assessment that 6(1)(f) needs.
    #[serde(default)]
    pub legitimate_interest_assessment: Option<String>,
    /// Columns left out on purpose (data minimisation).
    #[serde(default)]
    pub minimised_excluded: Vec<String>,
    /// Whether decisions will be solely automated (GDPR Art. 22).
    #[serde(default)]
    pub automated_decision: Option<AutomatedDecision>,
    /// For a protected or special column among the features: why it must be read.
    #[serde(default)]
    pub column_justifications: BTreeMap<String, String>,
    /// Conditions for special categories in bias work (AI Act Art. 4a).
    #[serde(default)]
    pub bias_mitigation: Option<BiasMitigation>,
    /// Thresholds fixed before the run (AI Act Art. 9).
    #[serde(default)]
    pub declared_metrics: Option<DeclaredThresholds>,
    /// The model and how it is trained.
    pub training: TrainSpec,
    /// Where it runs.
    #[serde(default = "cpu")]
    pub device: DeviceChoice,
}

/// Largest card, specification or attestation: it is kept for ever, so that it must not be a place to
/// fill a disk.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Kinds of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Train a tabular network.
    Train,
}

impl JobKind {
    /// As it stands in specifications.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
        }
    }
}

impl JobSpec {
    /// Parses a request body.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the place and the remedy.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let spec: Self = parse_json(body)?;
        require_name("/name", &spec.name)?;
        if spec.purpose.trim().is_empty() {
            return Err(Error::invalid("/purpose", "say what the data is processed for"));
        }
        spec.training.validate().map_err(|why| Error::invalid("/training", why.to_string()))?;
        Ok(spec)
    }

    /// Checks every column that is named against the dataset's schema, before anything is reserved.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the column and the remedy.
    pub fn require_columns(&self, schema: &TabularSchema) -> Result<()> {
        self.training
            .validate_against(schema)
            .map_err(|why| Error::invalid("/training", why.to_string()))?;
        let known = |name: &String| schema.columns.iter().any(|column| column.name == *name);
        if let Some(unknown) = self.minimised_excluded.iter().find(|name| !known(name)) {
            let detail = format!("the dataset has no column {unknown:?} that could be left out");
            return Err(Error::invalid("/minimised_excluded", detail));
        }
        if let Some(unknown) = self.column_justifications.keys().find(|name| !known(name)) {
            let detail = format!("the dataset has no column {unknown:?} to justify");
            return Err(Error::invalid("/column_justifications", detail));
        }
        Ok(())
    }

    /// The privacy loss of one run over `rows` rows, known before it begins; none without DP.
    ///
    /// # Errors
    /// The parameters are outside what the accountant covers.
    pub fn privacy_loss(&self, rows: u64) -> Result<Option<PrivacyLoss>> {
        privacy::loss(&self.training, rows)
            .map_err(|why| Error::invalid("/training/privacy", why.to_string()))
    }
}

/// A loss as the ledger holds it: integers, rounded up.
///
/// # Errors
/// The loss does not fit, which no cap would cover either.
pub fn ledger_loss(loss: &PrivacyLoss) -> Result<Loss> {
    let too_large =
        |_| Error::invalid("/training/privacy", "the privacy loss is beyond any budget");
    Ok(Loss {
        epsilon_nano: i64::try_from(loss.epsilon_nano_up()).map_err(too_large)?,
        delta_femto: i64::try_from(loss.delta_femto_up()).map_err(too_large)?,
    })
}

/// Parses a JSON body; the error names line and column.
///
/// # Errors
/// [`Error::Invalid`].
pub fn parse_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    parse_json_up_to(body, DOCUMENT_BYTES_MAX)
}

/// Parses a JSON body of at most `limit` bytes.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Invalid`].
pub fn parse_json_up_to<T: serde::de::DeserializeOwned>(body: &[u8], limit: usize) -> Result<T> {
    if body.len() > limit {
        return Err(Error::TooLarge);
    }
    serde_json::from_slice(body).map_err(|why| {
        Error::invalid(
            format!("body, line {} column {}", why.line(), why.column()),
            why.to_string(),
        )
    })
}

/// Names go into URLs, reports and file names: 1–100 plain characters.
///
/// # Errors
/// [`Error::Invalid`].
pub fn require_name(at: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=100).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Error::invalid(at, "use 1 to 100 letters, digits, hyphens, underscores or dots"))
}

fn cpu() -> DeviceChoice {
    DeviceChoice::Cpu
}
