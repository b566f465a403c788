//! Confidence intervals at 95%.

use serde::{Deserialize, Serialize};

/// 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its Wilson score interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The share observed, or the difference of two.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Share of `hits` in `n` with the interval of Wilson (1927); none where `n` is zero.
pub(crate) fn proportion(hits: u64, n: u64) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    let (hits, n) = (hits as f64, n as f64);
    let value = hits / n;
    let spread = Z * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    let centre = value + Z * Z / (2.0 * n);
    let scale = 1.0 + Z * Z / n;
    Some(Estimate {
        value,
        low: ((centre - spread) / scale).clamp(0.0, value),
        high: ((centre + spread) / scale).clamp(value, 1.0),
    })
}

/// Difference of two independent shares with the hybrid score interval of Newcombe (1998),
/// method 10.
pub(crate) fn difference(a: Estimate, b: Estimate) -> Estimate {
    let value = a.value - b.value;
    let below = (a.value - a.low).hypot(b.high - b.value);
    let above = (a.high - a.value).hypot(b.value - b.low);
    Estimate { value, low: (value - below).max(-1.0), high: (value + above).min(1.0) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Newcombe (1998), "Interval estimation for the difference between independent proportions",
    /// Table II, example (a): 56/70 − 48/80 is 0.2, method 10 gives 0.0524 to 0.3339.
    #[test]
    fn newcombes_own_example() {
        let d = difference(proportion(56, 70).unwrap(), proportion(48, 80).unwrap());
        let near = |a: f64, b: f64| (a - b).abs() < 5e-5;
        assert!(near(d.value, 0.2) && near(d.low, 0.0524) && near(d.high, 0.3339), "{d:?}");
    }

    /// Newcombe (1998), "Two-sided confidence intervals for the single proportion", Table I:
    /// 81/263 gives 0.2553 to 0.3662, 0/20 gives 0 to 0.1611.
    #[test]
    fn wilsons_interval() {
        let e = proportion(81, 263).unwrap();
        assert!((e.low - 0.2553).abs() < 5e-5 && (e.high - 0.3662).abs() < 5e-5, "{e:?}");
        let none = proportion(0, 20).unwrap();
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 5e-5, "{none:?}");
        assert_eq!(proportion(0, 0), None);
    }
}
