//! A compliance report to read and to print: every value leads to its event and to its proof.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::{Stamp, plain, words};
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;
use crate::error::Error;
use crate::report::{Claim, Evidence, Report};

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    shell: Shell,
    report_id: Uuid,
    digest: String,
    event_id: Uuid,
    report: Report,
    made_at: Stamp,
    sections: Vec<SectionView>,
    evidence: Vec<EvidenceView>,
}

struct SectionView {
    title: String,
    claims: Vec<ClaimView>,
}

struct ClaimView {
    label: String,
    value: String,
    absent: bool,
    source: Option<Source>,
}

/// Where a claim stands.
struct Source {
    event_id: Uuid,
    leaf_index: i64,
    pointer: String,
}

struct EvidenceView {
    event_id: Uuid,
    kind: String,
    recorded_at: Stamp,
    leaf_index: i64,
    entry: String,
    salt: String,
    payload: String,
    proof: String,
}

/// `GET /reports/{report_id}`
pub async fn report(app: Data<App>, member: Member, report_id: Path<Uuid>) -> PageResult {
    let row = app.store.report_get(*report_id).await?;
    let report: Report = serde_json::from_value(row.document).map_err(Error::bug)?;
    let leaves: HashMap<Uuid, i64> =
        report.evidence.iter().map(|e| (e.event_id, e.leaf_index)).collect();
    let sections = report.sections.iter().map(|section| SectionView {
        title: section.title.clone(),
        claims: section.claims.iter().map(|claim| ClaimView::new(claim, &leaves)).collect(),
    });
    page(&ReportPage {
        shell: member.shell(format!("Compliance report: {}", report.model_name), Section::None),
        report_id: row.report_id,
        digest: row.digest,
        event_id: row.event_id,
        made_at: Stamp::stated(&report.made_at),
        sections: sections.collect(),
        evidence: report.evidence.iter().map(EvidenceView::new).collect(),
        report,
    })
}

impl ClaimView {
    /// A claim leads to its proof only where the appendix holds one.
    fn new(claim: &Claim, leaves: &HashMap<Uuid, i64>) -> Self {
        let source = claim.event_id.and_then(|event_id| {
            Some(Source {
                event_id,
                leaf_index: *leaves.get(&event_id)?,
                pointer: claim.pointer.clone().unwrap_or_default(),
            })
        });
        Self {
            label: claim.label.clone(),
            value: claim.value.as_ref().map_or_else(|| "not provided".into(), plain),
            absent: claim.value.is_none(),
            source,
        }
    }
}

impl EvidenceView {
    fn new(evidence: &Evidence) -> Self {
        Self {
            event_id: evidence.event_id,
            kind: words(&evidence.kind),
            recorded_at: Stamp::stated(&evidence.recorded_at),
            leaf_index: evidence.leaf_index,
            entry: evidence.entry.clone(),
            salt: evidence.salt.clone().unwrap_or_else(|| "erased".into()),
            payload: evidence.payload.clone().unwrap_or_else(|| "erased".into()),
            proof: evidence.proof.clone(),
        }
    }
}
