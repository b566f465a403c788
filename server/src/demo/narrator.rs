//! What the demo says while it works.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Prints steps with the time since the start.
pub struct Narrator {
    start: Instant,
    terminal: bool,
    latest: RefCell<String>,
}

impl Narrator {
    /// Starts the clock.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            terminal: std::io::stdout().is_terminal(),
            latest: RefCell::default(),
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A numbered step.
    pub fn step(&self, number: u32, title: &str) {
        println!("\n[{:5.1}s] {number}. {title}", self.seconds());
    }

    /// A named fact.
    pub fn fact(&self, name: &str, value: &str) {
        println!("         {name}: {value}");
    }

    /// A line of its own.
    pub fn line(&self, text: &str) {
        println!("         {text}");
    }

    /// Progress: one line that the next overwrites on a terminal, a line for each piece of news elsewhere.
    pub fn progress(&self, text: &str) {
        if self.latest.replace(text.to_owned()) == text {
            return;
        }
        if self.terminal {
            print!("\r         {text:<78}");
            // A terminal that is gone is no reason to stop the work.
            let _ = std::io::stdout().flush();
        } else {
            self.line(text);
        }
    }

    /// Ends a line of progress.
    pub fn end_progress(&self) {
        if self.terminal {
            println!();
        }
    }
}
