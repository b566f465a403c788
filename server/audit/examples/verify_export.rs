//! Verifies an export folder with nothing but this crate.
//!
//! `cargo run -p chancery-audit --example verify_export -- FOLDER VKEY [TRUSTED_CHECKPOINT]`

use std::{error::Error, fs, io, path::PathBuf, process::ExitCode};

use chancery_audit::{
    checkpoint::SignedCheckpoint,
    export::{ExportReader, verify_export},
    note::VerifierKey,
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, key, trusted) = match arguments.as_slice() {
        [folder, key] => (folder, key, None),
        [folder, key, trusted] => (folder, key, Some(fs::read(trusted)?)),
        _ => return Err("usage: verify_export FOLDER VKEY [TRUSTED_CHECKPOINT]".into()),
    };
    let key = VerifierKey::parse(key)?;
    let trusted = trusted.map(|bytes| SignedCheckpoint::parse(&bytes)).transpose()?;
    let report = verify_export(&Folder(folder.into()), &key, trusted.as_ref());
    for finding in &report.findings {
        println!("{finding}");
    }
    println!("{} leaves, {} faults", report.size(), report.findings.len());
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Folder(PathBuf);

impl ExportReader for Folder {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
