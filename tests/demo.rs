//! `chancery demo` as a person meets it: the built program, its words and its exit codes.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use chancery_tests::process::command;

/// What the story tells, in this order.
const MILESTONES: [&str; 12] = [
    "DENIED by GDPR Art. 6 (gdpr_6_legal_basis)",
    "ADMITTED income-unmitigated",
    "\"income-unmitigated\": accuracy and fairness",
    "gate after evaluation: FAILED",
    "gate after evaluation: passed",
    "reviewer-one signed",
    "with one approval: DENIED",
    "reviewer-two signed",
    "deployed, answers at: /api/v1/deployments/income/predict",
    "events, OK",
    "TAMPERED:",
    "verified offline: ",
];

fn demo(directory: &Path, more: &[&str]) -> Result<Command> {
    let directory = directory.to_str().context("a path in UTF-8")?;
    let mut arguments = vec!["demo", "--once", "--directory", directory, "--listen", "127.0.0.1:0"];
    arguments.extend(more);
    command(&arguments)
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn require_success(output: &Output) -> String {
    let (said, complained) = words(output);
    assert!(output.status.success(), "{said}\n{complained}");
    said
}

#[test]
fn the_story_is_told_in_order_and_a_second_run_finds_it_done() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let directory = folder.path().join("demo");
    let said = require_success(&demo(&directory, &[])?.output()?);
    let mut rest = said.as_str();
    for milestone in MILESTONES {
        let (_, after) =
            rest.split_once(milestone).with_context(|| format!("{milestone:?} in {said}"))?;
        rest = after;
    }
    // The leaf that was altered is the one that is named.
    let altered = said.split_once("(leaf ").and_then(|(_, rest)| rest.split_once(')'));
    let altered = altered.context("the altered leaf")?.0;
    let verdict = said.split_once("TAMPERED:").context("the verdict")?.1;
    assert!(verdict.contains(&format!("leaf {altered}")), "{verdict}");
    assert!(!said.contains("the demo stopped"), "{said}");

    let again = require_success(&demo(&directory, &[])?.output()?);
    assert!(again.contains("registered by an earlier run"), "{again}");
    assert!(again.contains("deployed by an earlier run"), "{again}");
    let job = |text: &str, name: &str| -> Option<String> {
        let (_, rest) = text.split_once(&format!("ADMITTED {name}: job "))?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let first = job(&said, "income-unmitigated").context("a job")?;
    assert_eq!(job(&again, "income-unmitigated"), Some(first), "no second training");
    assert_eq!(spent(&said), spent(&again), "nothing was spent again");

    // The folder is private, and so are the secrets in it.
    assert_eq!(std::fs::metadata(&directory)?.mode() & 0o777, 0o700);
    for secret in
        ["keys/log.p8", "keys/master.key", "people/engineer.token", "people/reviewer-one.p8"]
    {
        assert_eq!(std::fs::metadata(directory.join(secret))?.mode() & 0o777, 0o600, "{secret}");
    }
    Ok(())
}

fn spent(said: &str) -> Option<&str> {
    said.split_once("privacy budget: ")?.1.lines().next()
}

#[test]
fn a_folder_that_is_no_demo_is_left_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let precious = folder.path().join("thesis.txt");
    std::fs::write(&precious, "years of work")?;
    let output = demo(folder.path(), &["--fresh"])?.output()?;
    let (_, complained) = words(&output);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(complained.contains("holds no demo"), "{complained}");
    assert_eq!(std::fs::read_to_string(precious)?, "years of work");
    Ok(())
}

#[test]
fn wrong_arguments_get_usage_and_exit_code_2() -> Result<()> {
    for wrong in [&["demo", "--nonsense"][..], &["demo", "extra"], &["nonsense"], &[]] {
        let output = command(wrong)?.output()?;
        let (_, complained) = words(&output);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {complained}");
        assert!(complained.contains("Usage: chancery"), "{wrong:?}: {complained}");
    }
    Ok(())
}

/// A taken port ends the start before anything is trained: what is told is the address and the reason.
#[test]
fn a_taken_port_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let directory = folder.path().join("demo");
    let directory = directory.to_str().context("a path in UTF-8")?;
    let arguments = ["demo", "--once", "--directory", directory, "--listen", &address];
    let output = command(&arguments)?.output()?;
    let (_, complained) = words(&output);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(complained.contains(&format!("listening on {address}")), "{complained}");
    assert!(complained.contains("in use"), "{complained}");
    Ok(())
}

/// A demo that runs keeps its folder: neither a second one nor `--fresh` touches it. It shows first that
/// nothing but the folder is needed: home and temporary folder cannot be written, and neither can the
/// folder that it is started in.
#[test]
fn a_running_demo_keeps_its_folder_and_needs_no_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let directory = folder.path().join("demo");
    let mut first = demo(&directory, &[])?
        .env("HOME", "/proc/nowhere")
        .env("TMPDIR", "/proc/nowhere")
        .current_dir("/proc")
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    chancery_tests::jobs::until("the first demo's database", || {
        Ok(directory.join("postgres/cluster/postmaster.pid").exists().then_some(()))
    })?;
    for more in [&["--fresh"][..], &[]] {
        let output = demo(&directory, more)?.output()?;
        let (_, complained) = words(&output);
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert!(complained.contains("another process"), "{complained}");
    }
    assert!(directory.join("postgres/cluster").exists());
    first.stdout.take().map(std::io::read_to_string).transpose()?;
    assert!(first.wait()?.success());
    Ok(())
}

/// Root can play another user; other users are one already.
#[test]
fn another_user_can_run_it_in_a_folder_of_its_own() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("not root: every other test here has shown it");
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("chancery-user-").tempdir_in("/tmp")?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    // The build folder may be closed to others.
    let program = folder.path().join("chancery");
    std::fs::copy(chancery_tests::program()?, &program)?;
    let home = folder.path().join("home");
    std::fs::create_dir(&home)?;
    std::os::unix::fs::chown(&home, Some(65534), Some(65534))?;
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["demo", "--once", "--listen", "127.0.0.1:0", "--directory"])
        .arg(home.join("demo"))
        .env_remove("DATABASE_URL")
        .current_dir(&home)
        .output()?;
    let said = require_success(&output);
    assert!(said.contains("proven"), "{said}");
    Ok(())
}
