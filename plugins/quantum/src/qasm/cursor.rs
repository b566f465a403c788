//! A place among the tokens, and the faults that point to its line.

use super::lexer::{Token, tokens};
use crate::{Fault, FaultKind};

pub(super) struct Cursor {
    tokens: Vec<(Token, u32)>,
    place: usize,
    /// The line of the token read last.
    line: u32,
}

impl Cursor {
    pub(super) fn new(source: &str) -> Result<Self, Fault> {
        Ok(Self { tokens: tokens(source)?, place: 0, line: 1 })
    }

    pub(super) fn index(&mut self) -> Result<usize, Fault> {
        match self.next() {
            // Far above every limit, and small enough that sums cannot wrap.
            Token::Integer(value) => Ok(value.min(1 << 20) as usize),
            _ => Err(self.wrong("expected a whole number")),
        }
    }

    pub(super) fn word(&mut self, expected: &str) -> Result<String, Fault> {
        match self.next() {
            Token::Word(word) => Ok(word),
            _ => Err(self.wrong(expected)),
        }
    }

    pub(super) fn expect(&mut self, symbol: char) -> Result<(), Fault> {
        if self.next() == Token::Symbol(symbol) {
            return Ok(());
        }
        Err(self.wrong(format!("expected `{symbol}`")))
    }

    pub(super) fn accept(&mut self, symbol: char) -> bool {
        let is_next = self.peek() == &Token::Symbol(symbol);
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.place).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn next(&mut self) -> Token {
        let Some((token, line)) = self.tokens.get(self.place) else { return Token::End };
        self.place += 1;
        self.line = *line;
        token.clone()
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> Fault {
        Fault::at(FaultKind::Source, self.line, message)
    }

    pub(super) fn unsupported(&self, message: impl Into<String>) -> Fault {
        Fault::at(FaultKind::Unsupported, self.line, message)
    }

    pub(super) fn too_large(&self, message: impl Into<String>) -> Fault {
        Fault::at(FaultKind::Capacity, self.line, message)
    }
}
