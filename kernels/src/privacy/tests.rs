//! Losses as the ledger sees them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::train::{Duration, Mitigation, PrivacySpec};

fn spec() -> TrainSpec {
    TrainSpec {
        batch_size_expected: 512,
        duration: Duration::Steps(128),
        privacy: Some(PrivacySpec { noise_multiplier: 1.1, clip_norm: 1.0, delta: 1e-5 }),
        ..TrainSpec::with_features(vec!["age".into()])
    }
}

#[test]
fn loss_is_the_accountants_rounded_up_plus_the_counts() {
    let plain = loss(&spec(), 32_561).unwrap().unwrap();
    assert!((plain.epsilon - 1.297_395_844).abs() < 1e-6, "{}", plain.epsilon);
    let reweighed = TrainSpec {
        mitigation: Mitigation::Reweighing { attribute: "sex".into(), counts_epsilon: 0.1 },
        ..spec()
    };
    let more = loss(&reweighed, 32_561).unwrap().unwrap();
    assert!(plain.epsilon > 1.297_395_844);
    assert!((more.epsilon - plain.epsilon - 0.1).abs() < 1e-8);
    assert!(more.epsilon - plain.epsilon >= 0.1);
}

#[test]
fn a_run_without_privacy_has_no_loss_and_one_beyond_the_limit_is_refused() {
    assert_eq!(loss(&TrainSpec { privacy: None, ..spec() }, 32_561).unwrap(), None);
    let privacy = Some(PrivacySpec { noise_multiplier: 0.3, clip_norm: 1.0, delta: 1e-5 });
    let costly = TrainSpec { privacy, ..spec() };
    assert!(matches!(loss(&costly, 32_561), Err(KernelError::Spec { .. })));
}

#[test]
fn calibrated_noise_meets_its_target_from_below() {
    let q = 512.0 / 32_561.0;
    let sigma = calibrate_noise(3.0, 1e-5, q, 640).unwrap();
    let cost = |sigma: f64| {
        let mut accountant = Accountant::new(sigma, q);
        accountant.add_steps(640);
        stated_epsilon(&accountant, 1e-5)
    };
    assert!(cost(sigma) <= 3.0 && cost(sigma * 0.999) > 3.0);
    assert!(calibrate_noise(1e-9, 1e-5, 1.0, 1_000_000).is_err());
}

#[test]
fn fixed_point_rounds_up_by_the_written_decimal() {
    let of = |epsilon, delta| PrivacyLoss { epsilon, delta };
    assert_eq!(of(3.0, 1e-5).epsilon_nano_up(), 3_000_000_000);
    assert_eq!(of(3.0, 1e-5).delta_femto_up(), 10_000_000_000);
    assert_eq!(of(1.000_000_000_1, 0.0).epsilon_nano_up(), 1_000_000_001);
    assert_eq!(of(5e-324, 5e-324).epsilon_nano_up(), 1);
    assert_eq!(of(f64::INFINITY, f64::NAN).epsilon_nano_up(), u64::MAX);
    assert_eq!(of(1e300, 0.0).epsilon_nano_up(), u64::MAX);
}

proptest! {
    #[test]
    fn fixed_point_never_lies_below(epsilon in 0.0_f64..1e6) {
        let nano = PrivacyLoss { epsilon, delta: 0.0 }.epsilon_nano_up() as f64;
        prop_assert!(nano / 1e9 >= epsilon * (1.0 - 1e-15));
        prop_assert!(nano / 1e9 <= epsilon + 1.1e-9);
    }
}
