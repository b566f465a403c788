//! Sums of clipped per-row gradients in one pass: ghost clipping with book-keeping.
//!
//! A linear layer's gradient for one row is the outer product of its input a and its output
//! gradient g, so its squared norm is ‖a‖²·‖g‖², and ‖g‖² for the bias (Goodfellow 2015; Li et al.
//! 2022). No per-row gradient is ever formed: with clip factors c the clipped sum is Aᵀ·diag(c)·G,
//! from tensors the backward pass made anyway (Bu et al. 2023).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::KernelError;
use crate::network::{DeviceNetwork, LayerSpan, Network, matrix, to_host};
use crate::privacy::{BLOCK_ROWS, CLIP_SHRINK};

/// What the loss of one row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowTerm {
    pub(super) label: bool,
    /// Scales the clipped gradient; in [0, 1].
    pub(super) weight: f32,
    /// Multiple of the predicted probability that is added to the row's log loss.
    pub(super) push: f32,
}

impl RowTerm {
    /// Derivative of the row's loss by its logit z: σ(z) − y + push·σ(z)·(1 − σ(z)).
    fn logit_gradient(self, logit: f32) -> f32 {
        let probability = 1.0 / (1.0 + (-logit).exp());
        let target = f32::from(u8::from(self.label));
        probability - target + self.push * probability * (1.0 - probability)
    }
}

/// Gradient sums of blocks of [`BLOCK_ROWS`] rows: for one layer `[blocks, inputs, outputs]` and
/// `[blocks, outputs]`, both flat.
pub(super) struct LayerBlocks {
    span: LayerSpan,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

/// Gradient sums of a batch, block by block, for each layer.
///
/// `inputs` is `[rows, width]` row-major. With `clip_norm` each row's gradient is scaled to at most
/// that norm before its weight is applied; without, only the weight is.
pub(super) fn gradient_blocks<B: Backend>(
    network: &Network,
    mut inputs: Vec<f32>,
    terms: &[RowTerm],
    clip_norm: Option<f64>,
    device: &B::Device,
) -> Result<Vec<LayerBlocks>, KernelError> {
    let blocks = terms.len().div_ceil(BLOCK_ROWS);
    let rows = blocks * BLOCK_ROWS;
    // Rows of zeros fill the last block; their output gradient is zero, so they add nothing.
    inputs.resize(rows * network.widths()[0], 0.0);
    let on_device: DeviceNetwork<B> = network.upload(device);
    let forward = on_device.forward(matrix(inputs, [rows, network.widths()[0]], device));
    let logits = to_host(forward.logits.clone())?;
    let mut at_logits: Vec<f32> =
        terms.iter().zip(&logits).map(|(term, &logit)| term.logit_gradient(logit)).collect();
    at_logits.resize(rows, 0.0);
    let outputs = on_device.backward(&forward, matrix(at_logits, [rows, 1], device));
    let factors = match clip_norm {
        None => vec![1.0; rows],
        Some(clip_norm) => clip_factors(&squared_norms(&forward.inputs, &outputs)?, clip_norm)?,
    };
    let scales = (0..rows).map(|row| factors[row] * terms.get(row).map_or(0.0, |t| t.weight));
    let scales: Tensor<B, 2> = matrix(scales.collect(), [rows, 1], device);
    network
        .spans()
        .into_iter()
        .zip(forward.inputs.into_iter().zip(outputs))
        .map(|(span, (input, output))| layer_blocks(span, input, output * scales.clone(), blocks))
        .collect()
}

fn layer_blocks<B: Backend>(
    span: LayerSpan,
    input: Tensor<B, 2>,
    output: Tensor<B, 2>,
    blocks: usize,
) -> Result<LayerBlocks, KernelError> {
    let input = input.reshape([blocks, BLOCK_ROWS, span.inputs]);
    let output = output.reshape([blocks, BLOCK_ROWS, span.outputs]);
    Ok(LayerBlocks {
        span,
        weights: to_host(input.swap_dims(1, 2).matmul(output.clone()))?,
        biases: to_host(output.sum_dim(1))?,
    })
}

/// Squared gradient norm of each row, summed over layers: (‖a‖² + 1)·‖g‖².
fn squared_norms<B: Backend>(
    inputs: &[Tensor<B, 2>],
    outputs: &[Tensor<B, 2>],
) -> Result<Vec<f32>, KernelError> {
    let of_layer = |(input, output): (&Tensor<B, 2>, &Tensor<B, 2>)| {
        let input = (input.clone() * input.clone()).sum_dim(1) + 1.0;
        input * (output.clone() * output.clone()).sum_dim(1)
    };
    let sum = inputs.iter().zip(outputs).map(of_layer).reduce(|a, b| a + b);
    sum.map_or_else(|| Ok(Vec::new()), to_host)
}

/// A row whose norm is not finite cannot be clipped, so the run must end.
fn clip_factors(squared_norms: &[f32], clip_norm: f64) -> Result<Vec<f32>, KernelError> {
    if squared_norms.iter().any(|norm| !norm.is_finite()) {
        return Err(KernelError::Diverged { step: 0 });
    }
    let factor = |&squared: &f32| (clip_norm / f64::from(squared).sqrt().max(1e-30)).min(1.0);
    Ok(squared_norms.iter().map(|norm| (CLIP_SHRINK * factor(norm)) as f32).collect())
}

/// Folds all blocks into one value for each parameter.
pub(super) fn fold_blocks<T>(
    layers: &[LayerBlocks],
    sums: &mut [T],
    mut add: impl FnMut(&mut T, f32),
) {
    for LayerBlocks { span, weights, biases } in layers {
        let (weight_sums, bias_sums) =
            sums[span.start..span.end()].split_at_mut(span.inputs * span.outputs);
        for (blocks, sums) in [(weights, weight_sums), (biases, bias_sums)] {
            for block in blocks.chunks_exact(sums.len()) {
                block.iter().zip(sums.iter_mut()).for_each(|(&value, sum)| add(sum, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::backend::{Autodiff, Flex};
    use burn::tensor::activation::{relu, sigmoid};

    use super::*;

    type Oracle = Autodiff<Flex>;

    const WIDTHS: [usize; 4] = [7, 5, 3, 1];

    fn row(index: usize) -> Vec<f32> {
        (0..WIDTHS[0]).map(|j| ((index * 7 + j * 3) % 11) as f32 / 11.0).collect()
    }

    fn term(index: usize) -> RowTerm {
        RowTerm { label: index.is_multiple_of(3), weight: 1.0 / (1 + index % 2) as f32, push: 0.7 }
    }

    /// Weighted, clipped gradient of one row by burn's automatic differentiation.
    fn oracle(network: &Network, index: usize, clip: Option<f32>) -> Vec<f32> {
        let device = Default::default();
        let term = term(index);
        let spans = network.spans();
        let parameter = |start: usize, shape: [usize; 2]| {
            let values = network.parameters()[start..start + shape[0] * shape[1]].to_vec();
            matrix::<Oracle>(values, shape, &device).require_grad()
        };
        let layers: Vec<_> = spans
            .iter()
            .map(|s| {
                (
                    parameter(s.start, [s.inputs, s.outputs]),
                    parameter(s.bias_start(), [1, s.outputs]),
                )
            })
            .collect();
        let mut current = matrix::<Oracle>(row(index), [1, WIDTHS[0]], &device);
        for (i, (weight, bias)) in layers.iter().enumerate() {
            current = current.matmul(weight.clone()) + bias.clone();
            if i + 1 < layers.len() {
                current = relu(current);
            }
        }
        let probability = sigmoid(current);
        let of_label =
            if term.label { probability.clone() } else { probability.clone().neg().add_scalar(1) };
        let loss = of_label.log().neg() + probability.mul_scalar(term.push);
        let gradients = loss.sum().backward();
        let mut flat = Vec::new();
        for (weight, bias) in &layers {
            flat.extend(to_host(weight.grad(&gradients).unwrap()).unwrap());
            flat.extend(to_host(bias.grad(&gradients).unwrap()).unwrap());
        }
        let norm = flat.iter().map(|v| v * v).sum::<f32>().sqrt();
        let factor = clip.map_or(1.0, |clip| (clip / norm).min(1.0) * CLIP_SHRINK as f32);
        flat.iter().map(|v| v * factor * term.weight).collect()
    }

    fn ours(network: &Network, rows: &[usize], clip: Option<f64>) -> Vec<f64> {
        let inputs = rows.iter().flat_map(|&r| row(r)).collect();
        let terms: Vec<RowTerm> = rows.iter().map(|&r| term(r)).collect();
        let blocks =
            gradient_blocks::<Flex>(network, inputs, &terms, clip, &Default::default()).unwrap();
        let mut sums = vec![0.0; network.parameters().len()];
        fold_blocks(&blocks, &mut sums, |sum, value| *sum += f64::from(value));
        sums
    }

    fn assert_close(a: &[f64], b: &[f32]) {
        let worst = a.iter().zip(b).map(|(x, y)| (x - f64::from(*y)).abs()).fold(0.0, f64::max);
        assert!(a.len() == b.len() && worst < 1e-4, "largest difference {worst}");
    }

    #[test]
    fn one_row_equals_automatic_differentiation() {
        let network = Network::initialised(WIDTHS.to_vec(), 5);
        for index in 0..12 {
            for clip in [None, Some(0.05), Some(0.5), Some(50.0)] {
                let expected = oracle(&network, index, clip.map(|c| c as f32));
                assert_close(&ours(&network, &[index], clip), &expected);
            }
        }
    }

    #[test]
    fn a_batch_over_several_blocks_is_the_sum_of_its_rows() {
        let network = Network::initialised(WIDTHS.to_vec(), 6);
        let rows: Vec<usize> = (0..BLOCK_ROWS * 2 + 3).collect();
        let mut expected = vec![0.0; network.parameters().len()];
        for &index in &rows {
            let one = oracle(&network, index, Some(0.3));
            expected.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
        }
        assert_close(&ours(&network, &rows, Some(0.3)), &expected);
    }

    #[test]
    fn no_row_moves_the_sum_by_more_than_the_clipping_norm() {
        let network = Network::initialised(WIDTHS.to_vec(), 7);
        for index in 0..50 {
            let norm = ours(&network, &[index], Some(0.1)).iter().map(|v| v * v).sum::<f64>();
            assert!(norm.sqrt() <= 0.1);
        }
    }
}
