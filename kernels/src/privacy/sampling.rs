//! Poisson sampling: each row enters a batch independently with the same probability.
//!
//! Batches may be empty. A batch is cut at a fixed maximum so that the floating-point error of its
//! sum has a bound that depends on no data. The cut is met with probability below
//! [`CUT_PROBABILITY`] over the whole run. With e^ε below e²⁰ that moves δ by less than 1e-15,
//! which the stated ε leaves room for.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Bound on the probability that any batch of a run is cut.
const CUT_PROBABILITY: f64 = 1e-24;

/// Draws batches of row indices.
pub(crate) struct PoissonSampler {
    rng: ChaCha20Rng,
    rows: u32,
    /// A row is drawn when 64 uniform bits lie below this: `batch / rows`, rounded down.
    threshold: u128,
    batch_rows_max: usize,
}

impl PoissonSampler {
    /// `key` must be secret in a private run: who knows the batches gets no amplification.
    pub(crate) fn new(key: [u8; 32], rows: u32, batch: u32, steps: u32) -> Self {
        let threshold = (u128::from(batch) << 64) / u128::from(rows.max(1));
        let rng = ChaCha20Rng::from_seed(key);
        Self { rng, rows, threshold, batch_rows_max: batch_rows_max(batch, steps) }
    }

    /// The next batch, in ascending order; it may be empty.
    pub(crate) fn next_batch(&mut self) -> Vec<u32> {
        let mut batch: Vec<u32> =
            (0..self.rows).filter(|_| u128::from(self.rng.next_u64()) < self.threshold).collect();
        batch.truncate(self.batch_rows_max);
        batch
    }
}

/// Most rows a batch of expected size `batch` may have: by Bernstein's inequality a larger one has
/// probability below [`CUT_PROBABILITY`] over `steps` steps.
pub(crate) fn batch_rows_max(batch: u32, steps: u32) -> usize {
    let log = (f64::from(steps.max(1)) / CUT_PROBABILITY).ln();
    let excess = log / 3.0 + (log * log / 9.0 + 2.0 * f64::from(batch) * log).sqrt();
    batch as usize + excess.ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_the_expected_size_and_spread() {
        let mut sampler = PoissonSampler::new([1; 32], 10_000, 100, 400);
        let sizes: Vec<f64> = (0..400).map(|_| sampler.next_batch().len() as f64).collect();
        let mean = sizes.iter().sum::<f64>() / 400.0;
        let variance = sizes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 400.0;
        assert!((mean - 100.0).abs() < 3.0, "{mean}");
        assert!((60.0..150.0).contains(&variance), "{variance}");
    }

    #[test]
    fn small_rates_give_empty_batches_and_rate_one_gives_all_rows() {
        let mut rare = PoissonSampler::new([2; 32], 1_000, 1, 100);
        assert!((0..100).any(|_| rare.next_batch().is_empty()));
        let mut all = PoissonSampler::new([3; 32], 50, 50, 1);
        assert_eq!(all.next_batch().len(), 50);
    }
}
