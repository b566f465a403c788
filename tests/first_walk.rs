//! One job through all rooms, as the README tells it.

use anyhow::{Context, Result};
use chancery_tests::{Installation, adult, wait_for_job};
use serde_json::json;

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
    let job = wait_for_job(&client, admitted["job_id"].as_str().context("job id")?)?;
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
