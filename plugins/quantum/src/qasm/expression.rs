//! Angles: sums, products, powers and functions of numbers, pi and param[k].

use std::f64::consts::PI;

use super::{angle, cursor::Cursor, lexer::Token};
use crate::{Fault, PARAMETERS_MAX, circuit::Angle};

/// Deepest nesting of an angle: the parser recurses, its stack is finite.
const DEPTH_MAX: usize = 32;

/// The angles in parentheses after a gate's name; without them, none.
/// `parameters` grows to hold every parameter that is named.
pub(super) fn angles(cursor: &mut Cursor, parameters: &mut usize) -> Result<Vec<Angle>, Fault> {
    Expression { cursor, parameters }.angles()
}

struct Expression<'a> {
    cursor: &'a mut Cursor,
    parameters: &'a mut usize,
}

impl Expression<'_> {
    fn angles(&mut self) -> Result<Vec<Angle>, Fault> {
        let mut angles = Vec::new();
        if !self.cursor.accept('(') || self.cursor.accept(')') {
            return Ok(angles);
        }
        loop {
            angles.push(self.sum(0)?);
            if self.cursor.accept(')') {
                return Ok(angles);
            }
            self.cursor.expect(',')?;
        }
    }

    fn sum(&mut self, depth: usize) -> Result<Angle, Fault> {
        let mut left = self.term(depth)?;
        loop {
            let combine = match self.cursor.peek() {
                Token::Symbol('+') => angle::add,
                Token::Symbol('-') => angle::subtract,
                _ => return Ok(left),
            };
            self.cursor.next();
            let right = self.term(depth)?;
            left = combine(&left, &right).map_err(|message| self.cursor.wrong(message))?;
        }
    }

    fn term(&mut self, depth: usize) -> Result<Angle, Fault> {
        let mut left = self.signed(depth)?;
        loop {
            let combine = match self.cursor.peek() {
                Token::Symbol('*') => angle::multiply,
                Token::Symbol('/') => angle::divide,
                _ => return Ok(left),
            };
            self.cursor.next();
            let right = self.signed(depth)?;
            left = combine(&left, &right).map_err(|message| self.cursor.wrong(message))?;
        }
    }

    /// A sign binds less than a power: -2^2 is -4.
    fn signed(&mut self, depth: usize) -> Result<Angle, Fault> {
        if depth > DEPTH_MAX {
            return Err(self.cursor.too_large("an angle nested too deeply"));
        }
        if self.cursor.accept('-') {
            let angle = self.signed(depth + 1)?;
            return angle::scale(&angle, -1.0).map_err(|message| self.cursor.wrong(message));
        }
        let base = self.atom(depth)?;
        if !self.cursor.accept('^') {
            return Ok(base);
        }
        let exponent = self.signed(depth + 1)?;
        angle::power(&base, &exponent).map_err(|message| self.cursor.wrong(message))
    }

    fn atom(&mut self, depth: usize) -> Result<Angle, Fault> {
        match self.cursor.next() {
            Token::Integer(value) => Ok(Angle::constant(value as f64)),
            Token::Real(value) => Ok(Angle::constant(value)),
            Token::Symbol('(') => self.closed(depth),
            Token::Word(word) if word == "pi" => Ok(Angle::constant(PI)),
            Token::Word(word) if word == "param" => self.parameter(),
            Token::Word(name) => {
                self.cursor.expect('(')?;
                let argument = self.closed(depth)?;
                angle::function(&name, &argument).map_err(|message| self.cursor.wrong(message))
            }
            _ => Err(self.cursor.wrong("expected an angle")),
        }
    }

    fn closed(&mut self, depth: usize) -> Result<Angle, Fault> {
        let angle = self.sum(depth + 1)?;
        self.cursor.expect(')')?;
        Ok(angle)
    }

    fn parameter(&mut self) -> Result<Angle, Fault> {
        self.cursor.expect('[')?;
        let index = self.cursor.index()?;
        self.cursor.expect(']')?;
        if index >= PARAMETERS_MAX {
            return Err(self.cursor.too_large(format!("more than {PARAMETERS_MAX} parameters")));
        }
        *self.parameters = (*self.parameters).max(index + 1);
        Ok(Angle { constant: 0.0, terms: vec![(index as u16, 1.0)] })
    }
}
