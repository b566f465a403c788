//! kill -9 of server, job and database at ten random moments: after restarts the log verifies and extends
//! every checkpoint that was ever seen, no admitted job is lost, and no budget passes its cap.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use chancery::cli::Database;
use chancery::client::Client;
use chancery::config::Config;
use chancery_tests::adult;
use chancery_tests::invariants::{Jobs, checkpoint, require_consistent, require_log_verifies};
use chancery_tests::jobs::until;
use chancery_tests::process::{Choices, Server, command};
use serde_json::{Value, json};

/// Runs of the demo until it ends in success or for lack of budget: each run submits a job anew once.
const FINAL_RUNS_MAX: u32 = 8;

#[test]
fn the_demo_survives_ten_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut choices = Choices::new();
    let mut victims = choices.victims();
    // Attempts that are killed are spent for good, so a demo's budget is gone after a few kills in the
    // middle of a training. It says so; then its record must hold, and the next demo takes the rest.
    for round in 0.. {
        let directory = folder.path().join(format!("demo-{round}"));
        let config = Config { data_directory: directory.clone(), ..Config::default() };
        let seen = kill_until_short_of_budget(&config, &mut choices, &mut victims)?;
        finish(&directory)?;
        require_sound(&config, &seen)?;
        if victims.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

/// Answers the checkpoints that were seen before each kill.
fn kill_until_short_of_budget(
    config: &Config,
    choices: &mut Choices,
    victims: &mut Vec<chancery_tests::process::Victim>,
) -> Result<Vec<String>> {
    let directory = config.data_directory.to_str().context("a path in UTF-8")?;
    let arguments = ["demo", "--directory", directory, "--listen", "127.0.0.1:0"];
    let mut server = Server::new(&config.data_directory, &arguments);
    let mut seen = Vec::new();
    while let Some(victim) = victims.last().copied() {
        server.ensure_started()?;
        choices.pause(200, 8000);
        seen.extend(checkpoint(config));
        if let Some(status) = server.ended()? {
            // By itself: for a reason it gives, and a reason that killing explains.
            let output = server.output();
            ensure!(!status.success() && output.contains("--fresh"), "{output}");
            if output.contains("budget") {
                return Ok(seen);
            }
            continue;
        }
        println!("{:?} killed for {victim:?}", server.kill(victim)?);
        victims.pop();
    }
    Ok(seen)
}

/// Lets the demo go on until it ends, in success or for lack of budget.
fn finish(directory: &Path) -> Result<()> {
    let directory = directory.to_str().context("a path in UTF-8")?;
    let arguments = ["demo", "--once", "--directory", directory, "--listen", "127.0.0.1:0"];
    for _ in 0..FINAL_RUNS_MAX {
        let output = command(&arguments)?.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            println!("the demo's story ended well");
            return Ok(());
        }
        ensure!(said.contains("--fresh"), "{}{said}", String::from_utf8_lossy(&output.stdout));
        if said.contains("budget") {
            println!("the demo's budget was gone");
            return Ok(());
        }
    }
    anyhow::bail!("the demo did not come to an end")
}

fn require_sound(config: &Config, seen: &[String]) -> Result<()> {
    let database = Database::open(config)?;
    require_consistent(&database.address, Jobs::Ended)?;
    let size = require_log_verifies(config, &database.address, seen)?;
    println!("{size} events, which extend {} checkpoints", seen.len());
    Ok(())
}

#[test]
fn a_server_with_cheap_jobs_finishes_them_all_after_ten_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config { data_directory: folder.path().join("data"), ..Config::default() };
    let file = folder.path().join("chancery.toml");
    let settings = format!(
        "listen = \"127.0.0.1:0\"\ndata_directory = {:?}\nlog_origin = {:?}\n[jobs]\nlease_seconds = 2\nattempts_max = 10\n",
        config.data_directory, config.log_origin
    );
    std::fs::write(&file, settings)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let token_file = folder.path().join("engineer.token");
    let token_path = token_file.to_str().context("a path in UTF-8")?;
    ensure!(command(&["--config", file, "log", "create"])?.status()?.success());
    let enrol = [
        "--config",
        file,
        "principal",
        "--name",
        "e",
        "--role",
        "submitter",
        "--token-file",
        token_path,
    ];
    ensure!(command(&enrol)?.status()?.success());
    let token = std::fs::read_to_string(token_file)?;

    let mut server = Server::new(&config.data_directory, &["--config", file, "serve"]);
    let mut choices = Choices::new();
    let (mut seen, mut admitted) = (Vec::new(), Vec::new());
    let client = connect(&mut server, &token)?;
    adult::register(&client)?;
    for (number, victim) in choices.victims().into_iter().enumerate() {
        let client = connect(&mut server, &token)?;
        // A job whose admission was answered must never be lost.
        let mut spec = adult::long_job(&format!("job-{number}"));
        spec["training"]["privacy"]["delta"] = json!(1e-7);
        let answer = client.post("/api/v1/jobs", &spec, None)?.expect(202)?;
        admitted.push(answer["job_id"].as_str().context("a job id")?.to_owned());
        choices.pause(50, 2500);
        seen.extend(checkpoint(&config));
        println!("{:?} killed for {victim:?}", server.kill(victim)?);
    }
    let client = connect(&mut server, &token)?;
    for job_id in &admitted {
        let job = until("a job's end", || ended(&client, job_id))?;
        assert_eq!(job["state"], json!("succeeded"), "{job}");
    }
    seen.extend(checkpoint(&config));
    drop(server);
    require_sound(&config, &seen)
}

fn ended(client: &Client, job_id: &str) -> Result<Option<Value>> {
    let job = client.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
    Ok((!["queued", "running"].contains(&job["state"].as_str().unwrap_or_default())).then_some(job))
}

/// Starts the server where it does not run, and waits until it says where it listens.
fn connect(server: &mut Server, token: &str) -> Result<Client> {
    server.ensure_started()?;
    let address = until("a listening server", || {
        ensure!(server.ended()?.is_none(), "{}", server.output());
        let output = server.output();
        let line = output.lines().find_map(|line| line.strip_prefix("chancery serves "));
        Ok(line.map(str::to_owned))
    })?;
    Ok(Client::new(&address, token.trim()))
}
