//! A subset of OpenQASM 2 (A. Cross et al., arXiv:1707.03429): registers, the
//! gates of qelib1.inc, broadcasting over registers, barriers, and
//! measurements at the end.
//!
//! One extension: `param[k]` in an angle is parameter k of the run. Angles
//! are affine in the parameters. Refused, each with its line: `gate`,
//! `opaque`, `if`, `reset`, other includes, a gate on a measured qubit.

mod angle;
mod cursor;
mod expression;
mod gates;
mod lexer;
mod parser;

pub(crate) use parser::parse;
