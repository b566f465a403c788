//! Sampling measurement outcomes from a seed.
//!
//! Draw k is a function of the seed and k alone (SplitMix64: G. Steele,
//! D. Lea, C. Flood, OOPSLA 2014), so a replay draws the same samples and the
//! first shots of a longer run are those of a shorter one.

use std::collections::BTreeMap;

use crate::{circuit::Measurement, state::State};

/// How often each outcome was drawn, outcomes ascending. An outcome is the
/// value of the classical bits; without measurements it is the basis state.
pub fn sample(
    state: &State,
    measured: &[Measurement],
    shots: u32,
    seed: u64,
) -> BTreeMap<u64, u64> {
    let cumulative = cumulative_probabilities(state);
    let mut counts = BTreeMap::new();
    for shot in 0..u64::from(shots) {
        let basis = draw(&cumulative, uniform(seed, shot));
        *counts.entry(outcome(basis as u64, measured)).or_insert(0) += 1;
    }
    counts
}

/// Draw `counter` of the stream `seed`: 64 bits.
pub fn splitmix64(seed: u64, counter: u64) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = seed.wrapping_add(GOLDEN_GAMMA.wrapping_mul(counter.wrapping_add(1)));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) with 53 random bits.
fn uniform(seed: u64, counter: u64) -> f64 {
    (splitmix64(seed, counter) >> 11) as f64 / (1_u64 << 53) as f64
}

fn cumulative_probabilities(state: &State) -> Vec<f64> {
    let mut sum = 0.0;
    let steps = state.amplitudes().iter().map(|amplitude| {
        sum += amplitude.norm_squared();
        sum
    });
    steps.collect()
}

/// The first basis state whose cumulative probability exceeds the point, so
/// a state of probability 0 is never drawn. The point is scaled by the sum,
/// which rounding keeps from being exactly 1; should that product round up to
/// the sum itself, the last state of positive probability is the answer.
fn draw(cumulative: &[f64], uniform: f64) -> usize {
    let total = cumulative.last().copied().unwrap_or(1.0);
    let point = uniform * total;
    let index = cumulative.partition_point(|&sum| sum <= point);
    index.min(cumulative.partition_point(|&sum| sum < total))
}

fn outcome(basis: u64, measured: &[Measurement]) -> u64 {
    if measured.is_empty() {
        return basis;
    }
    measured.iter().fold(0, |word, m| word | (basis >> m.qubit & 1) << m.bit)
}

#[cfg(test)]
mod tests {
    use super::splitmix64;

    /// The published first outputs for seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        let drawn: Vec<u64> = (0..5).map(|counter| splitmix64(1_234_567, counter)).collect();
        assert_eq!(drawn, expected);
    }
}
