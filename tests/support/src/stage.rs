//! A running service whose gates after training pass whatever was trained, so that a test chooses what
//! fails, and people who sign.

use anyhow::{Context, Result};
use chancery::client::{Client, Reply};
use chancery::job::approve::{ApprovalPredicate, Verdict, sign};
use chancery::keys::SigningKey;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Installation, Running, adult, wait_for_job};

/// A service with an engineer and UCI Adult.
pub struct Stage {
    /// The service; stopped before the installation goes.
    pub running: Running,
    /// Submits.
    pub engineer: Client,
    /// Database and folder.
    pub installation: Installation,
}

/// Somebody who signs.
pub struct Signer {
    /// Their client.
    pub client: Client,
    /// Their key.
    pub key: SigningKey,
}

impl Stage {
    /// Starts one.
    ///
    /// # Errors
    /// A part cannot start.
    pub fn new() -> Result<Self> {
        let mut installation = Installation::new()?;
        let gates = &mut installation.config.gates;
        gates.parity_difference_max = 1.0;
        gates.equalized_odds_difference_max = 1.0;
        gates.four_fifths_min = 0.0;
        gates.minimum_group_size = 1;
        gates.accuracy_min = 0.0;
        let token = installation.enrol("engineer", &["submitter", "reviewer"])?;
        let running = installation.start()?;
        let engineer = running.client(&token);
        adult::register(&engineer)?;
        Ok(Self { running, engineer, installation })
    }

    /// Trains a model that its submitter declared to be at least this accurate.
    ///
    /// # Errors
    /// The job does not succeed.
    pub fn train(&self, name: &str, accuracy_min: f64) -> Result<Value> {
        let mut spec = adult::quick_job(name);
        spec["declared_metrics"] = json!({
            "accuracy_min": accuracy_min,
            "parity_difference_max": 1.0,
            "equalized_odds_difference_max": 1.0,
        });
        let admitted = self.engineer.post("/api/v1/jobs", &spec, None)?.expect(202)?;
        let job = wait_for_job(&self.engineer, admitted["job_id"].as_str().context("job")?)?;
        anyhow::ensure!(job["state"] == "succeeded", "{job}");
        let model_id = job["model_id"].as_str().context("model")?;
        Ok(self.engineer.get(&format!("/api/v1/models/{model_id}"))?.expect(200)?)
    }

    /// Enrols a reviewer and registers their key.
    ///
    /// # Errors
    /// The name is taken.
    pub fn signer(&self, name: &str) -> Result<Signer> {
        let client = self.running.client(&self.installation.enrol(name, &["reviewer"])?);
        let key = self.installation.new_key(name)?;
        chancery::cli::register_key(&client, &key)?;
        Ok(Signer { client, key })
    }

    /// Asks for a deployment.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn deploy(&self, name: &str, model: &Value) -> Result<Reply> {
        let request = json!({ "name": name, "model_id": model["model_id"] });
        Ok(self.engineer.post("/api/v1/deployments", &request, None)?)
    }

    /// The payloads of all events of a kind, newest first.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn events(&self, kind: &str) -> Result<Vec<Value>> {
        let list = self.engineer.get(&format!("/api/v1/events?kind={kind}"))?.expect(200)?;
        let events = list["events"].as_array().context("events")?;
        Ok(events.iter().map(|event| event["payload"].clone()).collect())
    }
}

impl Signer {
    /// The envelope of a verdict on a model.
    ///
    /// # Errors
    /// The model is not one of the API's.
    pub fn sign(&self, model: &Value, verdict: Verdict) -> Result<Value> {
        let text = |name: &str| model[name].as_str().context(name.to_owned());
        let predicate = ApprovalPredicate {
            verdict,
            model_id: text("model_id")?.parse::<Uuid>()?,
            evaluation_event_id: text("registered_event_id")?.parse()?,
            comment: "read by group".into(),
            signed_at: "2026-11-24T12:00:00Z".into(),
        };
        let envelope = sign(&self.key, text("name")?, text("artefact_sha256")?, &predicate)?;
        Ok(serde_json::to_value(envelope)?)
    }

    /// Sends an envelope about a model.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn send(&self, model: &Value, envelope: &Value) -> Result<Reply> {
        send(&self.client, model, envelope)
    }

    /// Signs and sends.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn decide(&self, model: &Value, verdict: Verdict) -> Result<Reply> {
        self.send(model, &self.sign(model, verdict)?)
    }
}

/// Sends an envelope as anybody.
///
/// # Errors
/// The server cannot be reached.
pub fn send(client: &Client, model: &Value, envelope: &Value) -> Result<Reply> {
    let model_id = model["model_id"].as_str().context("model")?;
    Ok(client.post(&format!("/api/v1/models/{model_id}/approvals"), envelope, None)?)
}
