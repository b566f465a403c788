//! Training a tabular network, with differential privacy or without.
//!
//! In a private run the order of one step is: draw a Poisson batch, clip each row's gradient, sum
//! on the integer grid, add discrete Gaussian noise, and only then let the optimiser see it. All
//! that leaves the step is covered by [`crate::privacy::loss`]. Loss and accuracy on the training
//! rows are not covered by it and are never reported, private or not: progress is measured on the
//! evaluation split, which must hold other people and is outside the stated loss.
//!
//! Sampling and noise of a private run come from the operating system, since noise that a known
//! seed can reproduce hides nothing; so a private run cannot be replayed bit by bit. A run without
//! privacy is a function of its seed and data.

mod balance;
mod gradient;
mod optimizer;
mod run;
mod spec;

use std::ops::ControlFlow;

use burn::backend::Flex;
use serde::{Deserialize, Serialize};

pub use spec::{
    Duration, Mitigation, NOISE_MULTIPLIER_MAX, NOISE_MULTIPLIER_MIN, Optimizer, PrivacySpec,
    TrainSpec,
};

use crate::device::Device;
use crate::tabular::TabularData;
use crate::{KernelError, TrainedModel};

/// Where a run stands. Reported about 25 times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps taken.
    pub step: u32,
    /// Steps in all.
    pub steps: u32,
    /// Mean log loss on the evaluation split, where one was given.
    pub loss: Option<f64>,
    /// Accuracy at threshold 0.5 on the evaluation split, where one was given.
    pub accuracy: Option<f64>,
    /// ε spent by the steps so far and all count releases, in a private run.
    pub epsilon_so_far: Option<f64>,
}

/// Trains a network on `data`.
///
/// `on_progress` may stop the run; the data has been touched by then, so the loss counts as spent.
///
/// # Errors
/// [`KernelError::Spec`] or [`KernelError::Schema`] for what does not fit together, before any row
/// is read; [`KernelError::Stopped`], [`KernelError::Diverged`] during the run.
pub fn train(
    spec: &TrainSpec,
    data: &TabularData,
    evaluation: Option<&TabularData>,
    device: &Device,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<TrainedModel, KernelError> {
    match device {
        Device::Cpu => run::run::<Flex>(spec, data, evaluation, &Default::default(), on_progress),
        #[cfg(feature = "cuda")]
        Device::Cuda { index, .. } => {
            let device = burn::backend::cuda::CudaDevice { index: *index };
            run::run::<burn::backend::Cuda>(spec, data, evaluation, &device, on_progress)
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda { .. } => {
            Err(KernelError::DeviceUnavailable("this build has no CUDA backend".into()))
        }
    }
}
