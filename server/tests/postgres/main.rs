//! The supervised PostgreSQL against real servers, crashes included: every test runs on the carried
//! one and on an installed one where there is one.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use chancery::postgres::{Postgres, PostgresError, ephemeral};
use rustix::process::Signal;

use support::*;

#[test]
fn a_restart_keeps_data_and_everything_is_private() {
    for config in configs() {
        let server = Postgres::start(config.on_new_directory()).unwrap();
        sql(&server, "CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 1000)");
        for setting in ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"] {
            assert_eq!(sql(&server, &format!("SHOW {setting}")), ["on"], "{setting}");
        }
        assert_eq!(sql(&server, "SHOW listen_addresses"), [""]);
        assert_eq!(sql(&server, "SHOW server_encoding"), ["UTF8"]);

        let identity = server.identity().clone();
        assert!(identity.version.starts_with("postgres (PostgreSQL) "), "{identity:?}");
        assert_eq!(identity.archive_sha256.is_some(), config.bin_directory.is_none());
        let directory = &identity.data_directory;
        assert_eq!(mode(directory), if config.steps_down() { 0o710 } else { 0o700 });
        assert_eq!(mode(server.socket_directory()), 0o700);
        assert_eq!(mode(&directory.join("cluster")), 0o700);
        assert_eq!(mode(&directory.join("postgres.log")), 0o600);
        assert_eq!(owner(&directory.join("cluster")) == 0, is_root() && !config.steps_down());

        let pid = server.postmaster_pid();
        server.stop().unwrap();
        assert!(!lives(pid));
        assert_eq!(fs::metadata(directory.join("cluster/postmaster.pid")).ok().map(|_| ()), None);

        let server = Postgres::start(config.on(directory)).unwrap();
        assert_eq!(server.identity(), &identity);
        assert_eq!(sql(&server, "SELECT count(*)::text FROM kept"), ["1000"]);
        let pid = server.postmaster_pid();
        drop(server);
        assert!(!lives(pid), "drop stops it");
    }
}

#[test]
fn a_killed_postmaster_is_recovered_once_its_last_session_is_gone() {
    for config in configs() {
        let server = Postgres::start(config.on_new_directory()).unwrap();
        let directory = server.identity().data_directory.clone();
        sql(&server, "CREATE TABLE kept (n int); CHECKPOINT; INSERT INTO kept VALUES (7)");
        // A session that computes does not look whether its postmaster lives.
        let busy = Session::open(&server);
        let working = busy.run_apart("SELECT count(*)::text FROM generate_series(1, 12000000)");
        wait_for("the long query", || {
            let active = "SELECT pid::text FROM pg_stat_activity WHERE query LIKE '%12000000%' \
                          AND state = 'active' AND pid <> pg_backend_pid()";
            !sql(&server, active).is_empty()
        });
        kill(server.postmaster_pid(), Signal::KILL);
        wait_for("the supervisor to notice", || !server.is_running());
        let error = server.stop().unwrap_err();
        assert!(matches!(error, PostgresError::Exited { .. }), "{error}");

        let server = Postgres::start(config.on(&directory)).unwrap();
        assert_eq!(sql(&server, "SELECT n::text FROM kept"), ["7"]);
        let log = fs::read_to_string(directory.join("postgres.log")).unwrap();
        assert!(log.contains("was not properly shut down"), "recovery ran: {log}");
        let _ = working.join();
    }
}

#[test]
fn a_killed_process_leaves_no_server_behind() {
    for config in configs() {
        let directory = new_directory();
        for round in 1..=2 {
            let mut parent = Parent::spawn(&config.on(&directory));
            assert!(lives(parent.postmaster));
            parent.kill();
            wait_for("the orphan's end", || !lives(parent.postmaster));
            // No wait in the second round: the start itself has to cope with the dying one.
            let mut parent = Parent::spawn(&config.on(&directory));
            parent.kill();
            let server = Postgres::start(config.on(&directory)).unwrap();
            assert!(!lives(parent.postmaster));
            let rows = sql(&server, "SELECT count(*)::text FROM starts");
            assert_eq!(rows, [(2 * round).to_string()]);
        }
    }
}

/// Not a test of its own: what [`Parent`] runs in another process, which is then killed.
#[test]
fn parent_process() {
    let Some(config) = Parent::config() else { return };
    let server = Postgres::start(config).unwrap();
    sql(&server, "CREATE TABLE IF NOT EXISTS starts (n int); INSERT INTO starts VALUES (1)");
    println!("\n{} {}", Parent::READY, server.postmaster_pid());
    std::thread::sleep(PATIENCE);
}

#[test]
fn a_living_postmaster_of_the_same_directory_is_stopped_first() {
    for config in configs() {
        let server = Postgres::start(config.on_new_directory()).unwrap();
        let identity = server.identity().clone();
        sql(&server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
        server.stop().unwrap();

        let mut orphan = spawn_untied(&identity);
        let server = Postgres::start(config.on(&identity.data_directory)).unwrap();
        // Not reaped yet: a zombie at the latest, since it was stopped and waited for.
        assert!(!lives(orphan.id()));
        let status = orphan.wait().unwrap();
        assert!(status.success(), "it was stopped well, and not killed: {status}");
        assert_ne!(server.postmaster_pid(), orphan.id());
        assert_eq!(sql(&server, "SELECT n::text FROM kept"), ["7"]);
    }
}

#[test]
fn leftovers_of_interrupted_starts_heal() {
    for config in configs() {
        let directory = new_directory();
        let half_made = directory.join("cluster.new");
        fs::create_dir(&half_made).unwrap();
        fs::write(half_made.join("PG_VERSION"), "1").unwrap();
        let server = Postgres::start(config.on(&directory)).unwrap();
        let bin = server.identity().bin_directory.clone();
        assert!(!half_made.exists());
        sql(&server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
        kill(server.postmaster_pid(), Signal::KILL);
        drop(server);

        if config.bin_directory.is_none() {
            fs::write(bin.join("initdb"), "cut").unwrap();
        }
        let pid_file = directory.join("cluster/postmaster.pid");
        let rest = fs::read_to_string(&pid_file).unwrap();
        let mut foreign = Command::new("sleep").arg("600").spawn().unwrap();
        let reused = rest.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
        for content in [format!("{}\n{reused}", foreign.id()), String::new()] {
            fs::write(&pid_file, content).unwrap();
            let server = Postgres::start(config.on(&directory)).unwrap();
            assert_eq!(sql(&server, "SELECT n::text FROM kept"), ["7"]);
            server.stop().unwrap();
        }
        assert!(lives(foreign.id()), "another program's process is left alone");
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }
}

#[test]
fn one_directory_has_one_supervisor() {
    for config in configs() {
        let directory = new_directory();
        let starts = [(); 2].map(|()| {
            let config = config.on(&directory);
            std::thread::spawn(move || Postgres::start(config))
        });
        let (started, refused): (Vec<_>, Vec<_>) =
            starts.map(|start| start.join().unwrap()).into_iter().partition(Result::is_ok);
        assert_eq!((started.len(), refused.len()), (1, 1));
        let error = refused.into_iter().next().unwrap().unwrap_err();
        assert!(matches!(error, PostgresError::AlreadyRunning { .. }), "{error}");
        assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
        drop(started);
        Postgres::start(config.on(&directory)).unwrap();
    }
}

#[test]
fn a_path_too_long_for_a_socket_still_works() {
    for config in configs() {
        // PostgreSQL reads the setting as a list, so a comma is as bad as length.
        for name in ["x".repeat(100), "with, comma".to_owned()] {
            let directory = new_directory();
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
            let server = Postgres::start(config.on(&directory.join(name))).unwrap();
            let socket = server.socket_directory().to_owned();
            assert!(!socket.starts_with(&directory));
            assert_eq!(mode(&socket), 0o700);
            assert_eq!(sql(&server, "SELECT 1::text"), ["1"]);
            server.stop().unwrap();
            assert!(!socket.exists());
        }
    }
}

#[test]
fn settings_that_lose_commits_are_refused() {
    for config in configs() {
        let server = Postgres::start(config.on_new_directory()).unwrap();
        let directory = server.identity().data_directory.clone();
        sql(&server, "ALTER SYSTEM SET fsync = off");
        server.stop().unwrap();
        let server = Postgres::start(config.on(&directory)).unwrap();
        assert_eq!(sql(&server, "SHOW fsync"), ["on"], "the command line wins over ALTER SYSTEM");
        sql(&server, "ALTER ROLE postgres SET synchronous_commit = off");
        server.stop().unwrap();
        let error = Postgres::start(config.on(&directory)).unwrap_err();
        assert!(
            matches!(error, PostgresError::NotDurable { setting: "synchronous_commit", .. }),
            "{error}"
        );
    }
}

#[test]
fn wrong_bin_directories_and_versions_are_told() {
    let directory = new_directory();
    let mut config = configs()[0].on(&directory);
    config.bin_directory = Some("/usr/share".into());
    let error = Postgres::start(config).unwrap_err().to_string();
    assert!(error.contains("/usr/share") && error.contains("CHANCERY_PG_BIN"), "{error}");
    assert!(error.contains("holds no program `postgres`"), "{error}");

    if let [carried, installed] = configs().as_slice() {
        drop(Postgres::start(carried.on(&directory)).unwrap());
        let error = Postgres::start(installed.on(&directory)).unwrap_err();
        assert!(matches!(error, PostgresError::VersionMismatch { cluster: 17, .. }), "{error}");
        drop(Postgres::start(carried.on(&directory)).expect("and back again"));
    }
}

#[test]
fn a_failing_server_is_told_with_the_end_of_its_log() {
    for config in configs() {
        let mut config = config.on_new_directory();
        config.max_connections = 0;
        let error = Postgres::start(config).unwrap_err();
        assert!(matches!(error, PostgresError::Exited { .. }), "{error}");
        assert!(error.to_string().contains("max_connections"), "{error}");
    }
}

#[test]
fn the_ephemeral_server_is_shared() {
    let servers = [(); 4].map(|()| std::thread::spawn(|| ephemeral().unwrap()));
    let servers = servers.map(|server| server.join().unwrap());
    assert!(servers.iter().all(|server| std::ptr::eq(*server, servers[0])));
    sql(servers[0], "CREATE DATABASE one");
    assert_eq!(sql(servers[1], "SELECT datname FROM pg_database WHERE datname = 'one'"), ["one"]);
    assert!(Path::new(&servers[0].identity().data_directory).starts_with(std::env::temp_dir()));
}
