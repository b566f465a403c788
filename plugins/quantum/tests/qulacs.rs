//! The simulator against states, expectation values and gradients that
//! Qulacs 0.6.14 computed (`tests/oracles/qulacs_fixtures.py`).
#![allow(clippy::unwrap_used)]

use chancery_quantum::{Buffer, Values, compile, gradient, run};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    seed: u64,
    qubits: u32,
    qasm: String,
    params: Vec<f64>,
    state: Vec<f64>,
    observables: Vec<String>,
    expectations: Vec<f64>,
    gradient: Vec<Vec<f64>>,
}

fn fixtures() -> Vec<Fixture> {
    let fixtures: Vec<Fixture> =
        serde_json::from_str(include_str!("fixtures/qulacs.json")).unwrap();
    assert!(fixtures.len() >= 20);
    fixtures
}

fn input(name: &str, text: &str) -> Buffer {
    let data = Values::Bytes(text.as_bytes().to_vec());
    Buffer { name: name.into(), shape: vec![text.len() as u64], data }
}

fn reals<'a>(buffers: &'a [Buffer], name: &str) -> &'a [f64] {
    let buffer = buffers.iter().find(|buffer| buffer.name == name).unwrap();
    assert_eq!(
        buffer.shape.iter().product::<u64>() as usize,
        match &buffer.data {
            Values::F64s(values) => values.len(),
            _ => panic!("{name} is not real"),
        }
    );
    match &buffer.data {
        Values::F64s(values) => values,
        _ => unreachable!(),
    }
}

/// |⟨left|right⟩|², over `[2^qubits, 2]`.
fn fidelity(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    let (mut re, mut im) = (0.0, 0.0);
    for (l, r) in left.chunks(2).zip(right.chunks(2)) {
        re += l[0] * r[0] + l[1] * r[1];
        im += l[0] * r[1] - l[1] * r[0];
    }
    re * re + im * im
}

#[test]
fn states_have_the_oracle_s_fidelity() {
    for fixture in fixtures() {
        let program = compile("openqasm2", fixture.qasm.as_bytes()).unwrap();
        let buffers = run(&program, &fixture.params, &[input("state", "")], 0, 0).unwrap();
        let state = reals(&buffers, "state");
        assert_eq!(state.len(), 2 << fixture.qubits);
        let infidelity = 1.0 - fidelity(state, &fixture.state);
        assert!(infidelity.abs() < 1e-10, "seed {}: {infidelity:e}", fixture.seed);
    }
}

#[test]
fn expectations_and_gradients_are_the_oracle_s() {
    for fixture in fixtures() {
        let program = compile("openqasm2", fixture.qasm.as_bytes()).unwrap();
        let inputs = [input("observables", &fixture.observables.join("\n"))];
        let buffers = run(&program, &fixture.params, &inputs, 0, 0).unwrap();
        for (ours, theirs) in reals(&buffers, "expectations").iter().zip(&fixture.expectations) {
            assert!((ours - theirs).abs() < 1e-10, "seed {}: {ours} {theirs}", fixture.seed);
        }
        let buffers = gradient(&program, &fixture.params, &inputs).unwrap();
        let theirs = fixture.gradient.concat();
        assert_eq!(reals(&buffers, "gradient").len(), theirs.len());
        for (ours, theirs) in reals(&buffers, "gradient").iter().zip(&theirs) {
            assert!((ours - theirs).abs() < 1e-8, "seed {}: {ours} {theirs}", fixture.seed);
        }
    }
}
