//! `chancery run-job`: reads an order, trains, measures, writes lines. Runs alone in its process.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;

use chancery_kernels::TrainedModel;
use chancery_kernels::artefact;
use chancery_kernels::device::Device;
use chancery_kernels::evaluate::{EvaluationRule, evaluate};
use chancery_kernels::tabular::TabularData;
use chancery_kernels::train::{Progress, train};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;

use super::order::{InputBlob, JobOrder, Line, Outcome};
use crate::blob::{digest_of, open_blob};
use crate::error::{Error, Result};

/// Longest order that is read.
const ORDER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Exit code after a failure that was reported as a line.
pub const EXIT_REPORTED: i32 = 3;

/// Runs the order on standard input and answers the exit code. Standard input stays open as a lifeline:
/// when it closes, the platform is gone and nobody would take the result, so the process ends.
pub fn run_job() -> i32 {
    match read_order().and_then(|order| work(&order)) {
        Ok(()) => 0,
        Err(error) => {
            let reported = write_line(&Line::Failure { detail: error.to_string() });
            if reported.is_ok() { EXIT_REPORTED } else { 1 }
        }
    }
}

fn read_order() -> Result<JobOrder> {
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    input
        .by_ref()
        .take(ORDER_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|why| Error::dependency("reading the order", why))?;
    let order: JobOrder =
        serde_json::from_str(&line).map_err(|why| Error::invalid("order", why.to_string()))?;
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        while matches!(input.read(&mut rest), Ok(read) if read > 0) {}
        std::process::exit(1);
    });
    Ok(order)
}

fn work(order: &JobOrder) -> Result<()> {
    limit_memory(order.memory_limit_bytes)?;
    // A device that is not there is told before any data is touched.
    let device = order.device.resolve().map_err(kernel_error)?;
    write_line(&Line::DataOpened)?;
    let features = &order.training.features;
    let training = load(&order.training_input, order, features)?;
    let evaluation = load(&order.evaluation_input, order, features)?;
    let mut on_progress = |progress: Progress| {
        let detail = serde_json::to_value(progress).unwrap_or_default();
        match write_line(&Line::Progress { detail }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let model = train(&order.training, &training, Some(&evaluation), &device, &mut on_progress)
        .map_err(kernel_error)?;
    finish(order, &model, &evaluation, &device)
}

fn finish(
    order: &JobOrder,
    model: &TrainedModel,
    evaluation: &TabularData,
    device: &Device,
) -> Result<()> {
    let rule = EvaluationRule {
        minimum_group_size: order.minimum_group_size,
        ..EvaluationRule::default()
    };
    let measured = evaluate(model, evaluation, &rule).map_err(kernel_error)?;
    let bytes = artefact::to_safetensors(model).map_err(kernel_error)?;
    let artefact_file = "model.safetensors".to_owned();
    std::fs::write(order.scratch.join(&artefact_file), &bytes)
        .map_err(|why| Error::dependency("writing the artefact", why))?;
    let loss = model.privacy();
    let outcome = Outcome {
        job_id: order.job_id,
        attempt: order.attempt,
        artefact_digest: digest_of(&bytes),
        artefact_file,
        evaluation: serde_json::to_value(&measured).map_err(Error::bug)?,
        epsilon_nano: loss.map(|loss| loss.epsilon_nano_up().to_string()),
        delta_femto: loss.map(|loss| loss.delta_femto_up().to_string()),
        parameters: model.parameter_count() as u64,
        device: device.clone(),
        processor_seconds: processor_seconds(),
    };
    let key = hex::decode(&order.outcome_key).map_err(Error::bug)?;
    write_line(&outcome.seal(&key)?)
}

fn load(input: &InputBlob, order: &JobOrder, features: &[String]) -> Result<TabularData> {
    let cipher = std::fs::read(&input.path)
        .map_err(|why| Error::dependency(format!("reading input {}", input.digest), why))?;
    let key: [u8; 32] = hex::decode(&input.data_key)
        .ok()
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| Error::invalid("order", "a data key is 32 bytes in hexadecimal"))?;
    let plain = open_blob(&key, &cipher, &input.digest)?;
    TabularData::parse_csv(&plain, &order.schema, features).map_err(kernel_error)
}

/// A job that wants more memory than it was given fails alone; the machine does not.
fn limit_memory(bytes: u64) -> Result<()> {
    setrlimit(Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) })
        .map_err(|why| Error::dependency("limiting memory", why))
}

/// User and system time of this process so far, by proc_pid_stat(5); none where there is no procfs.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name that may hold blanks; the fields are counted after its bracket.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // Linux shows 100 ticks a second to every program, whatever the kernel uses inside.
    Some(ticks as f64 / 100.0)
}

fn write_line(line: &Line) -> Result<()> {
    let text = json!(line).to_string();
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(|why| Error::dependency("writing a line", why))
}

fn kernel_error(why: chancery_kernels::KernelError) -> Error {
    Error::invalid("job", why.to_string())
}
