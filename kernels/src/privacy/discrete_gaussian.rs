//! Exact discrete Gaussian noise in integer arithmetic.
//!
//! Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020),
//! Algorithms 1–3. Floating-point samplers leak through the gaps between representable values
//! (Mironov 2012); here every comparison is between integers and every outcome has exactly the
//! probability the paper states, up to the ChaCha20 stream that stands for uniform bits.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};

use crate::KernelError;

/// Largest standard deviation: 2σ² must fit 63 bits.
pub(crate) const SIGMA_MAX: u64 = 1 << 30;

/// Streams that draw side by side, each on a thread of its own.
const LANES: usize = 2;

/// Below this many coordinates a second thread costs more than it saves.
const PARALLEL_FROM: usize = 2048;

/// Uniform bits for noise, keyed once by the operating system.
pub(crate) struct NoiseSource {
    lanes: [Bits; LANES],
}

impl NoiseSource {
    /// A source under a fresh secret key.
    pub(crate) fn from_system() -> Result<Self, KernelError> {
        Ok(Self::from_key(system_key()?))
    }

    /// A source under a given key: for private runs the key must be secret and used once.
    pub(crate) fn from_key(key: [u8; 32]) -> Self {
        Self { lanes: [Bits::new(key, 0), Bits::new(key, 1)] }
    }

    /// Adds independent discrete Gaussian noise of standard deviation `sigma` (at least 1, at most
    /// [`SIGMA_MAX`]) to every value; sums saturate at the ends of `i64`.
    pub(crate) fn add_noise(&mut self, values: &mut [i64], sigma: u64) {
        let sigma = sigma.clamp(1, SIGMA_MAX);
        if values.len() < PARALLEL_FROM {
            return add_lane(&mut self.lanes[0], values, sigma);
        }
        let (left, right) = values.split_at_mut(values.len() / LANES);
        let [first, second] = &mut self.lanes;
        std::thread::scope(|scope| {
            scope.spawn(|| add_lane(first, left, sigma));
            add_lane(second, right, sigma);
        });
    }
}

/// 32 bytes from the operating system.
pub(crate) fn system_key() -> Result<[u8; 32], KernelError> {
    let mut key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| KernelError::Randomness)?;
    Ok(key)
}

/// One ChaCha20 stream, drawn in bulk and handed out 16 bits at a time: most comparisons are
/// settled by their first few bits, and the cipher is half the cost of a sample.
struct Bits {
    rng: ChaCha20Rng,
    words: [u16; WORDS],
    used: usize,
}

/// Words drawn at a time: 4 KiB.
const WORDS: usize = 2048;

impl Bits {
    fn new(key: [u8; 32], stream: u64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(key);
        rng.set_stream(stream);
        Self { rng, words: [0; WORDS], used: WORDS }
    }

    #[inline]
    fn next(&mut self) -> u16 {
        if self.used == WORDS {
            self.refill();
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }

    #[cold]
    fn refill(&mut self) {
        let mut bytes = [0; WORDS * 2];
        self.rng.fill_bytes(&mut bytes);
        for (word, pair) in self.words.iter_mut().zip(bytes.chunks_exact(2)) {
            *word = u16::from_le_bytes([pair[0], pair[1]]);
        }
        self.used = 0;
    }
}

fn add_lane(bits: &mut Bits, values: &mut [i64], sigma: u64) {
    for value in values {
        *value = value.saturating_add(discrete_gaussian(bits, sigma));
    }
}

/// Algorithm 3 with t = σ, which only changes how often a proposal is accepted.
fn discrete_gaussian(bits: &mut Bits, sigma: u64) -> i64 {
    let denominator = 2 * sigma * sigma;
    loop {
        let proposal = discrete_laplace(bits, sigma);
        let distance = u128::from(proposal.unsigned_abs().abs_diff(sigma));
        if bernoulli_exp(bits, distance * distance, denominator) {
            return proposal;
        }
    }
}

/// Algorithm 2 with s = 1: P(x) ∝ exp(−|x| / scale).
fn discrete_laplace(bits: &mut Bits, scale: u64) -> i64 {
    loop {
        let remainder = uniform_below(bits, scale);
        if !bernoulli_exp_unit(bits, remainder, scale) {
            continue;
        }
        let mut whole: u64 = 0;
        while bernoulli_exp_unit(bits, 1, 1) {
            whole += 1;
        }
        // `whole` passes 2³² with probability exp(−2³²), so the sum fits 63 bits.
        let magnitude = (remainder + scale.saturating_mul(whole)).min(i64::MAX as u64) as i64;
        let negative = bits.next() & 1 == 1;
        // Zero is drawn once, not as +0 and −0.
        if !(negative && magnitude == 0) {
            return if negative { -magnitude } else { magnitude };
        }
    }
}

/// Algorithm 1: true with probability exp(−numerator / denominator).
fn bernoulli_exp(bits: &mut Bits, numerator: u128, denominator: u64) -> bool {
    // Division of 128 bits is slow and seldom needed.
    let (whole, fraction) = match u64::try_from(numerator) {
        Ok(small) => (u128::from(small / denominator), small % denominator),
        Err(_) => {
            let wide = u128::from(denominator);
            (numerator / wide, (numerator % wide) as u64)
        }
    };
    (0..whole).all(|_| bernoulli_exp_unit(bits, 1, 1))
        && bernoulli_exp_unit(bits, fraction, denominator)
}

/// Algorithm 1 for an exponent in [0, 1]: draw Bernoulli(γ / k) for k = 1, 2, … until the first
/// failure; the number of successes is even with probability exp(−γ).
fn bernoulli_exp_unit(bits: &mut Bits, numerator: u64, denominator: u64) -> bool {
    let mut k: u64 = 1;
    // γ / k is drawn as the product of independent Bernoulli(γ) and Bernoulli(1 / k), so that no
    // denominator grows beyond 64 bits.
    while bernoulli(bits, numerator, denominator) && (k == 1 || bernoulli(bits, 1, k)) {
        k += 1;
    }
    k % 2 == 1
}

/// True with probability exactly numerator / denominator: compares the binary expansion of a
/// uniform real with the fraction, 16 digits at a time.
#[inline]
fn bernoulli(bits: &mut Bits, numerator: u64, denominator: u64) -> bool {
    if numerator >= denominator {
        return true;
    }
    let mut numerator = numerator;
    loop {
        let target = u128::from(numerator) << 16;
        let drawn = u128::from(bits.next()) * u128::from(denominator);
        if drawn >= target {
            return false;
        }
        let left = target - drawn;
        if left >= u128::from(denominator) {
            return true;
        }
        // The digits so far agree (probability 2⁻¹⁶): go on with the remainder.
        numerator = left as u64;
    }
}

/// Uniform in `0..bound` without bias (Lemire 2019); `bound` is at most [`SIGMA_MAX`].
#[inline]
fn uniform_below(bits: &mut Bits, bound: u64) -> u64 {
    loop {
        let drawn = u64::from(bits.next()) << 16 | u64::from(bits.next());
        let product = drawn * bound;
        let low = product & u64::from(u32::MAX);
        // Only below `bound` can the draw lie in the part to be rejected.
        if low >= bound || low >= (1_u64 << 32) % bound {
            return product >> 32;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use opendp::domains::{AtomDomain, VectorDomain};
    use opendp::measurements::make_gaussian;
    use opendp::measures::ZeroConcentratedDivergence;
    use opendp::metrics::L2Distance;

    use super::*;

    const DRAWS: usize = 60_000;

    fn ours(sigma: u64) -> Vec<i64> {
        let mut values = vec![0; DRAWS];
        NoiseSource::from_key([7; 32]).add_noise(&mut values, sigma);
        values
    }

    fn mean_and_variance(values: &[i64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| v as f64).sum::<f64>() / n;
        (mean, values.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / n)
    }

    /// P(x) ∝ exp(−x² / 2σ²) over the integers.
    fn probability(x: i64, sigma: f64) -> f64 {
        let weight = |v: i64| (-(v as f64).powi(2) / (2.0 * sigma * sigma)).exp();
        weight(x) / (-200..=200).map(weight).sum::<f64>()
    }

    #[test]
    fn frequencies_follow_the_definition() {
        for sigma in [1_u64, 3, 10] {
            let values = ours(sigma);
            let reach = 2 * sigma as i64;
            let mut statistic = 0.0;
            for x in -reach..=reach {
                let expected = probability(x, sigma as f64) * DRAWS as f64;
                let seen = values.iter().filter(|&&v| v == x).count() as f64;
                statistic += (seen - expected).powi(2) / expected;
            }
            // χ² with about 4σ degrees of freedom; six standard deviations above its mean.
            let freedom = (2 * reach) as f64;
            assert!(statistic < freedom + 6.0 * (2.0 * freedom).sqrt(), "σ={sigma}: {statistic}");
        }
    }

    #[test]
    fn moments_hold_at_the_scale_of_training() {
        for sigma in [1_u64 << 22, 5_000_001, SIGMA_MAX] {
            let (mean, variance) = mean_and_variance(&ours(sigma));
            let (mean, variance) = (mean / sigma as f64, variance / (sigma as f64).powi(2));
            // Standard errors 0.0041 and 0.0058.
            assert!(mean.abs() < 0.025 && (variance - 1.0).abs() < 0.035, "{mean} {variance}");
        }
    }

    #[test]
    fn same_distribution_and_map_as_opendp() {
        let sigma = 5_u64;
        let measurement = make_gaussian::<_, _, ZeroConcentratedDivergence>(
            VectorDomain::new(AtomDomain::<i64>::default()),
            L2Distance::<f64>::default(),
            sigma as f64,
            None,
        )
        .unwrap();
        let theirs = measurement.invoke(&vec![0_i64; DRAWS]).unwrap();
        let ours = ours(sigma);
        let (_, variance_ours) = mean_and_variance(&ours);
        let (_, variance_theirs) = mean_and_variance(&theirs);
        assert!((variance_ours / variance_theirs - 1.0).abs() < 0.06);
        // Two-sample χ² over −15..=15: 31 cells.
        let count = |v: &[i64], x: i64| v.iter().filter(|&&y| y == x).count() as f64;
        let statistic: f64 = (-15..=15)
            .map(|x| {
                let (a, b) = (count(&ours, x), count(&theirs, x));
                (a - b).powi(2) / (a + b).max(1.0)
            })
            .sum();
        assert!(statistic < 31.0 + 6.0 * 62_f64.sqrt(), "{statistic}");
        // zCDP of the Gaussian: ρ = Δ² / 2σ².
        let rho = measurement.map(&2.0).unwrap();
        assert!((rho - 4.0 / 50.0).abs() < 1e-9, "{rho}");
    }

    #[test]
    fn bernoulli_has_its_probability() {
        let mut bits = Bits::new([3; 32], 0);
        let share = |hits: usize| hits as f64 / DRAWS as f64;
        let third = (0..DRAWS).filter(|_| bernoulli(&mut bits, 1, 3)).count();
        assert!((share(third) - 1.0 / 3.0).abs() < 0.01);
        let decayed = (0..DRAWS).filter(|_| bernoulli_exp(&mut bits, 5, 2)).count();
        assert!((share(decayed) - (-2.5_f64).exp()).abs() < 0.01);
    }

    #[test]
    fn keys_from_the_system_differ() {
        assert_ne!(system_key().unwrap(), system_key().unwrap());
    }
}
