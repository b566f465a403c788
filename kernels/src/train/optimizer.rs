//! Update rules on the host: they see only what a step may publish.

use super::Optimizer;

const BETA_FIRST: f64 = 0.9;
const BETA_SECOND: f64 = 0.999;
const ADAM_FLOOR: f64 = 1e-8;

/// An update rule with its memory.
pub(super) struct OptimizerState {
    rule: Optimizer,
    learning_rate: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
}

impl OptimizerState {
    pub(super) fn new(rule: Optimizer, learning_rate: f64, parameters: usize) -> Self {
        let second = match rule {
            Optimizer::Momentum { .. } => 0,
            Optimizer::Adam => parameters,
        };
        let (first, second) = (vec![0.0; parameters], vec![0.0; second]);
        Self { rule, learning_rate, first, second, steps: 0 }
    }

    /// Moves `parameters` against `gradient`.
    pub(super) fn step(&mut self, parameters: &mut [f32], gradient: &[f64]) {
        self.steps += 1;
        match self.rule {
            Optimizer::Momentum { momentum } => self.momentum(parameters, gradient, momentum),
            Optimizer::Adam => self.adam(parameters, gradient),
        }
    }

    fn momentum(&mut self, parameters: &mut [f32], gradient: &[f64], momentum: f64) {
        for ((parameter, velocity), g) in parameters.iter_mut().zip(&mut self.first).zip(gradient) {
            *velocity = momentum * *velocity + g;
            *parameter -= (self.learning_rate * *velocity) as f32;
        }
    }

    fn adam(&mut self, parameters: &mut [f32], gradient: &[f64]) {
        let correct_first = 1.0 - BETA_FIRST.powi(self.steps);
        let correct_second = 1.0 - BETA_SECOND.powi(self.steps);
        let memory = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, (first, second)), g) in parameters.iter_mut().zip(memory).zip(gradient) {
            *first = BETA_FIRST * *first + (1.0 - BETA_FIRST) * g;
            *second = BETA_SECOND * *second + (1.0 - BETA_SECOND) * g * g;
            let scale = (*second / correct_second).sqrt() + ADAM_FLOOR;
            *parameter -= (self.learning_rate * *first / correct_first / scale) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rules_find_the_minimum_of_a_parabola() {
        for rule in [Optimizer::Momentum { momentum: 0.5 }, Optimizer::Adam] {
            let mut state = OptimizerState::new(rule, 0.05, 2);
            let mut point = [3.0_f32, -2.0];
            for _ in 0..500 {
                let gradient = point.map(|x| 2.0 * f64::from(x) - 2.0);
                state.step(&mut point, &gradient);
            }
            assert!(point.iter().all(|x| (x - 1.0).abs() < 0.01), "{rule:?}: {point:?}");
        }
    }
}
