//! The walk itself: each step does what a person or a program outside would do, through the REST API.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use uuid::Uuid;

use super::narrator::Narrator;
use super::people::People;
use super::{ADULT_EVALUATION, ADULT_TRAINING, cards, tamper};
use crate::cli::{register_key, send_approval};
use crate::client::{Client, Reply};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::approve::Verdict;
use crate::store::DatabaseAddress;

/// Name under which the model answers.
const DEPLOYMENT: &str = "income";

/// What the walk needs.
pub struct Walk<'a> {
    /// Base URL.
    pub server: &'a str,
    /// Settings.
    pub config: &'a Config,
    /// Tokens and keys.
    pub people: &'a People,
    /// Tells what happens.
    pub say: &'a Narrator,
}

/// When an approval was given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Approval {
    Now,
    Earlier,
}

/// Where the walk ended.
pub struct Summary {
    model_id: Uuid,
    report: Value,
    log_size: u64,
    budget: String,
}

impl Walk<'_> {
    /// All steps.
    ///
    /// # Errors
    /// A step did not go as it must.
    pub fn run(&self, address: &DatabaseAddress) -> Result<Summary> {
        self.register()?;
        self.denied()?;
        let plain = self.train("income-unmitigated", &json!("none"))?;
        self.show_fairness(&plain)?;
        require(!passed(&plain), "the unmitigated model must fail the fairness gate")?;
        let fair = self.mitigate()?;
        let model_id = uuid_of(&fair, "model_id")?;
        self.approve_and_deploy(model_id)?;
        self.predict()?;
        let log_size = tamper::export_verify_and_tamper(self, address)?;
        let report = self.report(model_id)?;
        Ok(Summary { model_id, report, log_size, budget: self.budget()? })
    }

    /// A client with somebody's token.
    ///
    /// # Errors
    /// The token file is gone.
    pub fn client(&self, name: &str) -> Result<Client> {
        Ok(Client::new(self.server, &self.people.token(name)?))
    }

    /// What the demo sends, as files to learn from (docs/first-job.md).
    fn write_request(&self, name: &str, body: &Value) -> Result<()> {
        let text = serde_json::to_string_pretty(body).map_err(Error::bug)?;
        let path = self.config.data_directory.join("requests").join(format!("{name}.json"));
        crate::sequencer::write_atomically(&path, text.as_bytes())
    }

    fn register(&self) -> Result<()> {
        self.say.step(2, "dataset with its governance card, encrypted and content-addressed");
        let engineer = self.client("engineer")?;
        let known = engineer.get("/api/v1/datasets")?.expect(200)?;
        if named(&known["datasets"], cards::DATASET) {
            self.say.line("registered by an earlier run");
        } else {
            let training = self.upload(&engineer, ADULT_TRAINING)?;
            let evaluation = self.upload(&engineer, ADULT_EVALUATION)?;
            let card = cards::dataset(&training, &evaluation)?;
            self.write_request("dataset", &card)?;
            let answer = engineer.post("/api/v1/datasets", &card, None)?.expect(201)?;
            self.say.fact("rows", &answer["training_rows"].to_string());
            self.say.fact("training split, SHA-256", &training);
        }
        self.write_request("system", &cards::system())?;
        let known = engineer.get("/api/v1/systems")?.expect(200)?;
        if !named(&known["systems"], cards::SYSTEM) {
            engineer.post("/api/v1/systems", &cards::system(), None)?.expect(201)?;
        }
        self.say.fact("AI system", "income-prescreening: Annex III 5(b), profiling, so high-risk");
        Ok(())
    }

    fn upload(&self, engineer: &Client, packed: &[u8]) -> Result<String> {
        let mut plain = Vec::new();
        GzDecoder::new(packed)
            .read_to_end(&mut plain)
            .map_err(|why| Error::bug(format!("the carried data set: {why}")))?;
        let answer = engineer.put("/api/v1/blobs", &plain)?.expect(201)?;
        Ok(answer["digest"].as_str().unwrap_or_default().to_owned())
    }

    fn denied(&self) -> Result<()> {
        self.say.step(3, "a training job without a legal basis, then a lawful one");
        let spec = cards::job("income-unlawful", None, &json!("none"));
        self.write_request("job-denied", &spec)?;
        let lawful = cards::job("income-by-hand", Some("6(1)(f)"), &json!("none"));
        self.write_request("job", &lawful)?;
        let reply = self.client("engineer")?.post("/api/v1/jobs", &spec, None)?;
        require(reply.status == 403, "a job without a legal basis must be denied")?;
        for reason in reply.body["reasons"].as_array().into_iter().flatten() {
            let text = |key: &str| reason[key].as_str().unwrap_or_default();
            self.say.line(&format!(
                "DENIED by {} ({}): {}",
                text("article"),
                text("rule"),
                text("reason")
            ));
        }
        self.say.fact("recorded as event", reply.text("/receipt/event_id"));
        Ok(())
    }

    pub(super) fn show_fairness(&self, model: &Value) -> Result<()> {
        self.say
            .step(5, &format!("{}: accuracy and fairness on the held-out split", model["name"]));
        let evaluation = &model["evaluation"];
        self.say.fact("accuracy", &estimate(&evaluation["accuracy"]));
        let attributes = evaluation["attributes"].as_array();
        for attribute in attributes.into_iter().flatten().filter(|a| a["attribute"] == "sex") {
            self.say.fact("parity difference by sex", &estimate(&attribute["parity_difference"]));
            self.say.fact(
                "equalized-odds difference",
                &decimal(&attribute["equalized_odds_difference"]),
            );
            self.say
                .fact("parity ratio (four-fifths indicator)", &decimal(&attribute["parity_ratio"]));
            for group in attribute["groups"].as_array().into_iter().flatten() {
                let rate = estimate(&group["selection_rate"]);
                self.say.line(&format!("  {}: n {}, selected {rate}", group["group"], group["n"]));
            }
        }
        let decision_id = uuid_of(model, "decision_id")?;
        let path = format!("/api/v1/decisions/{decision_id}");
        let decision = self.client("auditor")?.get(&path)?.expect(200)?;
        for verdict in decision["record"]["verdicts"].as_array().into_iter().flatten() {
            if verdict["result"] == "fail" && verdict["severity"] == "block" {
                self.say.line(&format!("FAILED {}: {}", verdict["rule"], verdict["reason"]));
            }
        }
        self.say.fact("gate after evaluation", if passed(model) { "passed" } else { "FAILED" });
        Ok(())
    }

    fn approve_and_deploy(&self, model_id: Uuid) -> Result<()> {
        self.say.step(6, "two different people approve; then it is deployed");
        let request = json!({ "name": DEPLOYMENT, "model_id": model_id });
        self.approve("reviewer-one", model_id)?;
        if self.deployed(model_id)? {
            self.approve("reviewer-two", model_id)?;
            self.say.line("deployed by an earlier run");
            return Ok(());
        }
        let engineer = self.client("engineer")?;
        let early = engineer.post("/api/v1/deployments", &request, None)?;
        let reply = if early.status == 403 {
            self.say
                .line(&format!("with one approval: DENIED. {}", early.text("/reasons/0/reason")));
            self.approve("reviewer-two", model_id)?;
            engineer.post("/api/v1/deployments", &request, None)?
        } else {
            // An earlier run may have been interrupted between the second approval and the deployment.
            let second = self.approve("reviewer-two", model_id)?;
            require(second == Approval::Earlier, "one approval must not be enough")?;
            early
        };
        let answer = reply.expect(201)?;
        self.say.fact("deployed, answers at", answer["predict"].as_str().unwrap_or_default());
        Ok(())
    }

    fn approve(&self, name: &str, model_id: Uuid) -> Result<Approval> {
        let client = self.client(name)?;
        let key = self.people.key(name)?;
        // Both are refused as conflicts when an interrupted demo did them before.
        tolerate_conflict(register_key(&client, &key))?;
        let comment = "read the evaluation by group and the data card";
        let sent = send_approval(&client, &key, model_id, Verdict::Approve, comment);
        if tolerate_conflict(sent)?.is_none() {
            return Ok(Approval::Earlier);
        }
        self.say.line(&format!("{name} signed (DSSE over an in-toto statement)"));
        Ok(Approval::Now)
    }

    fn deployed(&self, model_id: Uuid) -> Result<bool> {
        let list = self.client("engineer")?.get("/api/v1/deployments")?.expect(200)?;
        let mut rows = list["deployments"].as_array().into_iter().flatten();
        Ok(rows.any(|d| d["state"] == "active" && d["model_id"] == json!(model_id)))
    }

    fn predict(&self) -> Result<()> {
        let path = format!("/api/v1/deployments/{DEPLOYMENT}/predict");
        let answer =
            self.client("engineer")?.post(&path, &cards::applicants(), None)?.expect(200)?;
        self.say.fact("predictions", &answer["probabilities"].to_string());
        self.say.fact(
            "batch recorded as event",
            answer["receipt"]["event_id"].as_str().unwrap_or_default(),
        );
        Ok(())
    }

    fn report(&self, model_id: Uuid) -> Result<Value> {
        self.say.step(8, "compliance report: every number with its event and proof");
        let auditor = self.client("auditor")?;
        let reply = wait_for_checkpoint(|| {
            auditor.post(&format!("/api/v1/models/{model_id}/reports"), &json!({}), None)
        })?;
        let made = reply.expect(201)?;
        let path = made["json"].as_str().unwrap_or_default().to_owned();
        let document = auditor.get(&path)?.expect(200)?;
        let file = self.config.data_directory.join("report.json");
        let text = serde_json::to_string_pretty(&document).map_err(Error::bug)?;
        write(&file, text.as_bytes())?;
        let check =
            crate::report::verify_report(text.as_bytes(), &crate::app::log_key(self.config)?)?;
        require(check.faults.is_empty(), &format!("the report must verify: {:?}", check.faults))?;
        self.say.fact("JSON", &file.display().to_string());
        self.say.fact(
            "verified offline",
            &format!(
                "{} claims proven by {} events, {} not provided",
                check.claims_proven, check.events_proven, check.claims_not_provided
            ),
        );
        Ok(made)
    }

    fn budget(&self) -> Result<String> {
        let list = self.client("auditor")?.get("/api/v1/budgets")?.expect(200)?;
        let units = |key: &str| {
            let text = list["budgets"][0][key].as_str().unwrap_or("0");
            text.parse::<f64>().unwrap_or(0.0) / 1e9
        };
        Ok(format!("ε {:.4} of {} spent", units("epsilon_spent_nano"), units("epsilon_cap_nano")))
    }
}

impl Summary {
    /// The closing lines.
    pub fn print(&self, say: &Narrator, server: &str, people: &Path) {
        println!(
            "\n[{:5.1}s] done: denied, trained, measured, mitigated, approved, deployed, proven",
            say.seconds()
        );
        say.fact("model", &self.model_id.to_string());
        say.fact("log", &format!("{} events under one signed checkpoint", self.log_size));
        say.fact("privacy budget", &self.budget);
        say.fact(
            "report",
            &format!("{server}{}", self.report["html"].as_str().unwrap_or_default()),
        );
        say.fact(
            "dashboard",
            &format!("{server}/ (sign in with a token from {})", people.display()),
        );
    }
}

/// A file outside secrets, replaced whole.
///
/// # Errors
/// The file system refuses.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    crate::sequencer::write_atomically(path, bytes)
}

/// Asks again while the answer is that the next checkpoint is awaited.
fn wait_for_checkpoint(ask: impl Fn() -> Result<Reply>) -> Result<Reply> {
    for _ in 0..50 {
        let reply = ask()?;
        if reply.status != 409 {
            return Ok(reply);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    ask()
}

/// The demo checks what it shows: a step that goes otherwise is an error, not a line.
pub fn require(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Bug(format!("the demo stopped: {what}"))) }
}

fn tolerate_conflict(result: Result<Value>) -> Result<Option<Value>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Conflict(text)) if text.contains("already") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the gate after evaluation let the model through.
pub fn passed(model: &Value) -> bool {
    model["gate_passed"] == json!(true)
}

fn named(list: &Value, name: &str) -> bool {
    list.as_array().into_iter().flatten().any(|item| item["name"] == name)
}

/// An identifier in an answer.
///
/// # Errors
/// It is not there.
pub fn uuid_of(value: &Value, key: &str) -> Result<Uuid> {
    let text = value[key].as_str().unwrap_or_default();
    text.parse().map_err(|_| Error::bug(format!("no {key} in {value}")))
}

fn estimate(value: &Value) -> String {
    let (value, low, high) =
        (decimal(&value["value"]), decimal(&value["low"]), decimal(&value["high"]));
    format!("{value} (95% {low} to {high})")
}

fn decimal(value: &Value) -> String {
    value.as_f64().map_or_else(|| "not measurable".into(), |number| format!("{number:.4}"))
}
