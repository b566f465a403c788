//! The gates of qelib1.inc, lowered to operations of the circuit.
//!
//! Angles follow the OpenQASM convention; U(θ, φ, λ) is
//! P(φ)·RY(θ)·P(λ), whose phase makes its first entry cos(θ/2).

use std::f64::consts::FRAC_PI_2;

use crate::circuit::{Angle, Axis, Fixed, Gate, Operation};

/// Number of angles and of qubits of a gate, if it is known.
pub(super) fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "id" | "x" | "y" | "z" | "h" | "s" | "sdg" | "t" | "tdg" | "sx" | "sxdg" => (0, 1),
        "rx" | "ry" | "rz" | "p" | "u1" => (1, 1),
        "u2" => (2, 1),
        "u3" | "u" => (3, 1),
        "cx" | "cy" | "cz" | "ch" | "csx" | "swap" => (0, 2),
        "crx" | "cry" | "crz" | "cp" | "cu1" | "rzz" | "rxx" => (1, 2),
        "cu3" => (3, 2),
        "ccx" | "cswap" => (0, 3),
        _ => return None,
    })
}

/// The gate's operations. The slices have the lengths that [`arity`] states,
/// and the qubits differ; otherwise there are none.
pub(super) fn lower(name: &str, angles: &[Angle], qubits: &[u8]) -> Vec<Operation> {
    match (name, angles, qubits) {
        ("rzz", [theta], &[a, b]) => rzz(theta, a, b),
        ("rxx", [theta], &[a, b]) => rxx(theta, a, b),
        ("swap", [], &[first, second]) => vec![Operation::Swap { controls: 0, first, second }],
        ("cswap", [], &[control, first, second]) => {
            vec![Operation::Swap { controls: 1 << control, first, second }]
        }
        (_, _, [controls @ .., target]) => {
            let mask = controls.iter().fold(0, |mask, control| mask | 1 << control);
            let prefix = "cc".get(..controls.len()).unwrap_or_default();
            let gates = single(name.strip_prefix(prefix).unwrap_or(name), angles);
            gates.into_iter().map(|gate| on(mask, *target, gate)).collect()
        }
        _ => Vec::new(),
    }
}

/// The single-qubit gates that a name without its control prefix stands for.
fn single(name: &str, angles: &[Angle]) -> Vec<Gate> {
    use Gate::Rotation;
    match (name, angles) {
        ("rx", [theta]) => vec![Rotation(Axis::X, theta.clone())],
        ("ry", [theta]) => vec![Rotation(Axis::Y, theta.clone())],
        ("rz", [theta]) => vec![Rotation(Axis::Z, theta.clone())],
        ("p" | "u1", [lambda]) => vec![Rotation(Axis::Phase, lambda.clone())],
        ("u2", [phi, lambda]) => universal(&Angle::constant(FRAC_PI_2), phi, lambda),
        ("u3" | "u", [theta, phi, lambda]) => universal(theta, phi, lambda),
        _ => fixed(name).map(Gate::Fixed).into_iter().collect(),
    }
}

fn fixed(name: &str) -> Option<Fixed> {
    Some(match name {
        "x" => Fixed::X,
        "y" => Fixed::Y,
        "z" => Fixed::Z,
        "h" => Fixed::H,
        "s" => Fixed::S,
        "sdg" => Fixed::Sdg,
        "t" => Fixed::T,
        "tdg" => Fixed::Tdg,
        "sx" => Fixed::Sx,
        "sxdg" => Fixed::Sxdg,
        _ => return None,
    })
}

fn universal(theta: &Angle, phi: &Angle, lambda: &Angle) -> Vec<Gate> {
    vec![
        Gate::Rotation(Axis::Phase, lambda.clone()),
        Gate::Rotation(Axis::Y, theta.clone()),
        Gate::Rotation(Axis::Phase, phi.clone()),
    ]
}

fn rzz(theta: &Angle, a: u8, b: u8) -> Vec<Operation> {
    let cx = on(1 << a, b, Gate::Fixed(Fixed::X));
    vec![cx.clone(), on(0, b, Gate::Rotation(Axis::Z, theta.clone())), cx]
}

fn rxx(theta: &Angle, a: u8, b: u8) -> Vec<Operation> {
    let basis = [on(0, a, Gate::Fixed(Fixed::H)), on(0, b, Gate::Fixed(Fixed::H))];
    [&basis[..], &rzz(theta, a, b), &basis[..]].concat()
}

fn on(controls: u32, target: u8, gate: Gate) -> Operation {
    Operation::Single { controls, target, gate }
}
