//! The language, the sampler and the shift rules: what no fixture covers.
#![allow(clippy::unwrap_used)]

use chancery_quantum::{Buffer, FaultKind, Values, compile, cost, gradient, run};

const HEADER: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n";

fn program(body: &str) -> Vec<u8> {
    compile("openqasm2", format!("{HEADER}{body}").as_bytes()).unwrap()
}

fn input(name: &str, text: &str) -> Buffer {
    let data = Values::Bytes(text.as_bytes().to_vec());
    Buffer { name: name.into(), shape: vec![text.len() as u64], data }
}

fn reals(buffer: &Buffer) -> &[f64] {
    match &buffer.data {
        Values::F64s(values) => values,
        _ => panic!("not real"),
    }
}

fn state(body: &str) -> Vec<f64> {
    reals(&run(&program(body), &[], &[input("state", "")], 0, 0).unwrap()[0]).to_vec()
}

fn expectation(program: &[u8], params: &[f64], observable: &str) -> f64 {
    reals(&run(program, params, &[input("observables", observable)], 0, 0).unwrap()[0])[0]
}

fn counts(program: &[u8], shots: u32, seed: u64) -> Vec<(u64, u64)> {
    let buffers = run(program, &[], &[], shots, seed).unwrap();
    match (&buffers[0].data, &buffers[1].data) {
        (Values::U64s(outcomes), Values::U64s(counts)) => {
            outcomes.iter().copied().zip(counts.iter().copied()).collect()
        }
        _ => panic!("not counts"),
    }
}

#[test]
fn faults_name_their_line() {
    let cases = [
        ("qreg q[1]\nx q[0];", FaultKind::Source, 4),
        ("qreg q[1];\nx q[1];", FaultKind::Source, 4),
        ("qreg q[1];\nx r[0];", FaultKind::Source, 4),
        ("qreg q[2];\n\n\ncx q[0],q[0];", FaultKind::Source, 6),
        ("qreg q[2];\ncx q[0];", FaultKind::Source, 4),
        ("qreg q[2];\nrx q[0];", FaultKind::Source, 4),
        ("qreg q[2];\nfrobnicate q[0];", FaultKind::Unsupported, 4),
        ("qreg q[21];", FaultKind::Capacity, 3),
        ("qreg q[1];\nreset q[0];", FaultKind::Unsupported, 4),
        ("qreg q[1];\ncreg c[1];\nmeasure q[0]->c[0];\nx q[0];", FaultKind::Unsupported, 6),
        ("qreg q[1];\nrx(param[0]*param[1]) q[0];", FaultKind::Source, 4),
        ("qreg q[1];\nrx(1/0) q[0];", FaultKind::Source, 4),
        ("qreg q[1];\nrx(1e999) q[0];", FaultKind::Source, 4),
        ("qreg q[1];\nrx(param[99999999999]) q[0];", FaultKind::Capacity, 4),
        ("qreg q[1];\n?", FaultKind::Source, 4),
        ("qreg q[2];\nqreg r[3];\ncx q,r;", FaultKind::Source, 5),
        ("qreg q[1];\nqreg q[1];", FaultKind::Source, 4),
    ];
    for (body, kind, line) in cases {
        let fault = compile("openqasm2", format!("{HEADER}{body}").as_bytes()).unwrap_err();
        assert_eq!((fault.kind, fault.line), (kind, Some(line)), "{body}: {fault}");
    }
    let deep = format!("{HEADER}qreg q[1];\nrx({}1) q[0];", "(".repeat(100_000));
    assert_eq!(compile("openqasm2", deep.as_bytes()).unwrap_err().kind, FaultKind::Capacity);
    assert_eq!(compile("qir", b"").unwrap_err().kind, FaultKind::Unsupported);
    assert_eq!(compile("openqasm2", &[0xff]).unwrap_err().kind, FaultKind::Source);
}

#[test]
fn registers_broadcast_and_measure_into_their_bits() {
    let program = program(
        "qreg a[2]; qreg b[2]; creg c[2]; creg d[2];\n\
         x a[1]; cx a,b; // a = 10, b = 10\nbarrier a,b[0];\n\
         measure b -> c; measure a[1] -> d[0];",
    );
    // c[1] = b[1] = 1 is bit 1; d[0] = a[1] = 1 is bit 2.
    assert_eq!(counts(&program, 10, 1), [(0b110, 10)]);
}

#[test]
fn angles_follow_the_grammar() {
    let same = [
        ("rx(-2^2) q[0];", "rx(-4) q[0];"),
        ("rx(2^-1*3-1) q[0];", "rx(0.5) q[0];"),
        ("rx(sin(pi/6)) q[0];", "rx(.5) q[0];"),
        ("rx(1-2-3) q[0];", "rx(-4) q[0];"),
        ("rx(8/2/2) q[0];", "rx(2e0) q[0];"),
        ("U(pi/2,0,pi) q[0];", "h q[0];"),
    ];
    for (left, right) in same {
        let (left, right) =
            (state(&format!("qreg q[1];{left}")), state(&format!("qreg q[1];{right}")));
        assert!(left.iter().zip(&right).all(|(l, r)| (l - r).abs() < 1e-14));
    }
}

/// The definition of cu3 in qelib1.inc against ours.
#[test]
fn cu3_is_the_library_s() {
    let start = "qreg q[2];h q[0];ry(0.3) q[1];";
    let (t, f, l) = (0.7, -1.1, 2.3);
    let ours = state(&format!("{start}cu3({t},{f},{l}) q[0],q[1];"));
    let library = state(&format!(
        "{start}u1(({l}+{f})/2) q[0];u1(({l}-{f})/2) q[1];cx q[0],q[1];\
         u3(-{t}/2,0,-({f}+{l})/2) q[1];cx q[0],q[1];u3({t}/2,{f},0) q[1];"
    ));
    assert!(ours.iter().zip(&library).all(|(left, right)| (left - right).abs() < 1e-12));
}

#[test]
fn samples_replay_and_follow_the_distribution() {
    let program = program("qreg q[3];ry(0.9) q[0];h q[1];cx q[0],q[2];");
    let buffers = run(&program, &[], &[input("state", "")], 0, 0).unwrap();
    let probabilities: Vec<f64> =
        reals(&buffers[0]).chunks(2).map(|c| c[0] * c[0] + c[1] * c[1]).collect();
    let shots = 100_000;
    let drawn = counts(&program, shots, 42);
    assert_eq!(drawn, counts(&program, shots, 42));
    assert_ne!(drawn, counts(&program, shots, 43));
    assert_eq!(drawn.iter().map(|(_, count)| count).sum::<u64>(), u64::from(shots));
    // Four outcomes have positive probability: three degrees of freedom, of
    // which 16.27 is the 99.9% point. The seed is fixed, so this is no lottery.
    assert_eq!(drawn.len(), 4);
    let terms = drawn.iter().map(|&(outcome, count)| {
        let expected = probabilities[outcome as usize] * f64::from(shots);
        (count as f64 - expected).powi(2) / expected
    });
    assert!(terms.sum::<f64>() < 16.27);
}

/// Controlled rotations have generator eigenvalues 0 and ±1/2, hence four
/// terms (D. Wierichs et al., arXiv:2107.12390, example 2).
#[test]
fn adjoint_gradients_are_the_shift_rule_s() {
    use std::f64::consts::{FRAC_PI_2, SQRT_2};
    let program = program(
        "qreg q[3];h q;ry(0.4) q[2];crx(param[0]) q[0],q[1];cry(param[1]) q[1],q[2];\
         crz(param[2]) q[2],q[0];cp(param[3]) q[0],q[2];rzz(param[4]) q[0],q[1];\
         rxx(param[5]) q[1],q[2];p(param[6]) q[1];h q[1];ry(0.3) q[0];",
    );
    let params = [0.3, -0.8, 1.7, 2.2, -0.5, 0.9, 1.2];
    let observable = "X0 Y1 Z2";
    let buffers = gradient(&program, &params, &[input("observables", observable)]).unwrap();
    let at = |index: usize, shift: f64| {
        let mut shifted = params;
        shifted[index] += shift;
        expectation(&program, &shifted, observable)
    };
    for (index, ours) in reals(&buffers[0]).iter().enumerate() {
        let near = at(index, FRAC_PI_2) - at(index, -FRAC_PI_2);
        let far = at(index, 3.0 * FRAC_PI_2) - at(index, -3.0 * FRAC_PI_2);
        let rule = ((SQRT_2 + 1.0) * near - (SQRT_2 - 1.0) * far) / (4.0 * SQRT_2);
        assert!((ours - rule).abs() < 1e-8, "parameter {index}: {ours} {rule}");
        assert!(ours.abs() > 1e-3, "parameter {index} does not matter");
    }
}

#[test]
fn arguments_are_checked() {
    let program = program("qreg q[2];rx(param[1]) q[0];");
    let refused = |params: &[f64], inputs: &[Buffer], shots| {
        run(&program, params, inputs, shots, 0).unwrap_err().kind
    };
    assert_eq!(refused(&[0.0], &[], 0), FaultKind::Argument);
    assert_eq!(refused(&[0.0, f64::NAN], &[], 0), FaultKind::Argument);
    for text in ["X2", "X0 Z0", "Q0", "X", "é0", "X-1", "X99999999999999999999"] {
        let inputs = [input("observables", text)];
        assert_eq!(refused(&[0.0; 2], &inputs, 0), FaultKind::Argument, "{text}");
    }
    assert_eq!(refused(&[0.0; 2], &[input("noise", "")], 0), FaultKind::Argument);
    assert_eq!(refused(&[0.0; 2], &[], u32::MAX), FaultKind::Capacity);
    assert_eq!(gradient(&program, &[0.0; 2], &[]).unwrap_err().kind, FaultKind::Argument);
    assert_eq!(expectation(&program, &[0.0; 2], "I"), 1.0);
}

/// Every prefix and every single-byte change of a program either is refused
/// or still is a valid program: nothing panics.
#[test]
fn damaged_programs_never_panic() {
    let program = program(
        "qreg q[3];creg c[2];rx(param[1]-pi) q[0];cswap q[0],q[1],q[2];measure q[0]->c[1];",
    );
    assert_eq!(cost(&program).unwrap()[0], ("qubits", 3));
    for length in 0..program.len() {
        assert_eq!(cost(&program[..length]).unwrap_err().kind, FaultKind::Program);
    }
    assert!(cost(&[&program[..], &[0]].concat()).is_err());
    for place in 0..program.len() {
        for value in 0..=255 {
            let mut damaged = program.clone();
            damaged[place] = value;
            let _ = run(&damaged, &[0.1, 0.2], &[], 4, 1);
        }
    }
}
