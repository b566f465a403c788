//! The tabular network: linear layers with ReLU between them and one logit out, forward and
//! backward by hand on burn tensors of any backend.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation::relu};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::KernelError;

/// Widths and parameters of a network, on the host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    /// `[inputs, hidden …, 1]`.
    widths: Vec<usize>,
    /// For each layer its weight `[inputs, outputs]` row-major, then its bias `[outputs]`.
    parameters: Vec<f32>,
}

/// Where one layer's parameters lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerSpan {
    pub(crate) start: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl LayerSpan {
    pub(crate) fn bias_start(self) -> usize {
        self.start + self.inputs * self.outputs
    }

    pub(crate) fn end(self) -> usize {
        self.bias_start() + self.outputs
    }
}

impl Network {
    /// Uniform in ±√(6 / inputs) (He et al. 2015, eq. 10), biases zero. The seed is public: the
    /// start of training depends on no data.
    pub(crate) fn initialised(widths: Vec<usize>, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parameters = vec![0.0; parameter_count(&widths)];
        for span in layer_spans(&widths) {
            let bound = (6.0 / span.inputs as f32).sqrt();
            for weight in &mut parameters[span.start..span.bias_start()] {
                *weight = bound * (2.0 * unit(&mut rng) - 1.0);
            }
        }
        Self { widths, parameters }
    }

    pub(crate) fn from_parts(widths: Vec<usize>, parameters: Vec<f32>) -> Option<Self> {
        (parameter_count(&widths) == parameters.len()).then_some(Self { widths, parameters })
    }

    pub(crate) fn widths(&self) -> &[usize] {
        &self.widths
    }

    pub(crate) fn spans(&self) -> Vec<LayerSpan> {
        layer_spans(&self.widths)
    }

    pub(crate) fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    pub(crate) fn upload<B: Backend>(&self, device: &B::Device) -> DeviceNetwork<B> {
        let layer = |span: LayerSpan| {
            let weight = self.parameters[span.start..span.bias_start()].to_vec();
            let bias = self.parameters[span.bias_start()..span.end()].to_vec();
            (
                matrix(weight, [span.inputs, span.outputs], device),
                matrix(bias, [1, span.outputs], device),
            )
        };
        DeviceNetwork { layers: self.spans().into_iter().map(layer).collect() }
    }
}

pub(crate) fn parameter_count(widths: &[usize]) -> usize {
    layer_spans(widths).last().map_or(0, |span| span.end())
}

fn layer_spans(widths: &[usize]) -> Vec<LayerSpan> {
    let mut start = 0;
    let mut spans = Vec::with_capacity(widths.len());
    for pair in widths.windows(2) {
        let span = LayerSpan { start, inputs: pair[0], outputs: pair[1] };
        start = span.end();
        spans.push(span);
    }
    spans
}

fn unit(rng: &mut ChaCha20Rng) -> f32 {
    // 24 bits fill a f32's significand, so that 1.0 is never reached.
    (rng.next_u32() >> 8) as f32 / (1u32 << 24) as f32
}

/// A row-major host matrix as a tensor.
pub(crate) fn matrix<B: Backend>(
    values: Vec<f32>,
    shape: [usize; 2],
    device: &B::Device,
) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor's values on the host, row-major.
pub(crate) fn to_host<B: Backend, const D: usize>(
    tensor: Tensor<B, D>,
) -> Result<Vec<f32>, KernelError> {
    tensor
        .into_data()
        .to_vec::<f32>()
        .map_err(|error| KernelError::Dependency { library: "burn", message: format!("{error:?}") })
}

/// Weight `[inputs, outputs]` and bias `[1, outputs]` of each layer, on a device.
pub(crate) struct DeviceNetwork<B: Backend> {
    layers: Vec<(Tensor<B, 2>, Tensor<B, 2>)>,
}

/// Inputs of each layer, `[batch, inputs]`, kept for the backward pass.
pub(crate) struct Forward<B: Backend> {
    pub(crate) inputs: Vec<Tensor<B, 2>>,
    /// `[batch, 1]`.
    pub(crate) logits: Tensor<B, 2>,
}

impl<B: Backend> DeviceNetwork<B> {
    /// `inputs` is `[batch, inputs]`.
    pub(crate) fn forward(&self, inputs: Tensor<B, 2>) -> Forward<B> {
        let mut kept = Vec::with_capacity(self.layers.len());
        let mut current = inputs;
        for (index, (weight, bias)) in self.layers.iter().enumerate() {
            kept.push(current.clone());
            let output = current.matmul(weight.clone()) + bias.clone();
            current = if index + 1 < self.layers.len() { relu(output) } else { output };
        }
        Forward { inputs: kept, logits: current }
    }

    /// Gradients of each layer's output `[batch, outputs]`, from those of the logits `[batch, 1]`.
    pub(crate) fn backward(
        &self,
        forward: &Forward<B>,
        logit_gradients: Tensor<B, 2>,
    ) -> Vec<Tensor<B, 2>> {
        let mut current = logit_gradients;
        let mut gradients = vec![current.clone()];
        for index in (1..self.layers.len()).rev() {
            let active = forward.inputs[index].clone().greater_elem(0.0).float();
            current = current.matmul(self.layers[index].0.clone().transpose()) * active;
            gradients.push(current.clone());
        }
        gradients.reverse();
        gradients
    }
}
