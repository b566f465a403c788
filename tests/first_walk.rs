//! One job through all rooms, as the README tells it.

use anyhow::{Context, Result};
use chancery_tests::{Installation, adult};
use serde_json::{Value, json};

fn wait(client: &chancery::client::Client, job_id: &str) -> Result<Value> {
    for _ in 0..600 {
        let job = client.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
        if !["queued", "running"].contains(&job["state"].as_str().unwrap_or_default()) {
            return Ok(job);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    anyhow::bail!("job {job_id} did not end")
}

#[test]
fn a_job_without_a_legal_basis_is_denied_and_a_lawful_one_makes_a_model() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;

    let mut unlawful = adult::quick_job("unlawful");
    unlawful.as_object_mut().context("object")?.remove("legal_basis");
    let denied = client.post("/api/v1/jobs", &unlawful, None)?;
    assert_eq!(denied.status, 403, "{}", denied.body);
    assert_eq!(denied.body["type"], "urn:chancery:problem:denied-by-policy");
    assert_eq!(denied.body["reasons"][0]["rule"], "gdpr_6_legal_basis");

    let admitted = client.post("/api/v1/jobs", &adult::quick_job("lawful"), None)?.expect(202)?;
    let job = wait(&client, admitted["job_id"].as_str().context("job id")?)?;
    assert_eq!(job["state"], json!("succeeded"), "{job}");
    let events = client.get("/api/v1/events")?.expect(200)?;
    let kinds: Vec<&str> = events["events"]
        .as_array()
        .context("events")?
        .iter()
        .filter_map(|e| e["kind"].as_str())
        .collect();
    for kind in ["job_denied", "job_admitted", "budget_reserved", "budget_committed", "job_settled"]
    {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    Ok(())
}
