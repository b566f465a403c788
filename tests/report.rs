//! A compliance report is checked with nothing but the log's key: whatever is changed in it is found.

use anyhow::{Context, Result};
use chancery::report::verify_report;
use chancery_tests::stage::Stage;
use serde_json::{Value, json};

#[test]
fn a_report_verifies_and_every_forgery_is_found() -> Result<()> {
    let stage = Stage::new()?;
    let model = stage.train("fit", 0.0)?;
    let model_id = model["model_id"].as_str().context("model")?;
    stage.deploy("income", &model)?.expect(403)?;
    let report = chancery_tests::jobs::until("a report", || {
        let made =
            stage.engineer.post(&format!("/api/v1/models/{model_id}/reports"), &json!({}), None)?;
        let Some(path) = made.body["json"].as_str() else { return Ok(None) };
        let report = stage.engineer.get(path)?.expect(200)?;
        // The denial is in the report once it is under a checkpoint.
        let evidence = report["evidence"].as_array().context("evidence")?;
        let told = evidence.iter().any(|event| event["kind"] == "deployment_denied");
        Ok(told.then_some(report))
    })?;
    let key = chancery::app::log_key(&stage.installation.config)?;
    let check = |report: &Value| verify_report(report.to_string().as_bytes(), &key);

    let honest = check(&report)?;
    assert_eq!(honest.faults, Vec::<String>::new());
    assert!(honest.claims_proven > 50 && honest.events_proven > 5, "{honest:?}");

    for (pointer, value) in [
        ("/sections", json!([])),
        ("/evidence", json!([])),
        ("/sections/0/claims/0/value", json!("another system")),
        ("/sections/0/claims/0/label", json!("Approved by")),
        ("/sections/0/title", json!("Everything is well")),
        ("/model_id", json!("00000000-0000-0000-0000-000000000000")),
        ("/model_name", json!("better")),
        ("/artefact_sha256", json!("00")),
        ("/checkpoint", json!("x")),
        ("/evidence/0/kind", json!("approval_recorded")),
        ("/evidence/0/leaf_index", json!(0)),
        ("/evidence/0/recorded_at", json!("2020-01-01T00:00:00Z")),
        ("/evidence/0/payload", json!("{}")),
    ] {
        let mut forged = report.clone();
        *forged.pointer_mut(pointer).context("a member")? = value;
        assert!(!check(&forged)?.faults.is_empty(), "{pointer}");
    }
    let mut shorter = report.clone();
    shorter["sections"][0]["claims"].as_array_mut().context("claims")?.remove(0);
    assert!(!check(&shorter)?.faults.is_empty());
    Ok(())
}
