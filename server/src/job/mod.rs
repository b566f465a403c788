//! The story of a job: spec → admit → dispatch → settle → approve → deploy → predict.
//!
//! Each step is one transaction that carries the state change and its event.

pub mod admit;
pub mod approve;
pub mod cancel;
pub mod dataset;
pub mod deploy;
pub mod dispatch;
pub mod facts;
pub mod gate;
pub mod people;
pub mod predict;
pub mod session;
pub mod settle;
pub mod spec;
pub mod system;
