//! The reviewers' queue: which models wait for verdicts, whose, and what to read before.

use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::Stamp;
use super::people::People;
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;
use crate::error::Result;
use crate::store::overview::ReviewRow;
use crate::store::principal::Principal;

const MODELS_SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    shell: Shell,
    waiting: Vec<QueueItem>,
    others: Vec<QueueItem>,
    required: u32,
}

/// A model and where it stands.
#[derive(Debug)]
pub struct QueueItem {
    /// Identifier.
    pub model_id: Uuid,
    /// The job that made it.
    pub job_id: Uuid,
    /// The decision of its evaluation gate.
    pub decision_id: Uuid,
    /// The dataset it was trained on.
    pub dataset_id: Uuid,
    /// Name.
    pub name: String,
    /// Who submitted it.
    pub submitter: String,
    /// When it was evaluated.
    pub evaluated_at: Stamp,
    /// Who approved.
    pub approved_by: String,
    /// How many approved.
    pub approvals: usize,
    /// Who rejected; empty for nobody.
    pub rejected_by: String,
    /// Who may still speak; empty for nobody.
    pub missing: String,
    /// Where it stands.
    pub state: &'static str,
    /// Style of the state.
    pub class: &'static str,
    /// Whether verdicts are still asked for.
    pub open: bool,
    /// Whether the visitor's own verdict is asked for.
    pub waits_for_you: bool,
}

/// `GET /review`
pub async fn review(app: Data<App>, member: Member) -> PageResult {
    let people = People::load(&app.store).await?;
    let items = queue(&app, member.principal(), &people).await?;
    let (waiting, others) = items.into_iter().partition(|item| item.open);
    page(&ReviewPage {
        shell: member.shell("Review", Section::Review),
        waiting,
        others,
        required: app.config.gates.approvals_required,
    })
}

/// All models with where they stand, newest first.
///
/// # Errors
/// The database fails.
pub async fn queue(app: &App, visitor: &Principal, people: &People) -> Result<Vec<QueueItem>> {
    let reviewers = app.store.reviewer_list().await?;
    let required = app.config.gates.approvals_required as usize;
    let rows = app.store.review_list(MODELS_SHOWN).await?;
    Ok(rows.iter().map(|row| item(row, &reviewers, required, visitor, people)).collect())
}

fn item(
    row: &ReviewRow,
    reviewers: &[Principal],
    required: usize,
    visitor: &Principal,
    people: &People,
) -> QueueItem {
    let may_speak = |who: &&Principal| {
        let id = &who.principal_id;
        *id != row.submitter && !row.approved_by.contains(id) && !row.rejected_by.contains(id)
    };
    let missing: Vec<&Principal> = reviewers.iter().filter(may_speak).collect();
    let (state, class) = standing(row, required);
    let open = class == OPEN;
    QueueItem {
        model_id: row.model_id,
        job_id: row.job_id,
        decision_id: row.decision_id,
        dataset_id: row.dataset_id,
        name: row.name.clone(),
        submitter: people.name(&row.submitter),
        evaluated_at: Stamp::new(row.evaluated_at),
        approved_by: people.names(&row.approved_by),
        approvals: row.approved_by.len(),
        rejected_by: people.names(&row.rejected_by),
        missing: missing.iter().map(|who| who.name.as_str()).collect::<Vec<_>>().join(", "),
        state,
        class,
        open,
        waits_for_you: open && missing.iter().any(|who| who.principal_id == visitor.principal_id),
    }
}

const OPEN: &str = "warn";

fn standing(row: &ReviewRow, required: usize) -> (&'static str, &'static str) {
    if !row.gate_passed {
        ("failed its evaluation gate", "bad")
    } else if row.deployed {
        ("deployed", "good")
    } else if !row.rejected_by.is_empty() {
        ("rejected", "bad")
    } else if row.approved_by.len() >= required {
        ("approved, ready to deploy", "good")
    } else {
        ("waits for approvals", OPEN)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn row(approved_by: Vec<Uuid>) -> ReviewRow {
        ReviewRow {
            model_id: Uuid::nil(),
            job_id: Uuid::nil(),
            name: "m".into(),
            gate_passed: true,
            decision_id: Uuid::nil(),
            dataset_id: Uuid::nil(),
            submitter: Uuid::from_u128(1),
            evaluated_at: OffsetDateTime::UNIX_EPOCH,
            approved_by,
            rejected_by: Vec::new(),
            deployed: false,
        }
    }

    #[test]
    fn a_model_waits_until_enough_have_approved_and_nobody_rejected() {
        assert_eq!(standing(&row(vec![]), 2).1, OPEN);
        assert_eq!(standing(&row(vec![Uuid::from_u128(2)]), 2).1, OPEN);
        let approved = row(vec![Uuid::from_u128(2), Uuid::from_u128(3)]);
        assert_eq!(standing(&approved, 2).0, "approved, ready to deploy");
        let rejected = ReviewRow { rejected_by: vec![Uuid::from_u128(4)], ..approved };
        assert_eq!(standing(&rejected, 2).0, "rejected");
        assert_eq!(standing(&ReviewRow { gate_passed: false, ..rejected }, 2).1, "bad");
    }

    #[test]
    fn it_waits_for_reviewers_who_did_not_submit_it_and_have_not_spoken() {
        let who = |id: u128| Principal {
            principal_id: Uuid::from_u128(id),
            name: format!("p{id}"),
            roles: vec!["reviewer".into()],
        };
        let reviewers = [who(1), who(2), who(3)];
        let names = [1, 2, 3].map(|id| (Uuid::from_u128(id), format!("p{id}")));
        let people = People::of(names);
        let seen_by = |id| item(&row(vec![Uuid::from_u128(2)]), &reviewers, 2, &who(id), &people);
        assert_eq!(seen_by(3).missing, "p3");
        assert!(seen_by(3).waits_for_you);
        assert!(!seen_by(1).waits_for_you, "submitters do not approve their own");
        assert!(!seen_by(2).waits_for_you, "they have spoken");
    }
}
