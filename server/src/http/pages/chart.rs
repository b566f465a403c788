//! Bar charts with confidence intervals, as inline SVG. Geometry only: a chart never stands without
//! its table beside it.

use askama::Template;
use askama::filters::HtmlSafe;
use chancery_kernels::fairness::{AttributeFairness, Estimate};

use super::format::percent;

/// Width of the drawing in its own units; narrow, so that text stays legible on a telephone.
const WIDTH: f64 = 360.0;
/// Left and right edge of the bars.
const EDGE: f64 = 8.0;
const TOP: f64 = 6.0;
const ROW: f64 = 46.0;
const AXIS: f64 = 24.0;

/// Shares by group, drawn.
#[derive(Debug, Template)]
#[template(path = "chart/bars.svg")]
pub struct BarChart {
    id: String,
    title: String,
    description: String,
    height: f64,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    axis_y: f64,
}

impl HtmlSafe for BarChart {}

#[derive(Debug)]
struct Bar {
    label: String,
    value: String,
    class: &'static str,
    text_y: f64,
    y: f64,
    middle: f64,
    width: f64,
    low: f64,
    high: f64,
}

#[derive(Debug)]
struct Tick {
    x: f64,
    label: String,
    anchor: &'static str,
}

impl BarChart {
    /// Selection rates over the groups of one attribute. `id` is unique on the page.
    pub fn selection_rates(id: &str, fairness: &AttributeFairness) -> Self {
        let scale = Scale::over(fairness.groups.iter().filter_map(|group| group.selection_rate));
        let groups = fairness.groups.iter();
        let rated = groups.filter_map(|group| Some((group, group.selection_rate?)));
        let bars: Vec<Bar> = rated
            .enumerate()
            .map(|(position, (group, rate))| {
                let weak = fairness.insufficient.contains(&group.group);
                scale.bar(position, &group.group, rate, weak)
            })
            .collect();
        let axis_y = TOP + ROW * bars.len() as f64;
        Self {
            id: id.to_owned(),
            title: format!("Selection rate by {}", fairness.attribute),
            description: describe(&bars),
            height: axis_y + AXIS,
            bars,
            ticks: scale.ticks(),
            axis_y,
        }
    }
}

/// From shares to the drawing. Bars begin at zero; the axis ends at the next tenth above the intervals.
struct Scale {
    tenths: u32,
}

impl Scale {
    fn over(rates: impl Iterator<Item = Estimate>) -> Self {
        let highest =
            rates.map(|rate| rate.high).filter(|high| high.is_finite()).fold(0.0, f64::max);
        Self { tenths: ((highest * 10.0).ceil() as u32).clamp(1, 10) }
    }

    fn x(&self, share: f64) -> f64 {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let reach = (share * 10.0 / f64::from(self.tenths)).min(1.0);
        round(EDGE + reach * (WIDTH - 2.0 * EDGE))
    }

    fn bar(&self, position: usize, label: &str, rate: Estimate, weak: bool) -> Bar {
        let top = TOP + ROW * position as f64;
        let interval = format!("{} to {}", percent(rate.low), percent(rate.high));
        let caveat = if weak { ", too few" } else { "" };
        Bar {
            label: label.to_owned(),
            value: format!("{} ({interval}{caveat})", percent(rate.value)),
            class: if weak { "bar weak" } else { "bar" },
            text_y: top + 13.0,
            y: top + 19.0,
            middle: top + 27.0,
            width: round(self.x(rate.value) - EDGE),
            low: self.x(rate.low),
            high: self.x(rate.high),
        }
    }

    fn ticks(&self) -> Vec<Tick> {
        let step = if self.tenths > 4 { 2 } else { 1 };
        let tick = |tenth: u32| Tick {
            x: self.x(f64::from(tenth) / 10.0),
            label: format!("{}%", tenth * 10),
            anchor: if tenth == 0 {
                "start"
            } else if tenth == self.tenths {
                "end"
            } else {
                "middle"
            },
        };
        (0..=self.tenths).step_by(step).map(tick).collect()
    }
}

fn describe(bars: &[Bar]) -> String {
    let said: Vec<String> =
        bars.iter().map(|bar| format!("{}: {}", bar.label, bar.value)).collect();
    format!("Bars with 95% confidence intervals. {}.", said.join("; "))
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chancery_kernels::fairness::{GroupMetrics, Verdict};
    use proptest::prelude::*;

    use super::*;

    fn group(name: &str, n: u64, rate: Option<(f64, f64, f64)>) -> GroupMetrics {
        GroupMetrics {
            group: name.into(),
            n,
            positives: 0,
            selection_rate: rate.map(|(low, value, high)| Estimate { value, low, high }),
            tpr: None,
            fpr: None,
            fnr: None,
            ppv: None,
            accuracy: None,
        }
    }

    fn chart(groups: Vec<GroupMetrics>, insufficient: &[&str]) -> BarChart {
        let fairness = AttributeFairness {
            attribute: "sex".into(),
            groups,
            parity_difference: None,
            parity_ratio: None,
            equal_opportunity_difference: None,
            equalized_odds_difference: None,
            four_fifths: Verdict::InsufficientEvidence,
            insufficient: insufficient.iter().map(|&name| name.to_owned()).collect(),
        };
        BarChart::selection_rates("chart-0", &fairness)
    }

    #[test]
    fn bars_reach_as_far_as_their_share() {
        let drawn = chart(
            vec![
                group("Female", 500, Some((0.08, 0.1, 0.12))),
                group("Male", 900, Some((0.17, 0.2, 0.23))),
            ],
            &[],
        );
        // The axis ends at 30%, so 10% is a third of 344 units.
        assert_eq!(drawn.bars[0].width, 114.7);
        assert_eq!(drawn.bars[1].width, 229.3);
        assert_eq!(drawn.bars[1].low, 202.9);
        assert_eq!(drawn.ticks.last().unwrap().label, "30%");
        assert_eq!(drawn.height, TOP + 2.0 * ROW + AXIS);
    }

    #[test]
    fn the_drawing_says_what_it_shows() {
        let drawn =
            chart(vec![group("A&B", 3, Some((0.0, 0.5, 1.0))), group("none", 0, None)], &["A&B"]);
        let svg = drawn.to_string();
        assert!(svg.contains(r#"role="img""#));
        assert!(svg.contains(r#"aria-labelledby="chart-0-title chart-0-description""#));
        assert!(svg.contains(r#"<title id="chart-0-title">Selection rate by sex</title>"#));
        assert!(svg.contains("50.0 % (0.0 % to 100.0 %, too few)"));
        assert!(svg.contains(r#"class="bar weak""#));
        assert!(!svg.contains("A&B"), "group names are escaped");
        assert!(!svg.contains("style="), "the content security policy forbids inline styles");
        assert_eq!(drawn.bars.len(), 1);
    }

    #[test]
    fn no_groups_make_an_empty_drawing() {
        assert!(chart(vec![], &[]).to_string().contains("<svg"));
    }

    proptest! {
        #[test]
        fn whiskers_stay_inside_the_drawing(low: f64, value: f64, high: f64) {
            let drawn = chart(vec![group("g", 1, Some((low, value, high)))], &[]);
            for x in [drawn.bars[0].low, drawn.bars[0].high, EDGE + drawn.bars[0].width] {
                prop_assert!((EDGE..=WIDTH - EDGE).contains(&x), "{x}");
            }
        }
    }
}
