//! The gate: a pure function from facts to a decision, over a versioned pack of Rego rules.
//!
//! [`decide`] does no IO, reads no clock and draws no randomness: the time is a fact
//! ([`Facts::now`]), and the pack refuses rules that reach for anything else. A rule that raises
//! an error, or leaves its verdict undefined, denies. The digest of the pack and the digest of
//! the facts stand in every [`Decision`], so that [`replay`] can repeat it from the record.
//!
//! The rules report evidence present, absent or expired. They never state compliance.

mod asking;
mod decide;
mod decision;
mod embedded;
mod engine;
mod error;
mod facts;
mod metadata;
mod pack;
mod purity;
mod replay;

pub use decide::decide;
pub use decision::{Decision, RuleResult, Verdict};
pub use error::PolicyError;
pub use facts::{
    Actor, Allowance, AnnexArea, Approval, AttributeOutcome, AutomatedDecision, BiasMitigation,
    DatasetFacts, DeclaredMetrics, FACTS_BYTES_MAX, Facts, FairnessLimits, GatePoint, GroupOutcome,
    JobFacts, LegalBasis, Organisation, OutcomeFacts, PredicateDecision, ProhibitedPractices,
    QualityLimits, RiskFacts, SpecialCategory, SystemFacts,
};
pub use metadata::{RuleMetadata, Severity};
pub use pack::Pack;
pub use replay::{ReplayDifference, replay};
