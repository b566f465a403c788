//! Children that cannot start, lie, hang or are told to stop: none makes a model, keeps a slot, or
//! spends what it did not touch.

use std::path::PathBuf;

use anyhow::Result;
use chancery::client::Client;
use chancery_tests::invariants::{Jobs, require_consistent};
use chancery_tests::jobs::{
    kill_9, kinds, process_of, reservations, script, submit, until, wait, working_process,
};
use chancery_tests::{Installation, Running, adult, program};
use serde_json::{Value, json};
use uuid::Uuid;

/// An installation whose jobs are run by `program`, with its data registered.
fn begin(installation: &Installation, program: PathBuf) -> Result<(Running, Client)> {
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start_with(program)?;
    let client = running.client(&token);
    adult::register(&client)?;
    Ok((running, client))
}

/// Runs one job under a script and answers how it ended; no process of it is left then.
fn run_under(installation: &Installation, lines: &str) -> Result<(Uuid, Value)> {
    let program = script(&installation.config.data_directory, "stand-in", lines)?;
    let (running, client) = begin(installation, program)?;
    let job_id = submit(&client, &adult::quick_job("stand-in"))?;
    let job = wait(&client, job_id)?;
    assert_eq!(job["state"], json!("failed"), "{job}");
    until("the end of its process", || Ok(process_of(job_id).is_none().then_some(())))?;
    running.service.stop();
    require_consistent(&installation.address, Jobs::Ended)?;
    Ok((job_id, job))
}

fn once() -> Result<Installation> {
    let mut installation = Installation::new()?;
    installation.config.jobs.attempts_max = 1;
    Ok(installation)
}

#[test]
fn a_program_that_cannot_start_spends_nothing_and_is_given_up() -> Result<()> {
    let installation = Installation::new()?;
    let (running, client) = begin(&installation, PathBuf::from("/nonexistent/chancery"))?;
    let job_id = submit(&client, &adult::quick_job("unstartable"))?;
    let job = wait(&client, job_id)?;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("failed"), &json!(3)), "{job}");
    assert_eq!(job["failure"]["reason"], json!("platform_error"), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["released"; 3]);
    running.service.stop();
    require_consistent(&installation.address, Jobs::Ended)
}

#[test]
fn garbage_is_no_result_and_counts_as_spent() -> Result<()> {
    let installation = Installation::new()?;
    let (job_id, job) = run_under(&installation, "echo 'this is no line of ours'; exit 0")?;
    assert_eq!(job["failure"]["reason"], json!("platform_error"), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"; 3]);
    Ok(())
}

#[test]
fn success_without_an_outcome_is_a_crash() -> Result<()> {
    let installation = once()?;
    let (_, job) = run_under(&installation, "exit 0")?;
    assert_eq!(job["failure"]["reason"], json!("crash"), "{job}");
    Ok(())
}

#[test]
fn an_outcome_altered_on_its_way_is_refused() -> Result<()> {
    let installation = once()?;
    // The real program does the real work; whoever carries its lines makes the model look better.
    let real = program()?;
    let lines =
        format!(r#"{} run-job | sed 's/\\"parameters\\":/\\"parameters\\":9/'"#, real.display());
    let (_, job) = run_under(&installation, &lines)?;
    assert!(job["failure"]["detail"].to_string().contains("not sealed by its order"), "{job}");
    Ok(())
}

#[test]
fn the_same_pipe_without_the_forgery_succeeds() -> Result<()> {
    let installation = once()?;
    let folder = &installation.config.data_directory;
    let lines = format!("{} run-job | cat", program()?.display());
    let (_running, client) = begin(&installation, script(folder, "stand-in", &lines)?)?;
    let job = wait(&client, submit(&client, &adult::quick_job("honest"))?)?;
    assert_eq!(job["state"], json!("succeeded"), "{job}");
    Ok(())
}

#[test]
fn a_made_up_outcome_is_refused() -> Result<()> {
    let installation = once()?;
    let line = json!({ "type": "outcome", "body": "{}", "seal": "00".repeat(32) });
    let (_, job) = run_under(&installation, &format!("echo '{line}'; exit 0"))?;
    assert!(job["failure"]["detail"].to_string().contains("not sealed by its order"), "{job}");
    Ok(())
}

#[test]
fn a_child_that_closes_its_output_and_lives_on_keeps_no_slot() -> Result<()> {
    let installation = once()?;
    let (_, job) = run_under(&installation, "exec sleep 1000 >&- 2>&-")?;
    assert!(job["failure"]["detail"].to_string().contains("did not end"), "{job}");
    Ok(())
}

#[test]
fn a_line_without_end_is_cut() -> Result<()> {
    let installation = once()?;
    let (_, job) = run_under(&installation, r"exec tr '\000' x < /dev/zero")?;
    assert!(job["failure"]["detail"].to_string().contains("a line without end"), "{job}");
    Ok(())
}

#[test]
fn the_wall_limit_ends_a_job_for_good() -> Result<()> {
    let mut installation = Installation::new()?;
    installation.config.jobs.wall_limit_seconds = 1;
    let (job_id, job) = run_under(&installation, "exec sleep 1000")?;
    assert_eq!(job["failure"], json!({ "reason": "wall_limit", "limit_seconds": 1 }));
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"]);
    Ok(())
}

#[test]
fn cancelling_gives_back_what_waited_and_spends_what_ran() -> Result<()> {
    let installation = Installation::new()?;
    let (_running, client) = begin(&installation, program()?)?;
    let runs = submit(&client, &adult::long_job("runs"))?;
    let waits = submit(&client, &adult::quick_job("waits"))?;
    let child = working_process(&client, runs)?;
    let cancel =
        |job_id: Uuid| client.post(&format!("/api/v1/jobs/{job_id}/cancel"), &json!({}), None);
    assert_eq!(cancel(waits)?.expect(202)?["state"], json!("cancelled"));
    assert_eq!(cancel(runs)?.expect(202)?["state"], json!("cancelling"));
    assert_eq!(wait(&client, runs)?["state"], json!("cancelled"));
    assert_eq!(reservations(&installation.address, waits)?, ["released"]);
    assert_eq!(reservations(&installation.address, runs)?, ["committed"]);
    until("the child's end", || Ok((process_of(runs) != Some(child)).then_some(())))?;
    assert_eq!(cancel(runs)?.status, 409, "it has ended already");
    require_consistent(&installation.address, Jobs::Ended)
}

#[test]
fn a_cancelled_job_that_crashes_first_is_not_tried_again() -> Result<()> {
    let installation = Installation::new()?;
    let (_running, client) = begin(&installation, program()?)?;
    let job_id = submit(&client, &adult::long_job("crossed"))?;
    let child = working_process(&client, job_id)?;
    client.post(&format!("/api/v1/jobs/{job_id}/cancel"), &json!({}), None)?.expect(202)?;
    // It may have been ended by the cancellation already.
    let _ = kill_9(child);
    let job = wait(&client, job_id)?;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("cancelled"), &json!(1)), "{job}");
    assert_eq!(reservations(&installation.address, job_id)?, ["committed"]);
    assert_eq!(
        kinds(&installation, job_id)?.iter().filter(|kind| *kind == "job_settled").count(),
        1
    );
    require_consistent(&installation.address, Jobs::Ended)
}
