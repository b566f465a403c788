//! A trained network with all that is needed to use and judge it.

use crate::KernelError;
use crate::network::Network;
use crate::privacy::PrivacyLoss;
use crate::tabular::{Encoder, TabularData, TabularSchema};
use crate::train::TrainSpec;

/// The result of a run. It holds no row of the data.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    spec: TrainSpec,
    encoder: Encoder,
    schema_digest: String,
    network: Network,
    privacy: Option<PrivacyLoss>,
}

impl TrainedModel {
    pub(crate) fn new(
        spec: TrainSpec,
        data: &TabularData,
        network: Network,
        privacy: Option<PrivacyLoss>,
    ) -> Result<Self, KernelError> {
        Self::from_parts(spec, data.schema(), network, privacy)
    }

    pub(crate) fn from_parts(
        spec: TrainSpec,
        schema: &TabularSchema,
        network: Network,
        privacy: Option<PrivacyLoss>,
    ) -> Result<Self, KernelError> {
        let encoder = Encoder::new(schema, &spec.features)?;
        Ok(Self { schema_digest: schema.digest(), spec, encoder, network, privacy })
    }

    /// The specification it was trained by.
    pub fn spec(&self) -> &TrainSpec {
        &self.spec
    }

    /// The schema of the rows it reads.
    pub fn schema(&self) -> &TabularSchema {
        self.encoder.schema()
    }

    /// SHA-256 of that schema, in hexadecimal.
    pub fn schema_digest(&self) -> &str {
        &self.schema_digest
    }

    /// Columns it reads, in input order.
    pub fn features(&self) -> &[String] {
        &self.spec.features
    }

    /// Loss its training cost, as stated beforehand; none for a run without privacy.
    pub fn privacy(&self) -> Option<PrivacyLoss> {
        self.privacy
    }

    /// Number of trained parameters.
    pub fn parameter_count(&self) -> usize {
        self.network.parameters().len()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

/// Mean log loss, with probabilities kept 1e-7 from 0 and 1, and accuracy at threshold 0.5.
pub(crate) fn log_loss_and_accuracy(probabilities: &[f32], labels: &[bool]) -> (f64, f64) {
    let (mut loss, mut right) = (0.0, 0_u64);
    for (&probability, &label) in probabilities.iter().zip(labels) {
        let p = f64::from(probability).clamp(1e-7, 1.0 - 1e-7);
        loss -= if label { p.ln() } else { (1.0 - p).ln() };
        right += u64::from((probability >= 0.5) == label);
    }
    let n = labels.len().max(1) as f64;
    (loss / n, right as f64 / n)
}
