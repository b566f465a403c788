//! The quantum plugin through the sandbox: the committed component, against
//! the same Qulacs fixtures as the simulator natively.
#![allow(clippy::unwrap_used)]

mod support;

use std::thread;

use chancery_plugins::{
    FaultKind, GradientRequest, Host, PluginError, Program, RunRequest, Values, digest,
};
use serde::Deserialize;
use support::{QUANTUM, ceiling, input, limits, load_quantum, reals};

#[derive(Deserialize)]
struct Fixture {
    seed: u64,
    qasm: String,
    params: Vec<f64>,
    state: Vec<f64>,
    observables: Vec<String>,
    expectations: Vec<f64>,
    gradient: Vec<Vec<f64>>,
}

const GHZ: &[u8] = b"OPENQASM 2.0; include \"qelib1.inc\"; qreg q[3]; creg c[3];
    h q[0]; cx q[0],q[1]; cx q[1],q[2]; rx(param[0]) q[2]; measure q -> c;";

fn request<'a>(program: &'a Program, params: &'a [f64], shots: u32, seed: u64) -> RunRequest<'a> {
    RunRequest { program, params, inputs: &[], shots, seed }
}

#[test]
fn the_committed_component_has_its_digest() {
    let recorded = include_str!("../quantum/quantum.wasm.sha256");
    let actual = ring::digest::digest(&ring::digest::SHA256, QUANTUM);
    assert_eq!(recorded.split_whitespace().next().unwrap(), hex::encode(actual));
}

#[test]
fn the_sandbox_computes_what_the_oracle_did() {
    let fixtures: Vec<Fixture> =
        serde_json::from_str(include_str!("../quantum/tests/fixtures/qulacs.json")).unwrap();
    assert!(fixtures.len() >= 20);
    let plugin = load_quantum(&support::HOST);
    for fixture in fixtures {
        let program = plugin.compile("openqasm2", fixture.qasm.as_bytes()).unwrap();
        let observables = input("observables", &fixture.observables.join("\n"));
        let (params, seed) = (fixture.params.as_slice(), fixture.seed);

        let inputs = [observables.clone(), input("state", "")];
        let run = RunRequest { program: &program, params, inputs: &inputs, shots: 0, seed };
        let outcome = plugin.run(&run).unwrap();
        let infidelity = 1.0 - fidelity(reals(&outcome, "state"), &fixture.state);
        assert!(infidelity.abs() < 1e-10, "seed {seed}: {infidelity:e}");
        assert_close(reals(&outcome, "expectations"), &fixture.expectations, 1e-10);

        let gradient = GradientRequest { program: &program, params, inputs: &[observables] };
        let outcome = plugin.gradient(&gradient).unwrap();
        assert_close(reals(&outcome, "gradient"), &fixture.gradient.concat(), 1e-8);
    }
}

#[test]
fn a_replay_is_bit_exact_on_another_host_and_thread() {
    let plugin = load_quantum(&support::HOST);
    let program = plugin.compile("openqasm2", GHZ).unwrap();
    let first = plugin.run(&request(&program, &[0.4], 1000, 7)).unwrap();
    assert!(first.fuel_used > 0);
    let again = thread::spawn(|| {
        let plugin = load_quantum(&Host::new(ceiling()).unwrap());
        let program = plugin.compile("openqasm2", GHZ).unwrap();
        plugin.run(&request(&program, &[0.4], 1000, 7)).unwrap()
    });
    let again = again.join().unwrap();
    assert_eq!(digest(&first.buffers), digest(&again.buffers));
    assert_eq!(first, again);

    let other = plugin.run(&request(&program, &[0.4], 1000, 8)).unwrap();
    assert_ne!(digest(&first.buffers), digest(&other.buffers));
}

#[test]
fn calls_at_the_same_time_share_nothing() {
    let plugin = load_quantum(&support::HOST);
    let program = plugin.compile("openqasm2", GHZ).unwrap();
    let alone: Vec<_> =
        (0..8).map(|seed| plugin.run(&request(&program, &[0.4], 100, seed)).unwrap()).collect();
    thread::scope(|scope| {
        let spawn = |seed: u64| {
            let (plugin, program) = (&plugin, &program);
            scope.spawn(move || plugin.run(&request(program, &[0.4], 100, seed)).unwrap())
        };
        let calls: Vec<_> = (0..8).map(spawn).collect();
        for (call, alone) in calls.into_iter().zip(&alone) {
            assert_eq!(&call.join().unwrap(), alone);
        }
    });
}

#[test]
fn samples_come_from_both_halves() {
    let plugin = load_quantum(&support::HOST);
    let program = plugin.compile("openqasm2", GHZ).unwrap();
    let outcome = plugin.run(&request(&program, &[0.0], 1000, 7)).unwrap();
    assert_eq!(outcome.buffers[0].data, Values::U64s(vec![0b000, 0b111]));
    match &outcome.buffers[1].data {
        Values::U64s(counts) => assert_eq!(counts.iter().sum::<u64>(), 1000),
        _ => panic!("counts are whole numbers"),
    }
}

#[test]
fn faults_and_costs_cross_the_boundary() {
    let plugin = load_quantum(&support::HOST);
    let source = b"OPENQASM 2.0;\nqreg q[2];\nwarp q[0];\n";
    match plugin.compile("openqasm2", source).unwrap_err() {
        PluginError::Refused(fault) => {
            assert_eq!((fault.kind, fault.line), (FaultKind::Unsupported, Some(3)));
        }
        other => panic!("{other}"),
    }
    let program = plugin.compile("openqasm2", GHZ).unwrap();
    let cost = plugin.cost(&program).unwrap();
    let of = |name: &str| cost.iter().find(|line| line.name == name).unwrap().value;
    assert_eq!((of("qubits"), of("gates"), of("entangling-gates")), (3, 4, 2));
    let mut misshapen = input("state", "");
    misshapen.shape = vec![3];
    let inputs = [misshapen];
    let run = RunRequest { program: &program, params: &[0.0], inputs: &inputs, shots: 0, seed: 0 };
    assert!(matches!(plugin.run(&run).unwrap_err(), PluginError::InputShape(_)));
}

/// The largest circuit fits into 64 MiB; its whole state, 16 MiB, does not fit
/// into an answer of 8 MiB.
#[test]
fn the_largest_circuit_runs_within_its_limits() {
    let plugin = load_quantum(&support::HOST);
    let source = b"OPENQASM 2.0; qreg q[20]; h q; cz q[0],q[19];";
    let program = plugin.compile("openqasm2", source).unwrap();
    let inputs = [input("observables", "X0 Z19\nX0")];
    let run = RunRequest { program: &program, params: &[], inputs: &inputs, shots: 10, seed: 1 };
    let outcome = plugin.run(&run).unwrap();
    assert_close(reals(&outcome, "expectations"), &[1.0, 0.0], 1e-10);
    assert!(outcome.memory_bytes <= limits().memory_bytes);
    let inputs = [input("state", "")];
    let error = plugin.run(&RunRequest { inputs: &inputs, ..run }).unwrap_err();
    assert!(matches!(error, PluginError::OutputTooLarge { .. }), "{error}");
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

fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() < tolerance, "{ours} {theirs}");
    }
}
