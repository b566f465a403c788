//! Where a job's process runs. Today: a child process on this machine ([`local`]).
//!
//! An engine hands a [`order::JobOrder`] to `chancery run-job` and brings back its lines. The process has
//! no database credentials, no signing key and no need of a network.

pub mod local;
pub mod order;
pub mod run_job;
