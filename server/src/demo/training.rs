//! Training in the demo: submitting, following, and going on where an interrupted run stopped.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::cards;
use super::walk::{Walk, passed, require, uuid_of};
use crate::client::Client;
use crate::error::{Error, Result};

/// How often one job is submitted anew over all runs; the privacy budget ends it before that.
const SUBMISSIONS_MAX: u32 = 100;

impl Walk<'_> {
    /// Trains, or finds the job that an earlier run submitted; answers the model.
    ///
    /// # Errors
    /// The job fails, or the privacy budget does not cover it.
    pub(super) fn train(&self, name: &str, mitigation: &Value) -> Result<Value> {
        let engineer = self.client("engineer")?;
        let job_id = self.submit(&engineer, name, mitigation)?;
        self.say.line(&format!("ADMITTED {name}: job {job_id}"));
        self.say.step(4, &format!("{name}: DP-SGD in a process of its own"));
        let job = self.follow(&engineer, job_id)?;
        if job["state"] != "succeeded" {
            return Err(failed(name, &job));
        }
        let model_id = uuid_of(&job, "model_id")?;
        engineer.get(&format!("/api/v1/models/{model_id}"))?.expect(200)
    }

    /// Reweighing first; where that is honestly not enough, parity as a constraint.
    ///
    /// # Errors
    /// A job fails, or the last model does not pass.
    pub(super) fn mitigate(&self) -> Result<Value> {
        let reweighing = json!({ "reweighing": { "attribute": "sex", "counts_epsilon": 0.1 } });
        let model = self.train("income-reweighed", &reweighing)?;
        self.show_fairness(&model)?;
        if passed(&model) {
            return Ok(model);
        }
        self.say.line("reweighing is not enough here: a parity constraint follows");
        let constraint = json!({ "parity_constraint": {
            "attribute": "sex", "maximum_difference": 0.05, "counts_epsilon": 0.3, "rounds": 10,
        } });
        let model = self.train("income-constrained", &constraint)?;
        self.show_fairness(&model)?;
        require(passed(&model), "the constrained model must pass the fairness gate")?;
        Ok(model)
    }

    /// A key for each submission makes a restarted demo find the job that it submitted before. One that
    /// ended without a model, as by a crash too many, is submitted anew under the next key.
    fn submit(&self, engineer: &Client, name: &str, mitigation: &Value) -> Result<Uuid> {
        let spec = cards::job(name, Some("6(1)(f)"), mitigation);
        for number in 1..=SUBMISSIONS_MAX {
            let reply =
                engineer.post("/api/v1/jobs", &spec, Some(&format!("demo-{name}-{number}")))?;
            if is_short_of_budget(&reply.body) {
                return Err(Error::Budget(format!(
                    "the demo stopped: its privacy budget no longer covers {name}, because attempts that \
                     were interrupted are spent for good; begin anew with `chancery demo --fresh`"
                )));
            }
            let job_id = uuid_of(&reply.expect(202)?, "job_id")?;
            let job = engineer.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
            if !matches!(job["state"].as_str(), Some("failed" | "cancelled")) {
                return Ok(job_id);
            }
            self.say.line(&format!(
                "job {job_id} of an earlier run ended without a model: submitted anew"
            ));
        }
        Err(Error::Conflict(format!(
            "{name} was submitted {SUBMISSIONS_MAX} times without a model"
        )))
    }

    fn follow(&self, engineer: &Client, job_id: Uuid) -> Result<Value> {
        loop {
            let job = engineer.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
            let state = job["state"].as_str().unwrap_or_default();
            self.say.progress(&format!("{state}, attempt {}{}", job["attempt"], latest(&job)));
            if !matches!(state, "queued" | "running") {
                self.say.end_progress();
                return Ok(job);
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

fn is_short_of_budget(answer: &Value) -> bool {
    answer["type"] == "urn:chancery:problem:privacy-budget-exhausted"
        || answer["reasons"].as_array().into_iter().flatten().any(|r| r["rule"] == "privacy_budget")
}

fn failed(name: &str, job: &Value) -> Error {
    let remedy = match job["failure"]["reason"].as_str() {
        Some("budget_exhausted_on_retry") => {
            "the privacy budget covers no further attempt; begin anew with `chancery demo --fresh`"
        }
        _ => "run the demo again to submit it anew, or begin anew with `chancery demo --fresh`",
    };
    Error::Conflict(format!(
        "the demo stopped: {name} ended as {}: {}; {remedy}",
        job["state"], job["failure"]
    ))
}

fn latest(job: &Value) -> String {
    let Some(progress) = job["progress"].as_object() else { return String::new() };
    let number = |key: &str| progress.get(key).and_then(Value::as_f64);
    let mut text = String::new();
    if let (Some(step), Some(steps)) = (number("step"), number("steps")) {
        text.push_str(&format!(", step {step}/{steps}"));
    }
    if let Some(accuracy) = number("accuracy") {
        text.push_str(&format!(", held-out accuracy {accuracy:.4}"));
    }
    if let Some(epsilon) = number("epsilon_so_far") {
        text.push_str(&format!(", ε {epsilon:.3}"));
    }
    text
}
