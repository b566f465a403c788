//! Trains on UCI Adult without privacy, with it, and with each mitigation, and prints accuracy,
//! parity by sex, ε and seconds of each run.
//!
//!     cargo run --release -p chancery-kernels --example adult -- server/data/adult

use std::error::Error;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use chancery_kernels::device::DeviceChoice;
use chancery_kernels::evaluate::{EvaluationRule, evaluate};
use chancery_kernels::privacy::calibrate_noise;
use chancery_kernels::tabular::TabularData;
use chancery_kernels::train::{Duration, Mitigation, PrivacySpec, TrainSpec, train};
use chancery_kernels::{adult, to_safetensors};

const DELTA: f64 = 1e-5;
const COUNTS_EPSILON: f64 = 0.3;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "server/data/adult".into());
    let (rows, test) = (table(&folder, "adult.data.gz")?, table(&folder, "adult.test.gz")?);
    println!("{} + {} rows, {} inputs", rows.rows(), test.rows(), rows.width());
    println!("run                       accuracy  log loss  parity  odds    ε       seconds");
    let reweighing =
        Mitigation::Reweighing { attribute: "sex".into(), counts_epsilon: COUNTS_EPSILON };
    let constraint = Mitigation::ParityConstraint {
        attribute: "sex".into(),
        maximum_difference: 0.05,
        counts_epsilon: COUNTS_EPSILON,
        rounds: 20,
    };
    for (name, mitigation) in
        [("unmitigated", Mitigation::None), ("reweighing", reweighing), ("constraint", constraint)]
    {
        let open = plain(&rows, mitigation.clone());
        report(&format!("{name}, no privacy"), &open, &rows, &test)?;
        let private = private(&rows, mitigation)?;
        report(&format!("{name}, private"), &private, &rows, &test)?;
    }
    pace(&rows)
}

/// Steps of a network of about the size Opacus was measured on (21.8k parameters, batch 512).
fn pace(rows: &TabularData) -> Result<(), Box<dyn Error>> {
    let privacy = PrivacySpec { noise_multiplier: 1.0, clip_norm: 1.0, delta: DELTA };
    let open = TrainSpec {
        hidden: vec![128, 64],
        duration: Duration::Steps(300),
        ..plain(rows, Mitigation::None)
    };
    let private = TrainSpec { privacy: Some(privacy), ..open.clone() };
    let device = DeviceChoice::Auto.resolve()?;
    for (name, spec) in [("no privacy", &open), ("private", &private)] {
        let start = Instant::now();
        let model = train(spec, rows, None, &device, &mut |_| ControlFlow::Continue(()))?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name}: {} parameters, {:.2} ms a step, {:.0} samples/s",
            model.parameter_count(),
            seconds / 300.0 * 1e3,
            300.0 * 512.0 / seconds,
        );
    }
    Ok(())
}

fn plain(rows: &TabularData, mitigation: Mitigation) -> TrainSpec {
    TrainSpec { mitigation, ..TrainSpec::with_features(rows.feature_names().to_vec()) }
}

/// ε of 3 in all, whatever the mitigation takes of it.
fn private(rows: &TabularData, mitigation: Mitigation) -> Result<TrainSpec, Box<dyn Error>> {
    let counts = if mitigation == Mitigation::None { 0.0 } else { COUNTS_EPSILON };
    let mut spec = TrainSpec {
        batch_size_expected: 1024,
        duration: Duration::Epochs(20.0),
        mitigation,
        ..TrainSpec::with_features(rows.feature_names().to_vec())
    };
    let n = rows.rows() as u64;
    let noise_multiplier =
        calibrate_noise(2.999 - counts, DELTA, spec.sampling_rate(n)?, spec.steps(n)?)?;
    spec.privacy = Some(PrivacySpec { noise_multiplier, clip_norm: 4.0, delta: DELTA });
    Ok(spec)
}

fn report(
    name: &str,
    spec: &TrainSpec,
    rows: &TabularData,
    test: &TabularData,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let device = DeviceChoice::Auto.resolve()?;
    let model = train(spec, rows, Some(test), &device, &mut |_| ControlFlow::Continue(()))?;
    let seconds = start.elapsed().as_secs_f64();
    let evaluation = evaluate(&model, test, &EvaluationRule::default())?;
    let sex = evaluation.attribute("sex").ok_or("sex is protected")?;
    println!(
        "{name:<25} {:.4}    {:.4}    {:.4}  {:.4}  {:<7.3} {seconds:.1} ({} bytes)",
        evaluation.accuracy.value,
        evaluation.log_loss,
        sex.parity_difference.map_or(f64::NAN, |e| e.value),
        sex.equalized_odds_difference.unwrap_or(f64::NAN),
        model.privacy().map_or(f64::INFINITY, |loss| loss.epsilon),
        to_safetensors(&model)?.len(),
    );
    Ok(())
}

fn table(folder: &str, name: &str) -> Result<TabularData, Box<dyn Error>> {
    let file = std::fs::File::open(Path::new(folder).join(name))?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)?;
    let schema = adult::schema();
    Ok(TabularData::parse_csv(&bytes, &schema, &schema.default_features())?)
}
