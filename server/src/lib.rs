//! Chancery: machine learning that can prove what it did.
//!
//! No job runs without a gate decision, no decision stands without an event, no event changes
//! unnoticed. A request makes three hops: [`http`] → [`job`] → [`store`].

pub mod app;
pub mod blob;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod engine;
pub mod error;
pub mod export;
pub mod http;
pub mod job;
pub mod keys;
pub mod postgres;
pub mod proofs;
pub mod report;
pub mod sequencer;
pub mod service;
pub mod store;
