//! The command line: one binary, many subcommands.

mod arguments;
mod operator;
mod person;
mod plugin;
mod serve;
mod verify;

use std::process::ExitCode;

pub use arguments::{Arguments, Command, Connection, DemoOptions};
pub use operator::replay_all;
pub use person::{read_token, register as register_key, send_approval};
pub use serve::{Database, begin_log, block_on, database_ended, wait_for_stop};
pub use verify::describe;

use crate::error::{Error, Result};

/// Runs a command.
///
/// # Errors
/// Whatever the command meets; `main` prints it.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        // Its lines go to standard output and nothing else may.
        Command::RunJob => {
            let code = crate::engine::run_job::run_job();
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        command => {
            // The demo tells its own story; of its libraries only failures are worth a line.
            start_tracing(if matches!(command, Command::Demo(_)) { "error" } else { "warn" })?;
            run_command(arguments.config.as_deref(), command)
        }
    }
}

fn run_command(config_path: Option<&std::path::Path>, command: Command) -> Result<ExitCode> {
    let config = crate::config::Config::load(config_path)?;
    match command {
        Command::Demo(options) => crate::demo::run(&options),
        Command::Serve { parts } => serve::serve(config, &parts),
        Command::Migrate => operator::migrate(&config),
        Command::Log(log) => operator::log(&config, &log),
        Command::Principal(principal) => operator::principal(&config, &principal),
        Command::Export { out } => operator::export(&config, &out),
        Command::Replay => operator::replay(&config),
        Command::Keys(keys) => person::keys(&keys),
        Command::Approve(approve) => person::approve(&approve),
        Command::Submit(submit) => person::submit(&submit),
        Command::Verify(options) => verify::verify(&options),
        Command::Prove { export, index } => verify::prove(&export, index),
        Command::VerifyReport { report, key } => verify::verify_report(&report, &key),
        Command::Plugin(command) => plugin::plugin(&command),
        Command::Openapi => {
            println!("{}", crate::http::openapi::document()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::RunJob => Err(Error::bug("run-job is handled before")),
    }
}

fn start_tracing(level: &str) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CHANCERY_LOG")
        // At shutdown sqlx warns of each pooled connection whose runtime ended first, which is harmless.
        .unwrap_or_else(|_| {
            tracing_subscriber::EnvFilter::new(format!("{level},sqlx_core::pool::connection=error"))
        });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(Error::bug)
}
