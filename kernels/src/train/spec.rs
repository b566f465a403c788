//! What to train, as the caller states it.

use serde::{Deserialize, Serialize};

use crate::KernelError;
use crate::tabular::{Encoder, TabularSchema};

/// Smallest accepted noise multiplier; less noise gives no guarantee worth stating.
pub const NOISE_MULTIPLIER_MIN: f64 = 0.3;

/// Largest accepted noise multiplier.
pub const NOISE_MULTIPLIER_MAX: f64 = 100.0;

const STEPS_MAX: u32 = 1_000_000;
const BATCH_MAX: u32 = 65_536;

/// A training run of a tabular network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Widths of the hidden layers; none gives logistic regression.
    pub hidden: Vec<usize>,
    /// How long to train.
    pub duration: Duration,
    /// Expected rows in a Poisson batch; also what gradient sums are divided by.
    pub batch_size_expected: u32,
    /// Step size.
    pub learning_rate: f64,
    /// Update rule.
    pub optimizer: Optimizer,
    /// Seed of the initial weights and, without privacy, of the batches.
    pub seed: u64,
    /// Columns the network sees, in input order.
    pub features: Vec<String>,
    /// Differential privacy, or none.
    pub privacy: Option<PrivacySpec>,
    /// What is done against unequal selection of groups.
    pub mitigation: Mitigation,
}

/// Length of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duration {
    /// Expected passes over the data; the number of steps is rounded up.
    Epochs(f64),
    /// Gradient steps.
    Steps(u32),
}

/// Update rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Gradient descent with a running sum of past updates.
    Momentum {
        /// Share kept of the past, in [0, 1).
        momentum: f64,
    },
    /// Kingma and Ba (2015), β = (0.9, 0.999).
    Adam,
}

/// DP-SGD (Abadi et al. 2016) with Poisson sampling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySpec {
    /// Noise standard deviation over sensitivity.
    pub noise_multiplier: f64,
    /// Largest Euclidean norm of one row's gradient.
    pub clip_norm: f64,
    /// δ at which ε is stated; well below one over the number of rows.
    pub delta: f64,
}

/// What is done in training against unequal selection of groups. None of them needs the protected
/// attribute at prediction. Without `privacy` counts are exact and `counts_epsilon` is not spent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mitigation {
    /// Nothing.
    #[default]
    None,
    /// Kamiran and Calders (2012): rows weigh P(group)·P(label) / P(group, label), from noisy
    /// counts. The weight scales the clipped gradient, so the sensitivity does not grow.
    Reweighing {
        /// A protected attribute of the schema.
        attribute: String,
        /// ε of the one release of group × label counts.
        counts_epsilon: f64,
    },
    /// Demographic parity as a constraint, by Lagrangian descent and ascent (Agarwal et al. 2018;
    /// with privacy, Tran, Fioretto and Van Hentenryck 2021): multipliers on each pair of groups
    /// rise while their noisy selection rates differ by more than the target.
    ParityConstraint {
        /// A protected attribute of the schema.
        attribute: String,
        /// Difference of selection rates to reach on the training rows.
        maximum_difference: f64,
        /// ε of all count releases together: group sizes, then selected rows in each round.
        counts_epsilon: f64,
        /// Times the multipliers are updated.
        rounds: u32,
    },
}

impl Mitigation {
    /// Number of count releases, and ε of each.
    pub(crate) fn releases(&self) -> (u32, f64) {
        match self {
            Self::None => (0, 0.0),
            Self::Reweighing { counts_epsilon, .. } => (1, *counts_epsilon),
            Self::ParityConstraint { counts_epsilon, rounds, .. } => {
                (rounds + 1, counts_epsilon / f64::from(rounds + 1))
            }
        }
    }
}

impl TrainSpec {
    /// A small network trained for ten epochs without privacy or mitigation: a starting point.
    pub fn with_features(features: Vec<String>) -> Self {
        Self {
            hidden: vec![64],
            duration: Duration::Epochs(10.0),
            batch_size_expected: 512,
            learning_rate: 0.002,
            optimizer: Optimizer::Adam,
            seed: 0,
            features,
            privacy: None,
            mitigation: Mitigation::None,
        }
    }

    /// Checks every field that can be checked without a table.
    ///
    /// # Errors
    /// [`KernelError::Spec`] naming the field and its accepted range.
    pub fn validate(&self) -> Result<(), KernelError> {
        let hidden = self.hidden.len() <= 4 && self.hidden.iter().all(|w| (1..=1024).contains(w));
        check(hidden, "hidden", "give at most 4 widths of 1 to 1,024")?;
        let duration = match self.duration {
            Duration::Epochs(epochs) => epochs.is_finite() && epochs > 0.0 && epochs <= 10_000.0,
            Duration::Steps(steps) => (1..=STEPS_MAX).contains(&steps),
        };
        check(duration, "duration", "give up to 10,000 epochs or 1,000,000 steps")?;
        let batch = (1..=BATCH_MAX).contains(&self.batch_size_expected);
        check(batch, "batch_size_expected", "give 1 to 65,536")?;
        let rate = self.learning_rate > 0.0 && self.learning_rate <= 100.0;
        check(rate, "learning_rate", "give a number above 0, at most 100")?;
        if let Optimizer::Momentum { momentum } = self.optimizer {
            check((0.0..1.0).contains(&momentum), "optimizer.momentum", "give 0 up to below 1")?;
        }
        check(!self.features.is_empty(), "features", "name at least one column")?;
        self.privacy.iter().try_for_each(PrivacySpec::validate)?;
        self.mitigation.validate()
    }

    /// Checks what names columns against the table's public schema, so that a misspelt name costs nothing.
    ///
    /// # Errors
    /// [`KernelError::Schema`] naming the column and the remedy.
    pub fn validate_against(&self, schema: &TabularSchema) -> Result<(), KernelError> {
        Encoder::new(schema, &self.features)?;
        let attribute = match &self.mitigation {
            Mitigation::None => return Ok(()),
            Mitigation::Reweighing { attribute, .. }
            | Mitigation::ParityConstraint { attribute, .. } => attribute,
        };
        if schema.protected.contains(attribute) {
            return Ok(());
        }
        Err(KernelError::schema(
            format!("`{attribute}` is not a protected attribute"),
            "mitigate one of the schema's `protected` columns",
        ))
    }

    /// Gradient steps on a table of `rows` rows.
    ///
    /// # Errors
    /// [`KernelError::Spec`] where they are more than a million.
    pub fn steps(&self, rows: u64) -> Result<u32, KernelError> {
        match self.duration {
            Duration::Steps(steps) => Ok(steps),
            Duration::Epochs(epochs) => {
                let steps = (epochs * rows as f64 / f64::from(self.batch_size_expected)).ceil();
                let accepted = steps <= f64::from(STEPS_MAX);
                check(accepted, "duration", "train for fewer epochs or with a larger batch")?;
                Ok((steps as u32).max(1))
            }
        }
    }

    /// Probability with which a row enters a batch.
    ///
    /// # Errors
    /// [`KernelError::Spec`] where the batch is larger than the table.
    pub fn sampling_rate(&self, rows: u64) -> Result<f64, KernelError> {
        let fits = u64::from(self.batch_size_expected) <= rows;
        check(fits, "batch_size_expected", "give at most the number of rows")?;
        Ok(f64::from(self.batch_size_expected) / rows as f64)
    }
}

impl PrivacySpec {
    fn validate(&self) -> Result<(), KernelError> {
        let noise = (NOISE_MULTIPLIER_MIN..=NOISE_MULTIPLIER_MAX).contains(&self.noise_multiplier);
        check(noise, "privacy.noise_multiplier", "give 0.3 to 100")?;
        let clip = (1e-3..=1e3).contains(&self.clip_norm);
        check(clip, "privacy.clip_norm", "give 0.001 to 1,000")?;
        let delta = (1e-12..=1e-3).contains(&self.delta);
        check(delta, "privacy.delta", "give 1e-12 to 0.001")
    }
}

impl Mitigation {
    fn validate(&self) -> Result<(), KernelError> {
        if let Self::ParityConstraint { maximum_difference, rounds, .. } = self {
            let target = (0.0..1.0).contains(maximum_difference);
            check(target, "mitigation.maximum_difference", "give 0 up to below 1")?;
            check((1..=1_000).contains(rounds), "mitigation.rounds", "give 1 to 1,000")?;
        }
        let (releases, epsilon) = self.releases();
        let spends = releases == 0 || (1e-4..=10.0).contains(&epsilon);
        check(spends, "mitigation.counts_epsilon", "give 0.0001 to 10 for each release")
    }
}

fn check(holds: bool, field: &'static str, remedy: &'static str) -> Result<(), KernelError> {
    if holds { Ok(()) } else { Err(KernelError::spec(field, "is outside its range", remedy)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn specs_read_as_json_and_refuse_unknown_fields() {
        let spec = TrainSpec {
            mitigation: Mitigation::Reweighing { attribute: "sex".into(), counts_epsilon: 0.1 },
            ..TrainSpec::with_features(vec!["age".into()])
        };
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<TrainSpec>(&json).unwrap(), spec);
        let unknown = json.replacen('{', "{\"epoch\":1,", 1);
        assert!(serde_json::from_str::<TrainSpec>(&unknown).is_err());
        let inner = json.replace("\"counts_epsilon\"", "\"x\":1,\"counts_epsilon\"");
        assert!(serde_json::from_str::<TrainSpec>(&inner).is_err());
    }

    #[test]
    fn every_range_is_enforced() {
        let good = TrainSpec::with_features(vec!["age".into()]);
        assert!(good.validate().is_ok());
        let private = |noise_multiplier, clip_norm, delta| {
            Some(PrivacySpec { noise_multiplier, clip_norm, delta })
        };
        let bad = [
            TrainSpec { hidden: vec![0], ..good.clone() },
            TrainSpec { duration: Duration::Epochs(f64::NAN), ..good.clone() },
            TrainSpec { duration: Duration::Steps(0), ..good.clone() },
            TrainSpec { batch_size_expected: 0, ..good.clone() },
            TrainSpec { learning_rate: f64::INFINITY, ..good.clone() },
            TrainSpec { optimizer: Optimizer::Momentum { momentum: 1.0 }, ..good.clone() },
            TrainSpec { features: vec![], ..good.clone() },
            TrainSpec { privacy: private(0.0, 1.0, 1e-5), ..good.clone() },
            TrainSpec { privacy: private(1.0, f64::NAN, 1e-5), ..good.clone() },
            TrainSpec { privacy: private(1.0, 1.0, 0.0), ..good.clone() },
            TrainSpec {
                mitigation: Mitigation::Reweighing { attribute: "a".into(), counts_epsilon: 0.0 },
                ..good.clone()
            },
        ];
        assert!(bad.iter().all(|spec| spec.validate().is_err()));
        assert!(good.sampling_rate(511).is_err());
        assert_eq!(good.steps(32_561).unwrap(), 636);
    }
}
