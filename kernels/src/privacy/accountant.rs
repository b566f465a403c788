//! Rényi accountant of the Poisson-subsampled Gaussian mechanism.
//!
//! Mironov, Talwar and Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism"
//! (2019): section 3.3 for integer orders, eq. 30 and after for fractional ones. Conversion to
//! (ε, δ) by Canonne, Kamath and Steinke (2020), Proposition 12.
//!
//! The noise added is discrete on a grid finer than 2⁻²⁰ of its standard deviation; the divergence
//! of a discrete Gaussian from the continuous one at the same scale is of the order
//! exp(−2π²·2⁴⁰), far below the rounding added to the stated ε.

use std::f64::consts::{LN_2, PI, SQRT_2};

/// Terms after which a series is given up.
const TERMS_MAX: u32 = 10_000;

/// Privacy spent by a number of equal steps, by Rényi order.
#[derive(Debug, Clone)]
pub(crate) struct Accountant {
    /// (order, divergence of one step).
    step: Vec<(f64, f64)>,
    steps: u32,
}

impl Accountant {
    /// Steps at sampling rate `q` in (0, 1] with noise `noise_multiplier` times the sensitivity.
    pub(crate) fn new(noise_multiplier: f64, q: f64) -> Self {
        let divergence = |order| (order, step_divergence(q, noise_multiplier, order));
        Self { step: orders().map(divergence).collect(), steps: 0 }
    }

    pub(crate) fn add_steps(&mut self, steps: u32) {
        self.steps += steps;
    }

    /// ε at `delta`: the smallest over all orders.
    pub(crate) fn epsilon(&self, delta: f64) -> f64 {
        if self.steps == 0 {
            return 0.0;
        }
        self.step
            .iter()
            .map(|&(order, one)| to_epsilon(order, one * f64::from(self.steps), delta))
            .fold(f64::INFINITY, f64::min)
    }
}

/// The orders of Google's dp-accounting, so that figures compare.
fn orders() -> impl Iterator<Item = f64> {
    let fine = (1..100).map(|tenth| 1.0 + f64::from(tenth) / 10.0);
    let whole = (11..64).map(f64::from);
    fine.chain(whole).chain([128.0, 256.0, 512.0, 1024.0])
}

/// Canonne, Kamath and Steinke (2020), Proposition 12.
fn to_epsilon(order: f64, divergence: f64, delta: f64) -> f64 {
    if divergence.is_nan() || delta <= 0.0 {
        return f64::INFINITY;
    }
    // Bretagnolle–Huber: a divergence this small gives total variation below δ.
    if delta * delta + (-divergence).exp_m1() > 0.0 {
        return 0.0;
    }
    let epsilon = divergence + (-1.0 / order).ln_1p() - (delta * order).ln() / (order - 1.0);
    epsilon.max(0.0)
}

fn step_divergence(q: f64, sigma: f64, order: f64) -> f64 {
    if q >= 1.0 {
        return order / (2.0 * sigma * sigma);
    }
    let log_moment = if order.fract() == 0.0 {
        log_moment_integer(q, sigma, order)
    } else {
        log_moment_fractional(q, sigma, order)
    };
    log_moment / (order - 1.0)
}

fn log_moment_integer(q: f64, sigma: f64, order: f64) -> f64 {
    let mut total = f64::NEG_INFINITY;
    let mut log_binomial = 0.0;
    let mut i = 0.0;
    while i <= order {
        let term = log_binomial + i * q.ln() + (order - i) * (-q).ln_1p();
        total = log_add(total, term + (i * i - i) / (2.0 * sigma * sigma));
        log_binomial += ((order - i) / (i + 1.0)).ln();
        i += 1.0;
    }
    total
}

/// Terms beyond the order alternate in sign; their magnitudes are added, as dp-accounting does, so
/// that the result is an upper bound and nothing cancels.
fn log_moment_fractional(q: f64, sigma: f64, order: f64) -> f64 {
    let variance = sigma * sigma;
    let crossing = variance * (1.0 / q - 1.0).ln() + 0.5;
    let half_erfc = |x: f64| log_erfc(x / (SQRT_2 * sigma)) - LN_2;
    let exponent = |k: f64| (k * k - k) / (2.0 * variance);
    let mut total = f64::NEG_INFINITY;
    let mut log_binomial = 0.0;
    let mut previous = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for i in (0..TERMS_MAX).map(f64::from) {
        let j = order - i;
        let power = |a: f64, b: f64| log_binomial + a * q.ln() + b * (-q).ln_1p();
        let below = power(i, j) + exponent(i) + half_erfc(i - crossing);
        let above = power(j, i) + exponent(j) + half_erfc(crossing - j);
        total = log_add(total, log_add(below, above));
        let falling = below < previous.0 && above < previous.1;
        if falling && below.max(above) < total - 30.0 {
            return total;
        }
        previous = (below, above);
        log_binomial += ((order - i) / (i + 1.0)).abs().ln();
    }
    // Without convergence the order says nothing.
    f64::INFINITY
}

fn log_add(a: f64, b: f64) -> f64 {
    let (large, small) = if a >= b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

/// ln erfc(x); by its asymptotic series where erfc itself would underflow.
fn log_erfc(x: f64) -> f64 {
    if x < 25.0 {
        return libm::erfc(x).ln();
    }
    let r = 1.0 / (2.0 * x * x);
    let series = 1.0 - r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r)));
    -x * x - (x * PI.sqrt()).ln() + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of `tests/oracles/dp_accounting.py`.
    #[derive(serde::Deserialize)]
    struct Vector {
        noise_multiplier: f64,
        batch: f64,
        rows: f64,
        steps: u32,
        delta: f64,
        rdp_epsilon: f64,
        pld_epsilon: f64,
    }

    #[test]
    fn agrees_with_dp_accounting_and_never_undercuts_its_tighter_accountant() {
        let json = include_str!("../../tests/fixtures/dp_accounting.json");
        let vectors: Vec<Vector> = serde_json::from_str(json).expect("a committed fixture");
        assert!(vectors.len() >= 9);
        for v in vectors {
            let mut accountant = Accountant::new(v.noise_multiplier, v.batch / v.rows);
            accountant.add_steps(v.steps);
            let ours = accountant.epsilon(v.delta);
            let (sigma, steps, theirs) = (v.noise_multiplier, v.steps, v.rdp_epsilon);
            assert!((ours - theirs).abs() < 1e-6, "σ={sigma} T={steps}: {ours} vs {theirs}");
            assert!(ours >= v.pld_epsilon, "{ours} is below the PLD value {}", v.pld_epsilon);
        }
    }

    #[test]
    fn without_subsampling_it_is_the_gaussian_mechanism() {
        let gaussian = step_divergence(1.0, 2.0, 8.0);
        assert!((gaussian - 1.0).abs() < 1e-12);
        // The formula for q < 1 approaches it.
        assert!((step_divergence(1.0 - 1e-9, 2.0, 8.0) - gaussian).abs() < 1e-6);
    }

    #[test]
    fn fractional_orders_lie_between_integer_ones() {
        for order in 2..12 {
            let at = |o: f64| step_divergence(0.01, 1.1, o);
            let (low, middle, high) =
                (at(f64::from(order)), at(f64::from(order) + 0.5), at(f64::from(order) + 1.0));
            assert!(low < middle && middle < high, "order {order}: {low} {middle} {high}");
        }
    }

    #[test]
    fn log_erfc_is_continuous_where_the_series_takes_over() {
        let step = log_erfc(25.0) - log_erfc(25.0 - 1e-9);
        assert!(step.abs() < 1e-6, "{step}");
    }
}
