//! The fixed-point grid on which clipped gradients are summed and noise is added.
//!
//! Clipped per-example gradients are summed by matrix products over blocks of [`BLOCK_ROWS`] rows
//! in 32-bit floats; each block's sum is rounded to the grid and blocks are added as integers,
//! which is exact. One row's presence then moves the integer sum by at most
//!
//! - C, its own clipped gradient,
//! - 2·γ·n·C, the floating-point error of both sums (γ is the usual factor k·u / (1 − k·u) for
//!   k = [`BLOCK_ROWS`] + 2 operations of unit roundoff u = 2⁻²⁴, n the largest batch; Higham,
//!   "Accuracy and Stability of Numerical Algorithms", §3.1, in the Euclidean norm),
//! - b·√d grid units, the rounding of b blocks in d coordinates in both sums (half a unit each).
//!
//! Noise is scaled to that sum, rounded up to whole units. What is not bounded here: the forward
//! and backward products of a row may differ in their last bits with the rows beside it.

use super::batch_rows_max;
use super::discrete_gaussian::SIGMA_MAX;

/// Rows whose gradients are summed in floating point before rounding.
pub(crate) const BLOCK_ROWS: usize = 64;

/// Grid units in the largest power of two that the clipping norm reaches. The unit is a power of
/// two as well, so that scaling to the grid is exact.
const UNITS_PER_POWER: f64 = (1_u64 << 22) as f64;

/// Adding and taking away 1.5·2⁵² rounds a double below 2⁵¹ to the nearest integer, and leaves that
/// integer in the low bits of the sum.
const ROUNDER: f64 = (3_u64 << 51) as f64;

/// Far above any sum of clipped gradients, and inside what [`ROUNDER`] can round.
const UNITS_MAX: f64 = (1_u64 << 50) as f64;

/// Factor on the clipping coefficient. It covers the floating-point error of the computed norm, and
/// the rounding of a product's operands to the 11-bit significands that some accelerators use for
/// 32-bit matrix products (relative 2⁻¹⁰ in both together; sums stay in 32 bits there too).
pub(crate) const CLIP_SHRINK: f64 = 1.0 - 1.0 / 512.0;

/// Grid, and noise in its units, of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GradientGrid {
    /// Size of one unit.
    unit: f64,
    /// Its reciprocal, exact.
    per_unit: f64,
    sigma_units: u64,
}

impl GradientGrid {
    /// `dimensions` is the number of parameters; `batch` and `steps` bound the largest batch.
    pub(crate) fn new(
        clip_norm: f64,
        noise_multiplier: f64,
        dimensions: usize,
        batch: u32,
        steps: u32,
    ) -> Self {
        let rows = batch_rows_max(batch, steps);
        let operations = (BLOCK_ROWS + 2) as f64 * f64::from(f32::EPSILON) / 2.0;
        let gamma = operations / (1.0 - operations);
        let blocks = rows.div_ceil(BLOCK_ROWS) as f64;
        let unit = clip_norm.log2().floor().exp2() / UNITS_PER_POWER;
        let sensitivity = clip_norm / unit * (1.0 + 2.0 * gamma * rows as f64)
            + blocks * (dimensions as f64).sqrt();
        let sigma_units = (noise_multiplier * sensitivity.ceil()).ceil() as u64;
        Self { unit, per_unit: 1.0 / unit, sigma_units: sigma_units.clamp(1, SIGMA_MAX) }
    }

    /// Standard deviation of the noise in grid units.
    pub(crate) fn sigma_units(self) -> u64 {
        self.sigma_units
    }

    /// Nearest grid point. The caller has refused rows whose gradient is not finite.
    pub(crate) fn round(self, value: f32) -> i64 {
        let scaled = (f64::from(value) * self.per_unit).clamp(-UNITS_MAX, UNITS_MAX);
        (scaled + ROUNDER).to_bits() as i64 - ROUNDER.to_bits() as i64
    }

    pub(crate) fn value(self, units: i64) -> f64 {
        units as f64 * self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_covers_the_enlarged_sensitivity_and_little_more() {
        let grid = GradientGrid::new(1.0, 1.1, 10_000, 512, 1_000);
        let sigma = grid.value(grid.sigma_units() as i64);
        assert!((1.1 * 1.005..1.1 * 1.02).contains(&sigma), "{sigma}");
    }

    #[test]
    fn rounding_is_within_half_a_unit() {
        for clip_norm in [0.001, 0.5, 0.7, 1_000.0] {
            let grid = GradientGrid::new(clip_norm, 1.0, 10, 8, 1);
            for share in [0.0_f32, 0.123_456, -0.499_99, 37.5, -64.0] {
                let value = share * clip_norm as f32;
                let back = grid.value(grid.round(value));
                assert!((back - f64::from(value)).abs() <= grid.unit / 2.0, "{value}: {back}");
            }
        }
    }
}
