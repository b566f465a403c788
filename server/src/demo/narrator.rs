//! What the demo says while it works.

use std::io::Write;
use std::time::Instant;

/// Prints steps with the time since the start.
pub struct Narrator {
    start: Instant,
}

impl Narrator {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { start: Instant::now() }
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

    /// A line that the next one overwrites.
    pub fn progress(&self, text: &str) {
        print!("\r         {text:<78}");
        // A terminal that is gone is no reason to stop the work.
        let _ = std::io::stdout().flush();
    }

    /// Ends a line of progress.
    pub fn end_progress(&self) {
        println!();
    }
}
