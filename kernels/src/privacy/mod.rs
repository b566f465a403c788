//! What a run costs, known before it starts, and the mechanisms that earn that figure.
//!
//! Neighbouring tables differ by the presence of one row (add or remove). [`loss`] reads the
//! specification and the public number of rows, never the data.

mod accountant;
mod counts;
mod discrete_gaussian;
mod grid;
mod sampling;

use serde::{Deserialize, Serialize};

pub(crate) use accountant::Accountant;
pub(crate) use counts::{counts_epsilon, counts_release};
pub(crate) use discrete_gaussian::{NoiseSource, system_key};
pub(crate) use grid::{BLOCK_ROWS, CLIP_SHRINK, GradientGrid};
pub(crate) use sampling::{PoissonSampler, batch_rows_max};

use crate::KernelError;
use crate::train::TrainSpec;

/// Largest ε for which a run is accepted: beyond it the guarantee says nothing, and the margin
/// kept for oversized batches (see `sampling`) is computed for it.
pub const EPSILON_MAX: f64 = 20.0;

/// Part of δ kept for batches above the fixed maximum.
const DELTA_RESERVED: f64 = 1e-15;

/// Relative addition to every stated ε, far above the accountant's floating-point error.
const EPSILON_ROUNDING: f64 = 1e-9;

/// A loss of (ε, δ) differential privacy, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyLoss {
    /// ε.
    pub epsilon: f64,
    /// δ.
    pub delta: f64,
}

impl PrivacyLoss {
    /// ε in units of 1e-9, rounded up; the largest integer where it does not fit.
    pub fn epsilon_nano_up(&self) -> u64 {
        scaled_up(self.epsilon, 9)
    }

    /// δ in units of 1e-15, rounded up; the largest integer where it does not fit.
    pub fn delta_femto_up(&self) -> u64 {
        scaled_up(self.delta, 15)
    }
}

/// Loss of the whole run of `spec` on a table of `rows` rows, or `None` for a run without privacy.
///
/// Gradient noise is accounted by `accountant`; group counts released for a mitigation add
/// their ε by basic composition, as OpenDP's own privacy map states it.
///
/// # Errors
/// [`KernelError::Spec`] for an invalid specification, or one whose ε exceeds [`EPSILON_MAX`].
pub fn loss(spec: &TrainSpec, rows: u64) -> Result<Option<PrivacyLoss>, KernelError> {
    spec.validate()?;
    let (q, steps) = (spec.sampling_rate(rows)?, spec.steps(rows)?);
    let Some(privacy) = &spec.privacy else { return Ok(None) };
    let mut accountant = Accountant::new(privacy.noise_multiplier, q);
    accountant.add_steps(steps);
    let epsilon = stated_epsilon(&accountant, privacy.delta) + mitigation_epsilon(spec)?;
    if epsilon > EPSILON_MAX {
        return Err(KernelError::spec(
            "privacy.noise_multiplier",
            format!("the run would cost ε = {epsilon:.2}, over {EPSILON_MAX}"),
            "raise it, or train for fewer steps",
        ));
    }
    Ok(Some(PrivacyLoss { epsilon, delta: privacy.delta }))
}

/// Smallest noise multiplier for which `steps` Poisson-subsampled Gaussian steps at sampling rate
/// `q` cost at most (`target_epsilon`, `delta`), to a relative 1e-6 from above.
///
/// # Errors
/// [`KernelError::Spec`] where no multiplier in the accepted range reaches the target.
pub fn calibrate_noise(
    target_epsilon: f64,
    delta: f64,
    q: f64,
    steps: u32,
) -> Result<f64, KernelError> {
    let cost = |noise_multiplier: f64| {
        let mut accountant = Accountant::new(noise_multiplier, q);
        accountant.add_steps(steps);
        stated_epsilon(&accountant, delta)
    };
    let (mut low, mut high) =
        (crate::train::NOISE_MULTIPLIER_MIN, crate::train::NOISE_MULTIPLIER_MAX);
    let reachable = target_epsilon > 0.0 && delta > 1e-12 && q > 0.0 && q <= 1.0;
    if !reachable || cost(high) > target_epsilon {
        return Err(KernelError::spec(
            "target_epsilon",
            format!("no noise multiplier up to {high} reaches it"),
            "raise the target or delta, or lower the sampling rate or the number of steps",
        ));
    }
    if cost(low) <= target_epsilon {
        return Ok(low);
    }
    while high - low > 1e-6 * high {
        let middle = f64::midpoint(low, high);
        if cost(middle) <= target_epsilon { high = middle } else { low = middle }
    }
    Ok(high)
}

/// ε of the gradient steps at `delta`, with the reserved part of δ taken off and rounded up.
pub(crate) fn stated_epsilon(accountant: &Accountant, delta: f64) -> f64 {
    accountant.epsilon(delta - DELTA_RESERVED) * (1.0 + EPSILON_ROUNDING)
}

/// ε of all count releases a specification asks for.
pub(crate) fn mitigation_epsilon(spec: &TrainSpec) -> Result<f64, KernelError> {
    let (releases, epsilon) = spec.mitigation.releases();
    if releases == 0 {
        return Ok(0.0);
    }
    Ok(f64::from(releases) * counts_epsilon(epsilon)? * (1.0 + EPSILON_ROUNDING))
}

/// `value · 10^digits` rounded up, by the shortest decimal that reads back as `value`: a δ written
/// as 0.00001 is exactly 1e10 femto, although its nearest double lies a hair above.
fn scaled_up(value: f64, digits: usize) -> u64 {
    if !value.is_finite() {
        return u64::MAX;
    }
    let text = format!("{}", value.max(0.0));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(digits).collect();
    let rest = fraction.get(digits..).unwrap_or("");
    let up = u64::from(rest.bytes().any(|digit| digit != b'0'));
    format!("{whole}{kept}").parse::<u64>().map_or(u64::MAX, |units| units.saturating_add(up))
}

#[cfg(test)]
mod tests;
