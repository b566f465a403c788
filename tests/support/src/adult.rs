//! The real data set of the demo, cut to a size that a test trains on in a second.

use std::io::Read;

use anyhow::{Context, Result};
use chancery::client::Client;
use chancery::demo::{ADULT_EVALUATION, ADULT_TRAINING, cards};
use serde_json::{Value, json};

/// Rows of the training split in tests.
pub const ROWS: usize = 3000;

/// Registers UCI Adult (the first rows of each split) and the demo's AI system; answers the dataset.
///
/// # Errors
/// The server refuses.
pub fn register(submitter: &Client) -> Result<Value> {
    register_with(submitter, |_| ())
}

/// The same with a card that `change` has altered.
///
/// # Errors
/// The server refuses.
pub fn register_with(submitter: &Client, change: impl Fn(&mut Value)) -> Result<Value> {
    submitter.post("/api/v1/systems", &cards::system(), None)?.expect(201)?;
    let mut registration = registration(submitter)?;
    change(&mut registration["card"]);
    Ok(submitter.post("/api/v1/datasets", &registration, None)?.expect(201)?)
}

/// Uploads both splits; answers the registration that would follow.
///
/// # Errors
/// The server refuses.
pub fn registration(submitter: &Client) -> Result<Value> {
    let training = upload(submitter, ADULT_TRAINING)?;
    let evaluation = upload(submitter, ADULT_EVALUATION)?;
    Ok(cards::dataset(&training, &evaluation)?)
}

/// A lawful job that is over in a moment.
pub fn quick_job(name: &str) -> Value {
    let mut spec = cards::job(name, Some("6(1)(f)"), &json!("none"));
    spec["training"]["duration"] = json!({ "steps": 40 });
    spec["training"]["batch_size_expected"] = json!(256);
    spec["training"]["hidden"] = json!([16]);
    spec["training"]["privacy"]["noise_multiplier"] = json!(4.0);
    spec
}

/// One that keeps its process busy for a while, at next to no privacy loss.
pub fn long_job(name: &str) -> Value {
    let mut spec = quick_job(name);
    spec["training"]["duration"] = json!({ "steps": 400 });
    spec["training"]["hidden"] = json!([128]);
    spec["training"]["privacy"]["noise_multiplier"] = json!(20.0);
    spec
}

fn upload(submitter: &Client, packed: &[u8]) -> Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text)?;
    let cut: String = text.lines().take(ROWS).flat_map(|line| [line, "\n"]).collect();
    let answer = submitter.put("/api/v1/blobs", cut.as_bytes())?.expect(201)?;
    answer["digest"].as_str().map(str::to_owned).context("a digest")
}
