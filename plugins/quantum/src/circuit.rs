//! The circuit: what every gate of the source is lowered to.
//!
//! Two forms of operation suffice: a single-qubit gate under any number of
//! controls, and a swap under controls. Angles are affine in the parameters,
//! so a gradient by the gate's angle gives the gradient by the parameter by
//! the chain rule with constant coefficients.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4};

use crate::complex::{Complex, Matrix, complex, unit};

/// A validated circuit: every index is in range, no qubit is used twice in
/// one operation. Only the parser and the decoder make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    pub(crate) qubits: usize,
    pub(crate) parameters: usize,
    pub(crate) operations: Vec<Operation>,
    pub(crate) measured: Vec<Measurement>,
}

/// A qubit read into a classical bit at the end of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Qubit that is read.
    pub qubit: u8,
    /// Bit of the outcome, over all classical registers in order.
    pub bit: u8,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A single-qubit gate where every control is 1.
    Single {
        /// Mask of control qubits; 0 for none.
        controls: u32,
        /// Qubit acted on.
        target: u8,
        /// What is done.
        gate: Gate,
    },
    /// An exchange of two qubits where every control is 1.
    Swap {
        /// Mask of control qubits; 0 for none.
        controls: u32,
        /// One qubit.
        first: u8,
        /// The other.
        second: u8,
    },
}

/// A single-qubit gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// A constant matrix.
    Fixed(Fixed),
    /// A rotation by an angle.
    Rotation(Axis, Angle),
}

/// The constant gates; a code is its place in [`Fixed::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Fixed {
    X,
    Y,
    Z,
    H,
    S,
    Sdg,
    T,
    Tdg,
    Sx,
    Sxdg,
}

/// The one-parameter gates: exp(−iθP/2), and diag(1, e^{iθ}).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Axis {
    X,
    Y,
    Z,
    Phase,
}

/// `constant + Σ coefficient · params[index]`, indexes ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Angle {
    /// The part without parameters, in radians.
    pub constant: f64,
    /// `(index, coefficient)`.
    pub terms: Vec<(u16, f64)>,
}

impl Circuit {
    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// Number of parameters that a run must give.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The steps, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The final measurements; empty means all qubits, in order.
    pub fn measured(&self) -> &[Measurement] {
        &self.measured
    }
}

impl Gate {
    /// The gate's matrix for these parameters.
    pub fn matrix(&self, params: &[f64]) -> Matrix {
        match self {
            Gate::Fixed(fixed) => fixed.matrix(),
            Gate::Rotation(axis, angle) => axis.matrix(angle.value(params)),
        }
    }
}

impl Angle {
    /// A constant angle, in radians.
    pub fn constant(constant: f64) -> Self {
        Self { constant, terms: Vec::new() }
    }

    /// The angle for these parameters, in radians.
    pub fn value(&self, params: &[f64]) -> f64 {
        self.terms
            .iter()
            .fold(self.constant, |sum, &(index, factor)| sum + factor * params[usize::from(index)])
    }
}

impl Fixed {
    /// Every constant gate, in the order of their codes.
    pub const ALL: [Fixed; 10] = [
        Fixed::X,
        Fixed::Y,
        Fixed::Z,
        Fixed::H,
        Fixed::S,
        Fixed::Sdg,
        Fixed::T,
        Fixed::Tdg,
        Fixed::Sx,
        Fixed::Sxdg,
    ];

    fn matrix(self) -> Matrix {
        let (zero, one) = (complex(0.0, 0.0), complex(1.0, 0.0));
        let (plus, minus) = (complex(0.5, 0.5), complex(0.5, -0.5));
        match self {
            Fixed::X => [[zero, one], [one, zero]],
            Fixed::Y => [[zero, complex(0.0, -1.0)], [complex(0.0, 1.0), zero]],
            Fixed::Z => diagonal(complex(-1.0, 0.0)),
            Fixed::H => {
                let r = complex(FRAC_1_SQRT_2, 0.0);
                [[r, r], [r, complex(-FRAC_1_SQRT_2, 0.0)]]
            }
            Fixed::S => diagonal(complex(0.0, 1.0)),
            Fixed::Sdg => diagonal(complex(0.0, -1.0)),
            Fixed::T => diagonal(unit(FRAC_PI_4)),
            Fixed::Tdg => diagonal(unit(-FRAC_PI_4)),
            Fixed::Sx => [[plus, minus], [minus, plus]],
            Fixed::Sxdg => [[minus, plus], [plus, minus]],
        }
    }
}

impl Axis {
    /// Every axis, in the order of their codes.
    pub const ALL: [Axis; 4] = [Axis::X, Axis::Y, Axis::Z, Axis::Phase];

    /// The gate's matrix for an angle in radians.
    pub fn matrix(self, theta: f64) -> Matrix {
        let (cos, sin) = ((theta / 2.0).cos(), (theta / 2.0).sin());
        let zero = Complex::default();
        match self {
            Axis::X => {
                let (c, s) = (complex(cos, 0.0), complex(0.0, -sin));
                [[c, s], [s, c]]
            }
            Axis::Y => {
                let c = complex(cos, 0.0);
                [[c, complex(-sin, 0.0)], [complex(sin, 0.0), c]]
            }
            Axis::Z => [[complex(cos, -sin), zero], [zero, complex(cos, sin)]],
            Axis::Phase => diagonal(unit(theta)),
        }
    }

    /// The derivative of [`Axis::matrix`] by its angle.
    ///
    /// A Pauli rotation satisfies R′(θ) = R(θ + π)/2; the phase gate moves
    /// only |1⟩, by i·e^{iθ} = e^{i(θ + π/2)}.
    pub fn derivative(self, theta: f64) -> Matrix {
        if self == Axis::Phase {
            let zero = Complex::default();
            return [[zero, zero], [zero, unit(theta + FRAC_PI_2)]];
        }
        self.matrix(theta + std::f64::consts::PI)
            .map(|row| row.map(|cell| complex(cell.re / 2.0, cell.im / 2.0)))
    }
}

fn diagonal(second: Complex) -> Matrix {
    let zero = Complex::default();
    [[complex(1.0, 0.0), zero], [zero, second]]
}
