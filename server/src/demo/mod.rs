//! `chancery demo`: sets everything up by itself and walks one real job through all rooms, over the real
//! REST API, on UCI Adult. A demo that was interrupted goes on where it stopped.

pub mod cards;
mod narrator;
mod people;
mod tamper;
mod training;
mod walk;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::{Database, DemoOptions, begin_log, block_on, database_ended, wait_for_stop};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::service::{Part, Service, Start};
use crate::store::migrate;

use narrator::Narrator;
use walk::Walk;

/// UCI Adult, training split; see `server/data/adult/README.md`.
pub static ADULT_TRAINING: &[u8] = include_bytes!("../../data/adult/adult.data.gz");
/// UCI Adult, held-out split.
pub static ADULT_EVALUATION: &[u8] = include_bytes!("../../data/adult/adult.test.gz");

/// Runs the demo.
///
/// # Errors
/// A step did not go as it must; the message says which and why.
pub fn run(options: &DemoOptions) -> Result<ExitCode> {
    if options.fresh {
        remove(&options.directory)?;
    }
    let config = config(options);
    let say = Narrator::new();
    say.step(1, "database, keys, log");
    let database = Database::open(&config)?;
    let kind = database.identity["version"].as_str().unwrap_or("the server of DATABASE_URL");
    say.fact("PostgreSQL", kind);
    prepare(&config, &database)?;
    let start = Start {
        config: config.clone(),
        address: database.address.clone(),
        clock: Clock::System,
        program: std::env::current_exe()
            .map_err(|why| Error::dependency("finding this program", why))?,
    };
    let people = people::People::enrol(&config, &database.address)?;
    let service = Service::start(&start, &Part::ALL)?;
    let address = service.address().ok_or_else(|| Error::bug("HTTP did not start"))?;
    let server = format!("http://{address}");
    say.fact("serving", &server);
    say.fact("log key", &crate::app::log_key(&config)?.to_string());

    let walk = Walk { server: &server, config: &config, people: &people, say: &say };
    let walked = walk.run(&database.address).and_then(|summary| {
        summary.print(&say, &server, people.directory());
        if options.once {
            return Ok(());
        }
        println!("\nServing on {server}. Stop with Ctrl-C.");
        wait_for_stop(&database)
    });
    if !database.is_running() {
        service.abandon();
        return Err(database_ended());
    }
    service.stop();
    drop(database);
    walked.map(|()| ExitCode::SUCCESS)
}

fn config(options: &DemoOptions) -> Config {
    Config {
        listen: options.listen.clone(),
        data_directory: options.directory.clone(),
        log_origin: "demo.chancery.example/log".into(),
        ..Config::default()
    }
}

/// Migrates, and begins the log on the very first run.
fn prepare(config: &Config, database: &Database) -> Result<()> {
    block_on(migrate::migrate(&database.address))??;
    if !block_on(migrate::log_exists(&database.address))?? {
        begin_log(config, &database.address)?;
    }
    // Not only on the first run: that one may have been killed just after the log began.
    block_on(crate::app::record_installation(&database.address, &database.identity))?
}

/// Removes an earlier demo, and nothing that is not one.
fn remove(directory: &Path) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    // Sealed off before anything is removed: a demo that still runs keeps its folder.
    crate::postgres::require_stopped(&directory.join("postgres"))
        .map_err(|why| Error::dependency(format!("removing {}", directory.display()), why))?;
    if !directory.join("keys").exists() && !directory.join("postgres").exists() {
        return Err(Error::invalid(
            directory.display().to_string(),
            "this folder holds no demo, so --fresh leaves it alone",
        ));
    }
    std::fs::remove_dir_all(directory)
        .map_err(|why| Error::dependency(format!("removing {}", directory.display()), why))
}
