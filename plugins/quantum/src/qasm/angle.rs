//! Arithmetic on angles. Every value is affine in the parameters, or refused.

use crate::circuit::Angle;

type Result<T> = std::result::Result<T, &'static str>;

const NOT_AFFINE: &str = "an angle must be affine in the parameters";

pub(super) fn add(left: &Angle, right: &Angle) -> Result<Angle> {
    combine(left, right, 1.0)
}

pub(super) fn subtract(left: &Angle, right: &Angle) -> Result<Angle> {
    combine(left, right, -1.0)
}

pub(super) fn multiply(left: &Angle, right: &Angle) -> Result<Angle> {
    match (constant(left), constant(right)) {
        (Ok(factor), _) => scale(right, factor),
        (_, Ok(factor)) => scale(left, factor),
        _ => Err(NOT_AFFINE),
    }
}

pub(super) fn divide(left: &Angle, right: &Angle) -> Result<Angle> {
    let divisor = constant(right)?;
    let mut result = left.clone();
    result.constant /= divisor;
    result.terms.iter_mut().for_each(|(_, factor)| *factor /= divisor);
    finite(result)
}

pub(super) fn power(left: &Angle, right: &Angle) -> Result<Angle> {
    finite(Angle::constant(constant(left)?.powf(constant(right)?)))
}

pub(super) fn scale(angle: &Angle, factor: f64) -> Result<Angle> {
    let mut result = angle.clone();
    result.constant *= factor;
    result.terms.iter_mut().for_each(|(_, term)| *term *= factor);
    finite(result)
}

/// One of the six functions of OpenQASM 2, of a constant.
pub(super) fn function(name: &str, argument: &Angle) -> Result<Angle> {
    let x = constant(argument)?;
    let value = match name {
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" => x.tan(),
        "exp" => x.exp(),
        "ln" => x.ln(),
        "sqrt" => x.sqrt(),
        _ => return Err("expected a number, pi, param[k] or a function"),
    };
    finite(Angle::constant(value))
}

fn combine(left: &Angle, right: &Angle, sign: f64) -> Result<Angle> {
    let mut result = left.clone();
    result.constant += sign * right.constant;
    for &(index, factor) in &right.terms {
        match result.terms.binary_search_by_key(&index, |term| term.0) {
            Ok(place) => result.terms[place].1 += sign * factor,
            Err(place) => result.terms.insert(place, (index, sign * factor)),
        }
    }
    finite(result)
}

fn constant(angle: &Angle) -> Result<f64> {
    if angle.terms.is_empty() { Ok(angle.constant) } else { Err(NOT_AFFINE) }
}

fn finite(angle: Angle) -> Result<Angle> {
    let is_finite = angle.constant.is_finite() && angle.terms.iter().all(|term| term.1.is_finite());
    if is_finite { Ok(angle) } else { Err("an angle that is not a finite number") }
}
