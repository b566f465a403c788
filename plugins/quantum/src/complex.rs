//! Complex numbers and 2×2 matrices: what a state vector needs, no more.

use std::ops::{Add, Mul};

/// A complex number in double precision.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

/// A matrix `[row][column]` that acts on one qubit.
pub type Matrix = [[Complex; 2]; 2];

/// `re + i·im`.
pub const fn complex(re: f64, im: f64) -> Complex {
    Complex { re, im }
}

/// e^{iθ}.
pub fn unit(theta: f64) -> Complex {
    complex(theta.cos(), theta.sin())
}

/// `left · right`: `right` acts first.
pub fn product(left: &Matrix, right: &Matrix) -> Matrix {
    let mut result = [[Complex::default(); 2]; 2];
    for (row, out) in left.iter().zip(&mut result) {
        for (column, cell) in out.iter_mut().enumerate() {
            *cell = row[0] * right[0][column] + row[1] * right[1][column];
        }
    }
    result
}

/// The conjugate transpose: the inverse, when the matrix is unitary.
pub fn adjoint(m: &Matrix) -> Matrix {
    [[m[0][0].conjugate(), m[1][0].conjugate()], [m[0][1].conjugate(), m[1][1].conjugate()]]
}

impl Complex {
    /// The complex conjugate.
    pub fn conjugate(self) -> Self {
        complex(self.re, -self.im)
    }

    /// |z|².
    pub fn norm_squared(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        complex(self.re + other.re, self.im + other.im)
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        complex(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)
    }
}
