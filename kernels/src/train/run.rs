//! The training loop, on any backend.

use std::ops::ControlFlow;

use burn::tensor::backend::Backend;

use super::balance::Balance;
use super::gradient::{LayerBlocks, RowTerm, fold_blocks, gradient_blocks};
use super::optimizer::OptimizerState;
use super::{Progress, TrainSpec};
use crate::KernelError;
use crate::model::{TrainedModel, log_loss_and_accuracy};
use crate::network::Network;
use crate::predict::probabilities;
use crate::privacy::{self, Accountant, GradientGrid, NoiseSource, PoissonSampler};
use crate::tabular::TabularData;

/// Reports in a run.
const REPORTS: u32 = 25;

pub(super) fn run<B: Backend>(
    spec: &TrainSpec,
    data: &TabularData,
    evaluation: Option<&TabularData>,
    device: &B::Device,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<TrainedModel, KernelError> {
    let loss = privacy::loss(spec, data.rows() as u64)?;
    check_tables(spec, data, evaluation)?;
    let mut run = Run::<B>::start(spec, data, device)?;
    for step in 1..=run.steps {
        run.step().map_err(|error| at_step(error, step))?;
        if run.balance.is_due(step, run.steps) {
            let probabilities = probabilities::<B>(&run.network, data.features(), device)?;
            let selected: Vec<bool> = probabilities.iter().map(|p| *p >= 0.5).collect();
            run.balance.ascend(&selected)?;
        }
        if step % run.steps.div_ceil(REPORTS) == 0 || step == run.steps {
            let progress = run.progress(step, evaluation)?;
            if on_progress(progress).is_break() {
                return Err(KernelError::Stopped { step });
            }
        }
    }
    TrainedModel::new(spec.clone(), data, run.network, loss)
}

fn at_step(error: KernelError, step: u32) -> KernelError {
    match error {
        KernelError::Diverged { .. } => KernelError::Diverged { step },
        other => other,
    }
}

fn check_tables(
    spec: &TrainSpec,
    data: &TabularData,
    evaluation: Option<&TabularData>,
) -> Result<(), KernelError> {
    if data.feature_names() != spec.features {
        return Err(KernelError::Mismatch(
            "the table was not read with the spec's features".into(),
        ));
    }
    let same = |other: &TabularData| {
        other.schema_digest() == data.schema_digest()
            && other.feature_names() == data.feature_names()
    };
    if evaluation.is_some_and(|other| !same(other)) {
        return Err(KernelError::Mismatch(
            "training and evaluation rows were read under different schemas or features".into(),
        ));
    }
    Ok(())
}

/// All that changes during a run.
struct Run<'a, B: Backend> {
    spec: &'a TrainSpec,
    data: &'a TabularData,
    device: &'a B::Device,
    steps: u32,
    network: Network,
    optimizer: OptimizerState,
    sampler: PoissonSampler,
    balance: Balance<'a>,
    private: Option<PrivateSum>,
}

/// What a private run adds to a gradient sum, and what it has spent.
struct PrivateSum {
    grid: GradientGrid,
    noise: NoiseSource,
    accountant: Accountant,
}

impl<'a, B: Backend> Run<'a, B> {
    fn start(
        spec: &'a TrainSpec,
        data: &'a TabularData,
        device: &'a B::Device,
    ) -> Result<Self, KernelError> {
        let rows = data.rows() as u64;
        let steps = spec.steps(rows)?;
        let widths = [&[data.width()], spec.hidden.as_slice(), &[1]].concat();
        let network = Network::initialised(widths, spec.seed);
        let parameters = network.parameters().len();
        let batch = spec.batch_size_expected;
        let row_count = u32::try_from(rows)
            .map_err(|_| KernelError::Mismatch("the table has over 4 billion rows".into()))?;
        Ok(Self {
            sampler: PoissonSampler::new(sampling_key(spec)?, row_count, batch, steps),
            optimizer: OptimizerState::new(spec.optimizer, spec.learning_rate, parameters),
            balance: Balance::new(spec, data)?,
            private: PrivateSum::new(spec, rows, parameters, steps)?,
            spec,
            data,
            device,
            steps,
            network,
        })
    }

    fn step(&mut self) -> Result<(), KernelError> {
        let batch = self.sampler.next_batch();
        let mut gradient = self.gradient_sum(&batch)?;
        let scale = self.balance.weight_scale() / f64::from(self.spec.batch_size_expected);
        gradient.iter_mut().for_each(|value| *value *= scale);
        self.optimizer.step(self.network.parameters_mut(), &gradient);
        if self.network.parameters().iter().any(|parameter| !parameter.is_finite()) {
            return Err(KernelError::Diverged { step: 0 });
        }
        Ok(())
    }

    /// Sum of the batch's gradients; clipped and noised in a private run, where an empty batch
    /// gives noise alone.
    fn gradient_sum(&mut self, batch: &[u32]) -> Result<Vec<f64>, KernelError> {
        let parameters = self.network.parameters().len();
        let rows = batch.iter().map(|&row| row as usize);
        let inputs = rows.clone().flat_map(|row| self.data.row(row)).copied().collect();
        let terms: Vec<RowTerm> = rows.map(|row| self.balance.term(row)).collect();
        let clip_norm = self.spec.privacy.map(|privacy| privacy.clip_norm);
        let blocks = if terms.is_empty() {
            Vec::new()
        } else {
            gradient_blocks::<B>(&self.network, inputs, &terms, clip_norm, self.device)?
        };
        Ok(match &mut self.private {
            Some(private) => private.noisy_sum(&blocks, parameters),
            None => {
                let mut sums = vec![0.0; parameters];
                fold_blocks(&blocks, &mut sums, |sum, value| *sum += f64::from(value));
                sums
            }
        })
    }

    fn progress(
        &self,
        step: u32,
        evaluation: Option<&TabularData>,
    ) -> Result<Progress, KernelError> {
        let measured = evaluation.map(|rows| {
            let probabilities = probabilities::<B>(&self.network, rows.features(), self.device)?;
            Ok::<_, KernelError>(log_loss_and_accuracy(&probabilities, rows.labels()))
        });
        let measured = measured.transpose()?;
        let epsilon = self.private.as_ref().zip(self.spec.privacy).map(|(private, privacy)| {
            let steps = privacy::stated_epsilon(&private.accountant, privacy.delta);
            Ok::<_, KernelError>(steps + privacy::mitigation_epsilon(self.spec)?)
        });
        Ok(Progress {
            step,
            steps: self.steps,
            loss: measured.map(|(loss, _)| loss),
            accuracy: measured.map(|(_, accuracy)| accuracy),
            epsilon_so_far: epsilon.transpose()?,
        })
    }
}

impl PrivateSum {
    fn new(
        spec: &TrainSpec,
        rows: u64,
        parameters: usize,
        steps: u32,
    ) -> Result<Option<Self>, KernelError> {
        let Some(privacy) = spec.privacy else { return Ok(None) };
        let (sigma, batch) = (privacy.noise_multiplier, spec.batch_size_expected);
        Ok(Some(Self {
            grid: GradientGrid::new(privacy.clip_norm, sigma, parameters, batch, steps),
            noise: NoiseSource::from_system()?,
            accountant: Accountant::new(sigma, spec.sampling_rate(rows)?),
        }))
    }

    /// Noise first, conversion to floating point last: nothing exact leaves this function.
    fn noisy_sum(&mut self, blocks: &[LayerBlocks], parameters: usize) -> Vec<f64> {
        let grid = self.grid;
        let mut sums = vec![0_i64; parameters];
        fold_blocks(blocks, &mut sums, |sum, value| *sum += grid.round(value));
        self.noise.add_noise(&mut sums, grid.sigma_units());
        self.accountant.add_steps(1);
        sums.into_iter().map(|units| grid.value(units)).collect()
    }
}

/// Secret in a private run, a function of the seed otherwise.
fn sampling_key(spec: &TrainSpec) -> Result<[u8; 32], KernelError> {
    if spec.privacy.is_some() {
        return privacy::system_key();
    }
    let mut key = *b"chancery batches, no privacy key";
    key[..8].copy_from_slice(&spec.seed.to_le_bytes());
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::backend::Flex;

    use super::*;
    use crate::adult;
    use crate::train::PrivacySpec;

    const ROW: &str = "39, Private, 1, Bachelors, 13, Divorced, Sales, Husband, White, Male, 2174, \
                       0, 40, Japan, >50K\n";

    /// Euclidean norm of the noisy sum over `batch` rows, clipped at `clip_norm`.
    fn norm_of_sum(noise_multiplier: f64, clip_norm: f64, batch: &[u32]) -> f64 {
        let schema = adult::schema();
        let features = schema.default_features();
        let data = TabularData::parse_csv(ROW.repeat(200).as_bytes(), &schema, &features).unwrap();
        let privacy = Some(PrivacySpec { noise_multiplier, clip_norm, delta: 1e-5 });
        let spec = TrainSpec {
            privacy,
            batch_size_expected: 100,
            hidden: vec![200],
            ..TrainSpec::with_features(features)
        };
        let device = Default::default();
        let mut run = Run::<Flex>::start(&spec, &data, &device).unwrap();
        let sums = run.gradient_sum(batch).unwrap();
        sums.iter().map(|value| value * value).sum::<f64>().sqrt()
    }

    /// 103 inputs, 200 hidden units, one output.
    const PARAMETERS: f64 = 103.0 * 200.0 + 200.0 + 200.0 + 1.0;

    #[test]
    fn an_empty_batch_gives_noise_of_the_stated_scale() {
        let norm = norm_of_sum(2.0, 0.5, &[]);
        // σ·C·√d, up to 2% for the sensitivity's margin; the norm's own deviation is 0.5%.
        let ratio = norm / (2.0 * 0.5 * PARAMETERS.sqrt());
        assert!((0.98..1.04).contains(&ratio), "{ratio}");
    }

    #[test]
    fn equal_rows_add_up_to_the_clipping_norm_each_and_noise() {
        let rows: Vec<u32> = (0..200).collect();
        let norm = norm_of_sum(0.3, 0.01, &rows);
        let noise = 0.3 * 0.01 * PARAMETERS.sqrt();
        let expected = (200.0 * 0.01_f64).hypot(noise);
        assert!((norm / expected - 1.0).abs() < 0.03, "{norm} vs {expected}");
    }
}
