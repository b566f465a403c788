//! Arguments → configuration → a command. All of it is in the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = chancery::cli::Arguments::parse();
    match chancery::cli::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            match &error {
                chancery::error::Error::Invalid { at, detail } => {
                    eprintln!("chancery: {at}: {detail}")
                }
                other => eprintln!("chancery: {other}"),
            }
            ExitCode::FAILURE
        }
    }
}
