//! Row weights and pushes of a mitigation, from counts that a private run releases with noise.

use super::gradient::RowTerm;
use super::{Mitigation, TrainSpec};
use crate::KernelError;
use crate::privacy::counts_release;
use crate::tabular::TabularData;

/// Largest reweighing factor: a cell that noise made tiny must not rule the model.
const WEIGHT_MAX: f64 = 10.0;

/// Groups below this share of the rows are left out of the parity constraint: their noisy
/// selection rate would be mostly noise.
const GROUP_SHARE_MIN: f64 = 0.01;

/// Step of the multipliers for each unit of violation.
const ASCENT_RATE: f64 = 2.0;

/// Largest multiplier of a pair of groups.
const MULTIPLIER_MAX: f64 = 5.0;

/// How a mitigation changes each row's loss.
pub(super) struct Balance<'a> {
    labels: &'a [bool],
    /// Each row's group; empty without mitigation.
    codes: &'a [u32],
    /// By group, then by label, relative to the largest.
    weights: Vec<[f32; 2]>,
    weight_scale: f64,
    /// By group.
    pushes: Vec<f32>,
    ascent: Option<Ascent>,
    /// ε of one count release; none for exact counts.
    epsilon: Option<f64>,
}

/// Dual ascent on the parity constraint.
struct Ascent {
    sizes: Vec<f64>,
    /// `multipliers[i][j]` prices (rate of i − rate of j) above the target.
    multipliers: Vec<Vec<f64>>,
    maximum_difference: f64,
    rounds: u32,
}

impl<'a> Balance<'a> {
    /// Reads the group counts a mitigation needs.
    pub(super) fn new(spec: &TrainSpec, data: &'a TabularData) -> Result<Self, KernelError> {
        let epsilon = spec.privacy.map(|_| spec.mitigation.releases().1);
        let mut balance = Self {
            labels: data.labels(),
            codes: &[],
            weights: Vec::new(),
            weight_scale: 1.0,
            pushes: Vec::new(),
            ascent: None,
            epsilon,
        };
        match &spec.mitigation {
            Mitigation::None => {}
            Mitigation::Reweighing { attribute, .. } => balance.reweigh(data, attribute)?,
            Mitigation::ParityConstraint { attribute, maximum_difference, rounds, .. } => {
                balance.constrain(data, attribute, *maximum_difference, *rounds)?;
            }
        }
        Ok(balance)
    }

    /// Factor that brings gradients of relative weights back to their true scale.
    pub(super) fn weight_scale(&self) -> f64 {
        self.weight_scale
    }

    pub(super) fn term(&self, row: usize) -> RowTerm {
        let label = self.labels[row];
        let group = self.codes.get(row).map_or(usize::MAX, |&code| code as usize);
        RowTerm {
            label,
            weight: self.weights.get(group).map_or(1.0, |w| w[usize::from(label)]),
            push: self.pushes.get(group).copied().unwrap_or(0.0),
        }
    }

    /// Whether the multipliers are due after `step` of `steps`. Rounds are spread evenly and the
    /// last comes before the end, so that the network can still answer it.
    pub(super) fn is_due(&self, step: u32, steps: u32) -> bool {
        self.ascent.as_ref().is_some_and(|ascent| {
            let due = |s: u32| u64::from(s) * u64::from(ascent.rounds + 1) / u64::from(steps);
            step < steps && due(step) > due(step - 1)
        })
    }

    /// One round of ascent from the network's current decisions on all rows.
    pub(super) fn ascend(&mut self, selected: &[bool]) -> Result<(), KernelError> {
        let Some(ascent) = &self.ascent else { return Ok(()) };
        let mut counts = vec![0; ascent.sizes.len()];
        for (&code, _) in self.codes.iter().zip(selected).filter(|(_, chosen)| **chosen) {
            counts[code as usize] += 1;
        }
        let counts = self.release(&counts)?;
        if let Some(ascent) = &mut self.ascent {
            self.pushes = ascent.round(&counts);
        }
        Ok(())
    }

    fn reweigh(&mut self, data: &'a TabularData, attribute: &str) -> Result<(), KernelError> {
        let column = data.protected_column(attribute)?;
        self.codes = &column.codes;
        let mut counts = vec![0; column.groups.len() * 2];
        for (&code, &label) in column.codes.iter().zip(self.labels) {
            counts[code as usize * 2 + usize::from(label)] += 1;
        }
        let weights = reweighing(&self.release(&counts)?);
        self.weight_scale = weights.iter().flatten().copied().fold(0.0, f64::max);
        let relative = |weight: f64| (weight / self.weight_scale) as f32;
        self.weights = weights.into_iter().map(|pair| pair.map(relative)).collect();
        Ok(())
    }

    fn constrain(
        &mut self,
        data: &'a TabularData,
        attribute: &str,
        maximum_difference: f64,
        rounds: u32,
    ) -> Result<(), KernelError> {
        let column = data.protected_column(attribute)?;
        self.codes = &column.codes;
        let mut counts = vec![0; column.groups.len()];
        column.codes.iter().for_each(|&code| counts[code as usize] += 1);
        let sizes = self.release(&counts)?;
        let multipliers = vec![vec![0.0; sizes.len()]; sizes.len()];
        self.ascent = Some(Ascent { sizes, multipliers, maximum_difference, rounds });
        Ok(())
    }

    /// Counts with noise in a private run, exact but at least 1 otherwise.
    fn release(&self, counts: &[i64]) -> Result<Vec<f64>, KernelError> {
        match self.epsilon {
            Some(epsilon) => counts_release(counts, epsilon),
            None => Ok(counts.iter().map(|&count| count.max(1) as f64).collect()),
        }
    }
}

/// Kamiran and Calders (2012), §4.2.2, from counts by group and label.
fn reweighing(counts: &[f64]) -> Vec<[f64; 2]> {
    let total: f64 = counts.iter().sum();
    let by_label = [0, 1].map(|label| counts.iter().skip(label).step_by(2).sum::<f64>());
    let weights_of = |cell: &[f64]| {
        let group = cell[0] + cell[1];
        [0, 1].map(|label| (group * by_label[label] / (total * cell[label])).min(WEIGHT_MAX))
    };
    // A group too small to count keeps plain weights, else its noise would set the scale for all.
    let small = |cell: &[f64]| cell[0] + cell[1] < GROUP_SHARE_MIN * total;
    let of = |cell: &[f64]| if small(cell) { [1.0, 1.0] } else { weights_of(cell) };
    counts.chunks_exact(2).map(of).collect()
}

impl Ascent {
    /// Raises or relaxes every multiplier and returns the push for each group:
    /// (Σⱼ μ_gj − Σⱼ μ_jg) / P(g), the derivative of the Lagrangian by the group's mean probability.
    fn round(&mut self, selected: &[f64]) -> Vec<f32> {
        let total: f64 = self.sizes.iter().sum();
        let groups: Vec<usize> =
            (0..self.sizes.len()).filter(|&g| self.sizes[g] >= GROUP_SHARE_MIN * total).collect();
        let rate = |g: usize| (selected[g] / self.sizes[g]).min(1.0);
        for (&i, &j) in groups.iter().flat_map(|i| groups.iter().map(move |j| (i, j))) {
            let violation = rate(i) - rate(j) - self.maximum_difference;
            let multiplier = &mut self.multipliers[i][j];
            *multiplier = (*multiplier + ASCENT_RATE * violation).clamp(0.0, MULTIPLIER_MAX);
        }
        let push = |g: usize| {
            let raised: f64 = self.multipliers[g].iter().sum();
            let lowered: f64 = self.multipliers.iter().map(|row| row[g]).sum();
            ((raised - lowered) * total / self.sizes[g]) as f32
        };
        (0..self.sizes.len()).map(push).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reweighing_makes_label_and_group_independent() {
        // Adult by sex: women without and with the label, men without and with it.
        let counts = [9_592.0, 1_179.0, 15_128.0, 6_662.0];
        let weights = reweighing(&counts);
        let share = |g: usize| {
            let positive = counts[2 * g + 1] * weights[g][1];
            positive / (positive + counts[2 * g] * weights[g][0])
        };
        let overall = (1_179.0 + 6_662.0) / 32_561.0;
        assert!((share(0) - overall).abs() < 1e-12 && (share(1) - overall).abs() < 1e-12);
    }

    #[test]
    fn multipliers_rise_with_the_gap_and_relax_below_the_target() {
        let mut ascent = Ascent {
            sizes: vec![1_000.0, 2_000.0, 1.0],
            multipliers: vec![vec![0.0; 3]; 3],
            maximum_difference: 0.05,
            rounds: 2,
        };
        let first = ascent.round(&[100.0, 600.0, 1.0]);
        assert!(first[0] < 0.0 && first[1] > 0.0 && first[2] == 0.0, "{first:?}");
        assert!((first[0] + 2.0 * first[1]).abs() < 1e-6, "pushes cancel over all rows");
        let second = ascent.round(&[200.0, 400.0, 1.0]);
        assert!(second[1] > 0.0 && second[1] < first[1], "{second:?}");
    }
}
