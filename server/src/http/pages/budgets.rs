//! Privacy budgets: a meter for each dataset, and what moved them.

use std::collections::HashMap;

use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::{Stamp, delta, epsilon, words};
use super::links;
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;
use crate::error::Result;
use crate::store::Store;
use crate::store::budget::BudgetScope;
use crate::store::overview::BudgetMovement;

const MOVEMENTS_SHOWN: i64 = 200;
/// Width of a meter in its own units.
const WIDTH: f64 = 1000.0;

/// One budget as figures and as a bar.
#[derive(Debug)]
pub struct Meter {
    /// Dataset's name.
    pub dataset: String,
    /// ε.
    pub epsilon: Amounts,
    /// δ.
    pub delta: Amounts,
    /// Width of the spent part of ε.
    pub spent_width: f64,
    /// Width of the reserved part of ε.
    pub reserved_width: f64,
    /// Both in words.
    pub summary: String,
}

/// Amounts of one measure.
#[derive(Debug)]
pub struct Amounts {
    /// Cap.
    pub cap: String,
    /// Spent.
    pub spent: String,
    /// Reserved.
    pub reserved: String,
    /// Neither.
    pub remaining: String,
}

#[derive(Template)]
#[template(path = "budgets.html")]
struct BudgetsPage {
    shell: Shell,
    meters: Vec<Meter>,
    movements: Vec<Movement>,
}

struct Movement {
    event_id: Uuid,
    what: String,
    at: Stamp,
    dataset: String,
    subject: Option<String>,
    subject_kind: String,
    epsilon: String,
    delta: String,
}

/// `GET /budgets`
pub async fn budgets(app: Data<App>, member: Member) -> PageResult {
    let scopes = app.store.budget_list().await?;
    let movements = app.store.budget_movement_list(MOVEMENTS_SHOWN).await?;
    let datasets = Datasets::new(&scopes);
    page(&BudgetsPage {
        shell: member.shell("Privacy budgets", Section::Budgets),
        meters: scopes.iter().map(|(name, scope)| Meter::new(name, scope)).collect(),
        movements: movements.iter().map(|row| Movement::new(row, &datasets)).collect(),
    })
}

/// Names of datasets by scope and by dataset: events name either.
struct Datasets(HashMap<String, String>);

impl Datasets {
    fn new(scopes: &[(String, BudgetScope)]) -> Self {
        let keys = |(name, scope): &(String, BudgetScope)| {
            [
                (scope.scope_id.to_string(), name.clone()),
                (scope.dataset_id.to_string(), name.clone()),
            ]
        };
        Self(scopes.iter().flat_map(keys).collect())
    }

    fn name(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| "unknown".into())
    }
}

impl Movement {
    fn new(row: &BudgetMovement, datasets: &Datasets) -> Self {
        let payload: serde_json::Value = row
            .payload
            .as_deref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        // Amounts are integers in text, under one of two names: a cap or a loss.
        let amount = |names: [&str; 2]| {
            let text = names.iter().find_map(|name| payload.get(*name)?.as_str());
            text.and_then(|text| text.parse::<i64>().ok())
        };
        let scope = payload.get("scope_id").and_then(|id| id.as_str());
        Self {
            event_id: row.event_id,
            what: words(row.kind.strip_prefix("budget_").unwrap_or(&row.kind)),
            at: Stamp::new(row.recorded_at),
            dataset: datasets.name(scope.unwrap_or(&row.subject_id)),
            subject: links::subject(&row.subject_kind, &row.subject_id),
            subject_kind: row.subject_kind.clone(),
            epsilon: amount(["epsilon_nano", "epsilon_cap_nano"]).map_or("erased".into(), epsilon),
            delta: amount(["delta_femto", "delta_cap_femto"]).map_or("erased".into(), delta),
        }
    }
}

impl Meter {
    /// Meters of all budgets.
    ///
    /// # Errors
    /// The database fails.
    pub async fn all(store: &Store) -> Result<Vec<Self>> {
        let scopes = store.budget_list().await?;
        Ok(scopes.iter().map(|(name, scope)| Self::new(name, scope)).collect())
    }

    fn new(dataset: &str, scope: &BudgetScope) -> Self {
        let remaining = scope.remaining();
        let amounts = |of: fn(i64) -> String, cap, spent, reserved, remaining| Amounts {
            cap: of(cap),
            spent: of(spent),
            reserved: of(reserved),
            remaining: of(remaining),
        };
        let (cap, spent, reserved) =
            (scope.epsilon_cap_nano, scope.epsilon_spent_nano, scope.epsilon_reserved_nano);
        let of_epsilon = amounts(epsilon, cap, spent, reserved, remaining.epsilon_nano);
        Self {
            dataset: dataset.to_owned(),
            summary: format!(
                "{dataset}: ε {} spent and {} reserved of {}",
                of_epsilon.spent, of_epsilon.reserved, of_epsilon.cap
            ),
            epsilon: of_epsilon,
            delta: amounts(
                delta,
                scope.delta_cap_femto,
                scope.delta_spent_femto,
                scope.delta_reserved_femto,
                remaining.delta_femto,
            ),
            spent_width: width(spent, cap),
            reserved_width: width(reserved, cap),
        }
    }
}

fn width(part: i64, cap: i64) -> f64 {
    if cap <= 0 {
        return 0.0;
    }
    // For the eye only; the figures beside it are exact.
    (part as f64 / cap as f64 * WIDTH).clamp(0.0, WIDTH).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> BudgetScope {
        BudgetScope {
            scope_id: Uuid::from_u128(1),
            dataset_id: Uuid::from_u128(2),
            epsilon_cap_nano: 10_000_000_000,
            epsilon_spent_nano: 2_500_000_001,
            epsilon_reserved_nano: 1_000_000_000,
            delta_cap_femto: 100_000_000_000,
            delta_spent_femto: 10_000_000_000,
            delta_reserved_femto: 0,
        }
    }

    #[test]
    fn a_meter_states_every_digit() {
        let meter = Meter::new("adult", &scope());
        assert_eq!(meter.epsilon.spent, "2.500000001");
        assert_eq!(meter.epsilon.remaining, "6.499999999");
        assert_eq!(meter.delta.remaining, "9×10⁻⁵");
        assert_eq!((meter.spent_width, meter.reserved_width), (250.0, 100.0));
        assert_eq!(width(1, 0), 0.0);
    }

    #[test]
    fn movements_find_their_dataset_and_survive_erasure() {
        let datasets = Datasets::new(&[("adult".into(), scope())]);
        let mut row = BudgetMovement {
            event_id: Uuid::nil(),
            kind: "budget_reserved".into(),
            recorded_at: time::OffsetDateTime::UNIX_EPOCH,
            subject_kind: "job".into(),
            subject_id: Uuid::nil().to_string(),
            payload: Some(
                format!(
                    r#"{{"scope_id":"{}","epsilon_nano":"500000000","delta_femto":"1"}}"#,
                    Uuid::from_u128(1)
                )
                .into_bytes(),
            ),
        };
        let seen = Movement::new(&row, &datasets);
        assert_eq!((seen.dataset.as_str(), seen.epsilon.as_str()), ("adult", "0.5"));
        assert_eq!(seen.what, "reserved");
        row.payload = None;
        assert_eq!(Movement::new(&row, &datasets).epsilon, "erased");
    }
}
