//! Training on UCI Adult: what is learnt, what is said about it, and what it costs.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::ops::ControlFlow;

use chancery_kernels::device::Device;
use chancery_kernels::evaluate::{Evaluation, EvaluationRule, evaluate};
use chancery_kernels::privacy::{calibrate_noise, loss};
use chancery_kernels::tabular::TabularData;
use chancery_kernels::train::{Duration, Mitigation, PrivacySpec, Progress, TrainSpec, train};
use chancery_kernels::{KernelError, TrainedModel, adult, to_safetensors};

const DELTA: f64 = 1e-5;

fn go(spec: &TrainSpec, rows: &TabularData) -> Result<TrainedModel, KernelError> {
    train(spec, rows, None, &Device::Cpu, &mut |_| ControlFlow::Continue(()))
}

fn plain(rows: &TabularData) -> TrainSpec {
    TrainSpec::with_features(rows.feature_names().to_vec())
}

/// Costs at most ε = 3 on all of Adult, `counts_epsilon` of it for the mitigation.
fn private(rows: &TabularData, mitigation: Mitigation, counts_epsilon: f64) -> TrainSpec {
    let spec = TrainSpec {
        batch_size_expected: 1024,
        duration: Duration::Epochs(20.0),
        mitigation,
        ..plain(rows)
    };
    let n = rows.rows() as u64;
    let (q, steps) = (spec.sampling_rate(n).unwrap(), spec.steps(n).unwrap());
    let noise_multiplier = calibrate_noise(2.999 - counts_epsilon, DELTA, q, steps).unwrap();
    TrainSpec {
        privacy: Some(PrivacySpec { noise_multiplier, clip_norm: 4.0, delta: DELTA }),
        ..spec
    }
}

fn measured(spec: &TrainSpec, rows: &TabularData, test: &TabularData) -> Evaluation {
    let model = go(spec, rows).unwrap();
    assert!(model.privacy().is_none_or(|loss| loss.epsilon <= 3.0));
    evaluate(&model, test, &EvaluationRule::default()).unwrap()
}

fn parity_by_sex(evaluation: &Evaluation) -> f64 {
    evaluation.attribute("sex").unwrap().parity_difference.unwrap().value
}

#[test]
fn privacy_costs_little_accuracy_and_mitigation_closes_the_gap() {
    let (rows, test) =
        (support::adult_table("adult.data.gz"), support::adult_table("adult.test.gz"));
    let open = measured(&plain(&rows), &rows, &test);
    assert!(open.accuracy.value > 0.84, "{:?}", open.accuracy);
    let unmitigated = measured(&private(&rows, Mitigation::None, 0.0), &rows, &test);
    assert!(unmitigated.accuracy.value > open.accuracy.value - 0.015, "{unmitigated:?}");
    assert!(parity_by_sex(&unmitigated) > 0.14);
    let attribute = || "sex".to_owned();
    let mitigations = [
        Mitigation::Reweighing { attribute: attribute(), counts_epsilon: 0.3 },
        Mitigation::ParityConstraint {
            attribute: attribute(),
            maximum_difference: 0.05,
            counts_epsilon: 0.3,
            rounds: 20,
        },
    ];
    for mitigation in mitigations {
        let fair = measured(&private(&rows, mitigation, 0.3), &rows, &test);
        assert!(parity_by_sex(&fair) <= 0.10, "{fair:?}");
        assert!(fair.accuracy.value > unmitigated.accuracy.value - 0.02, "{fair:?}");
    }
}

fn small_private(rows: &TabularData) -> TrainSpec {
    TrainSpec {
        hidden: vec![8],
        batch_size_expected: 64,
        duration: Duration::Steps(60),
        privacy: Some(PrivacySpec { noise_multiplier: 1.0, clip_norm: 1.0, delta: DELTA }),
        ..plain(rows)
    }
}

#[test]
fn progress_rises_to_the_loss_stated_beforehand_and_shows_no_training_figures() {
    let rows = support::small_table(2_000);
    let mitigation = Mitigation::Reweighing { attribute: "sex".into(), counts_epsilon: 0.1 };
    let spec = TrainSpec { mitigation, ..small_private(&rows) };
    let stated = loss(&spec, rows.rows() as u64).unwrap().unwrap();
    let mut seen: Vec<Progress> = Vec::new();
    let model = train(&spec, &rows, None, &Device::Cpu, &mut |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    });
    assert_eq!(model.unwrap().privacy(), Some(stated));
    assert!(seen.is_sorted_by(|a, b| a.step < b.step && a.epsilon_so_far < b.epsilon_so_far));
    let last = seen.last().unwrap();
    assert_eq!((last.step, last.epsilon_so_far), (60, Some(stated.epsilon)));
    assert!(seen.iter().all(|p| p.loss.is_none() && p.accuracy.is_none()));
}

#[test]
fn evaluation_rows_give_a_learning_curve() {
    let rows = support::small_table(2_000);
    let mut losses = Vec::new();
    let spec = TrainSpec { batch_size_expected: 128, ..plain(&rows) };
    train(&spec, &rows, Some(&support::small_table(400)), &Device::Cpu, &mut |progress| {
        losses.push(progress.loss.unwrap());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(losses.len() >= 20 && losses.last().unwrap() < &(losses[0] - 0.05), "{losses:?}");
}

#[test]
fn a_private_run_is_not_a_function_of_its_seed() {
    let rows = support::small_table(500);
    let bytes = |spec: &TrainSpec| to_safetensors(&go(spec, &rows).unwrap()).unwrap();
    let spec = small_private(&rows);
    assert_ne!(bytes(&spec), bytes(&spec));
    let open = TrainSpec { privacy: None, ..spec };
    assert_eq!(bytes(&open), bytes(&open));
    assert_ne!(bytes(&open), bytes(&TrainSpec { seed: 1, ..open.clone() }));
}

#[test]
fn a_stop_is_obeyed_and_says_how_far_it_got() {
    let rows = support::small_table(500);
    let stopped =
        train(&small_private(&rows), &rows, None, &Device::Cpu, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(KernelError::Stopped { step: 3 })), "{stopped:?}");
}

#[test]
fn what_does_not_fit_together_is_refused_before_training() {
    let rows = support::small_table(500);
    let good = TrainSpec { batch_size_expected: 64, ..plain(&rows) };
    assert!(go(&good, &rows).is_ok());
    let refused = [
        TrainSpec { batch_size_expected: 501, ..good.clone() },
        TrainSpec { features: vec!["age".into()], ..good.clone() },
        TrainSpec {
            mitigation: Mitigation::Reweighing { attribute: "income".into(), counts_epsilon: 0.1 },
            ..good.clone()
        },
    ];
    assert!(refused.iter().all(|spec| go(spec, &rows).is_err()));
    let text = support::adult_bytes("adult.data.gz");
    let other = TabularData::parse_csv(&text[..], &adult::schema(), &["age".into()]).unwrap();
    let result =
        train(&good, &rows, Some(&other), &Device::Cpu, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(result, Err(KernelError::Mismatch(_))));
    let accelerator = Device::Cuda { index: 0, name: "none".into() };
    if cfg!(not(feature = "cuda")) {
        let result = train(&good, &rows, None, &accelerator, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(result, Err(KernelError::DeviceUnavailable(_))));
    }
}

#[test]
fn a_learning_rate_that_diverges_is_reported() {
    let rows = support::small_table(500);
    let spec = TrainSpec {
        learning_rate: 100.0,
        optimizer: chancery_kernels::train::Optimizer::Momentum { momentum: 0.99 },
        hidden: vec![64, 64, 64],
        ..plain(&rows)
    };
    let spec = TrainSpec { batch_size_expected: 8, duration: Duration::Steps(3_000), ..spec };
    assert!(matches!(go(&spec, &rows), Err(KernelError::Diverged { .. })));
}
