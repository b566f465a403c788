//! Learning that can be accounted for: tabular networks trained with or without differential
//! privacy, the mechanisms and the accountant behind the stated loss, fairness metrics and
//! mitigation, and a deterministic artefact format.
//!
//! No HTTP, no SQL, no clock. The order of a private run is fixed: [`privacy::loss`] states the
//! cost from public numbers only, the caller reserves it, and only then [`train::train`] touches
//! the data.

pub mod adult;
pub mod artefact;
pub mod device;
mod error;
pub mod evaluate;
pub mod fairness;
mod intervals;
mod model;
mod network;
mod predict;
pub mod privacy;
pub mod tabular;
pub mod train;

pub use artefact::{from_safetensors, to_safetensors};
pub use error::KernelError;
pub use evaluate::evaluate;
pub use model::TrainedModel;
pub use predict::{predict, predict_rows};
