//! Counts of disjoint cells, released through OpenDP's discrete Laplace mechanism.
//!
//! A row falls into one cell, so the L1 sensitivity of all counts together is 1. OpenDP's values
//! cannot move between threads: they are built and invoked within one function.

use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::L1Distance;

use crate::KernelError;

type Counts = VectorDomain<AtomDomain<i64>>;
type CountsMeasurement = Measurement<Counts, L1Distance<i64>, MaxDivergence, Vec<i64>>;

/// ε of one release asked for at `epsilon`, by OpenDP's privacy map.
pub(crate) fn counts_epsilon(epsilon: f64) -> Result<f64, KernelError> {
    measurement(epsilon)?.map(&1).map_err(|error| KernelError::opendp(&error))
}

/// Noisy counts, each at least 1 so that they can divide.
pub(crate) fn counts_release(counts: &[i64], epsilon: f64) -> Result<Vec<f64>, KernelError> {
    let noisy = measurement(epsilon)?
        .invoke(&counts.to_vec())
        .map_err(|error| KernelError::opendp(&error))?;
    Ok(noisy.into_iter().map(|count| count.max(1) as f64).collect())
}

fn measurement(epsilon: f64) -> Result<CountsMeasurement, KernelError> {
    make_laplace(
        VectorDomain::new(AtomDomain::<i64>::default()),
        L1Distance::<i64>::default(),
        1.0 / epsilon,
        None,
    )
    .map_err(|error| KernelError::opendp(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_map_states_what_was_asked_rounded_up() {
        let epsilon = counts_epsilon(0.1).unwrap();
        assert!((0.1..0.1 + 1e-12).contains(&epsilon), "{epsilon}");
    }

    #[test]
    fn released_counts_are_near_the_true_ones() {
        let released = counts_release(&[10_000, 0], 0.5).unwrap();
        assert!((released[0] - 10_000.0).abs() < 100.0 && released[1] >= 1.0);
    }
}
