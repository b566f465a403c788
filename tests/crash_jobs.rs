//! Jobs whose process dies: the attempt is spent, the next has a reservation of its own, and the server
//! lives on.

use anyhow::{Context, Result};
use chancery_tests::invariants::{Jobs, require_consistent, require_log_verifies};
use chancery_tests::jobs::{
    arguments, events, kill_9, kinds, process_of, reservations, submit, until, wait,
    working_process,
};
use chancery_tests::{Installation, adult};
use serde_json::{Value, json};
use uuid::Uuid;

/// A job's record as the log tells it, reservations aside.
fn story(installation: &Installation, job_id: Uuid) -> Result<Vec<String>> {
    Ok(kinds(installation, job_id)?
        .into_iter()
        .filter(|kind| !kind.starts_with("budget_"))
        .collect())
}

fn require_sound(installation: &Installation) -> Result<()> {
    require_consistent(&installation.address, Jobs::Ended)
}

#[test]
fn a_killed_child_is_spent_and_tried_again_under_a_reservation_of_its_own() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let job_id = submit(&client, &adult::long_job("killed"))?;
    kill_9(working_process(&client, job_id)?)?;
    let job = wait(&client, job_id)?;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("succeeded"), &json!(2)), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["committed", "committed"]);
    assert_eq!(
        kinds(&installation, job_id)?,
        [
            "job_admitted",
            "budget_reserved",
            "job_attempt_started",
            "budget_committed",
            "job_attempt_lost",
            "budget_reserved",
            "job_attempt_started",
            "budget_committed",
            "job_settled"
        ]
    );
    let lost =
        events(&installation, job_id)?.into_iter().find(|(kind, _)| kind == "job_attempt_lost");
    assert_eq!(
        lost.context("lost")?.1["detail"],
        json!({ "reason": "crash", "exit_code": null, "signal": 9 })
    );
    running.service.stop();
    require_sound(&installation)?;
    require_log_verifies(&installation.config, &installation.address, &[])?;
    Ok(())
}

#[test]
fn a_job_that_dies_at_every_attempt_fails_for_good() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let job_id = submit(&client, &adult::long_job("doomed"))?;
    for attempt in 1..=3 {
        let child = until("the attempt", || {
            let job = client.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
            Ok(process_of(job_id).filter(|_| job["attempt"] == json!(attempt)))
        })?;
        kill_9(child)?;
    }
    let job = wait(&client, job_id)?;
    assert_eq!(job["state"], json!("failed"), "{job}");
    assert_eq!(job["failure"]["signal"], json!(9), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"; 3]);
    let (begun, lost) = ("job_attempt_started", "job_attempt_lost");
    assert_eq!(
        story(&installation, job_id)?,
        ["job_admitted", begun, lost, begun, lost, begun, lost, "job_settled"]
    );
    assert!(job["settled_event_id"].is_string(), "{job}");
    // Another job runs as if nothing had been.
    let job = wait(&client, submit(&client, &adult::quick_job("after"))?)?;
    assert_eq!(job["state"], json!("succeeded"), "{job}");
    require_sound(&installation)
}

#[test]
fn a_budget_that_covers_one_attempt_ends_the_job_after_one_crash() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    // Above one attempt's loss and below two.
    let delta = json!(1.5e-5);
    adult::register_with(&client, |card| card["privacy_budget"]["delta"] = delta.clone())?;
    let job_id = submit(&client, &adult::long_job("once"))?;
    kill_9(working_process(&client, job_id)?)?;
    let job = wait(&client, job_id)?;
    assert_eq!(job["state"], json!("failed"), "{job}");
    assert_eq!(job["failure"]["reason"], json!("budget_exhausted_on_retry"), "{job}");
    assert_eq!(job["failure"]["after"]["signal"], json!(9), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"]);
    assert_eq!(
        story(&installation, job_id)?,
        ["job_admitted", "job_attempt_started", "job_attempt_lost", "job_settled"]
    );
    let refused = client.post("/api/v1/jobs", &adult::quick_job("another"), None)?;
    assert_eq!(
        (refused.status, refused.text("/reasons/0/rule")),
        (403, "privacy_budget"),
        "{}",
        refused.body
    );
    require_sound(&installation)
}

#[test]
fn a_job_out_of_memory_fails_at_once_and_alone() -> Result<()> {
    let mut installation = Installation::new()?;
    installation.config.jobs.memory_limit_mib = 200;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let mut spec = adult::quick_job("greedy");
    spec["training"]["hidden"] = json!([1024, 1024, 1024, 1024]);
    let job = wait(&client, submit(&client, &spec)?)?;
    assert_eq!(job["state"], json!("failed"), "{job}");
    assert_eq!(job["failure"]["reason"], json!("out_of_memory"), "{job}");
    assert_eq!(job["attempt"], json!(1), "a limit that another attempt would meet again: {job}");
    client.get("/api/v1/jobs")?.expect(200)?;
    require_sound(&installation)
}

#[test]
fn a_reported_failure_is_final_and_counts_as_spent() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let mut spec = adult::quick_job("no-such-device");
    spec["device"] = json!("cuda");
    let job_id = submit(&client, &spec)?;
    let job = wait(&client, job_id)?;
    assert_eq!(job["state"], json!("failed"), "{job}");
    assert_eq!(job["failure"]["reason"], json!("job_error"), "{job}");
    assert_eq!(
        story(&installation, job_id)?,
        ["job_admitted", "job_attempt_started", "job_settled"]
    );
    // The child says that it had not opened the data; but it held the keys, so nobody else can know.
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"]);
    // Its words stay out of the log, which nobody can edit later.
    let settled = events(&installation, job_id)?.pop().context("settled")?.1;
    assert_eq!(settled["detail"], json!({ "reason": "job_error" }));
    require_sound(&installation)
}

#[test]
fn a_running_child_shows_no_secret_to_those_who_look_at_processes() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let job_id = submit(&client, &adult::long_job("watched"))?;
    let child = working_process(&client, job_id)?;
    let environment = std::fs::read(format!("/proc/{child}/environ"))?;
    assert_eq!(arguments(child).get(1..), Some(["run-job".to_owned()].as_slice()));
    assert_eq!(String::from_utf8_lossy(&environment), "RAYON_NUM_THREADS=2\0");
    // Nor does the folder it works in: what lies there is sealed.
    let folder = std::fs::read_link(format!("/proc/{child}/cwd"))?;
    for file in std::fs::read_dir(&folder)?.flatten() {
        let bytes = std::fs::read(file.path())?;
        let plain = [b"Never-married".as_slice(), b"data_key", b"outcome_key"];
        let found = plain.iter().find(|word| bytes.windows(word.len()).any(|part| part == **word));
        assert_eq!(found, None, "{}", file.path().display());
    }
    let job: Value = wait(&client, job_id)?;
    assert_eq!(job["state"], json!("succeeded"), "{job}");
    assert!(!folder.exists(), "the scratch folder is gone with the attempt");
    Ok(())
}
