//! Prints the time of a decision at every gate on this machine, and holds no limit against it.
//!
//! `cargo run --release -p chancery-policy --example bench`

use std::time::{Duration, Instant};

use chancery_policy::{Facts, GatePoint, Pack, PolicyError, decide};

const ROUNDS: usize = 2_000;

fn main() -> Result<(), PolicyError> {
    let pack = Pack::embedded()?;
    let mut facts = Facts::parse(include_bytes!("../cases/base.json"))?;
    for gate in [
        GatePoint::DatasetRegistration,
        GatePoint::BeforeTraining,
        GatePoint::AfterEvaluation,
        GatePoint::BeforeDeployment,
        GatePoint::AtInference,
    ] {
        facts.gate = gate;
        let [least, median, tail] = measure(&pack, &facts);
        println!("{gate:?}: min {least:?}, p50 {median:?}, p99 {tail:?} over {ROUNDS} decisions");
    }
    Ok(())
}

/// Least, median and 99th percentile of the time of one decision.
fn measure(pack: &Pack, facts: &Facts) -> [Duration; 3] {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(decide(pack, facts));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    [times[0], times[ROUNDS / 2], times[ROUNDS * 99 / 100]]
}
