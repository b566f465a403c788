//! Repeats a recorded decision from its facts.

use crate::{Decision, Facts, GatePoint, Pack, Verdict, decide};

/// The first difference between a recorded decision and the one decided anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayDifference {
    /// The record was made by other rules.
    #[error("the record names pack {recorded}, this is pack {actual}")]
    Pack {
        /// Digest on record.
        recorded: String,
        /// Digest of the pack at hand.
        actual: String,
    },
    /// The record gives the pack of this digest another version.
    #[error("the record names pack version {recorded}, this is version {actual}")]
    PackVersion {
        /// Version on record.
        recorded: String,
        /// Version of the pack at hand.
        actual: String,
    },
    /// The record was made by another engine.
    #[error("the record names engine {recorded}, this is {actual}")]
    Engine {
        /// Engine on record.
        recorded: String,
        /// This engine.
        actual: String,
    },
    /// The facts are not those of the record.
    #[error("the record names facts {recorded}, these are {actual}")]
    Facts {
        /// Digest on record.
        recorded: String,
        /// Digest of the facts at hand.
        actual: String,
    },
    /// The record names another gate than its facts.
    #[error("the record names gate {recorded:?}, the facts say {actual:?}")]
    Gate {
        /// Gate on record.
        recorded: GatePoint,
        /// Gate in the facts.
        actual: GatePoint,
    },
    /// A rule's verdict differs, or stands on one side only.
    #[error("the verdict of rule {rule} differs")]
    Verdict {
        /// Id of the rule.
        rule: String,
        /// The verdict on record.
        recorded: Option<Box<Verdict>>,
        /// The verdict decided anew.
        actual: Option<Box<Verdict>>,
    },
    /// The answer does not follow from the verdicts.
    #[error("the record says allow = {recorded}, its facts decide {actual}")]
    Allow {
        /// Answer on record.
        recorded: bool,
        /// Answer decided anew.
        actual: bool,
    },
}

/// Decides again and compares, causes before consequences: rules and facts first, then the
/// verdicts, then the answer.
///
/// # Errors
/// The first difference.
pub fn replay(pack: &Pack, facts: &Facts, recorded: &Decision) -> Result<(), ReplayDifference> {
    let actual = decide(pack, facts);
    let texts = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    if recorded.pack_digest != actual.pack_digest {
        let (recorded, actual) = texts(&recorded.pack_digest, &actual.pack_digest);
        return Err(ReplayDifference::Pack { recorded, actual });
    }
    if recorded.pack_version != actual.pack_version {
        let (recorded, actual) = texts(&recorded.pack_version, &actual.pack_version);
        return Err(ReplayDifference::PackVersion { recorded, actual });
    }
    if recorded.engine != actual.engine {
        let (recorded, actual) = texts(&recorded.engine, &actual.engine);
        return Err(ReplayDifference::Engine { recorded, actual });
    }
    if recorded.facts_digest != actual.facts_digest {
        let (recorded, actual) = texts(&recorded.facts_digest, &actual.facts_digest);
        return Err(ReplayDifference::Facts { recorded, actual });
    }
    if recorded.gate != actual.gate {
        return Err(ReplayDifference::Gate { recorded: recorded.gate, actual: actual.gate });
    }
    compare_verdicts(&recorded.verdicts, &actual.verdicts)?;
    if recorded.allow != actual.allow {
        return Err(ReplayDifference::Allow { recorded: recorded.allow, actual: actual.allow });
    }
    Ok(())
}

fn compare_verdicts(recorded: &[Verdict], actual: &[Verdict]) -> Result<(), ReplayDifference> {
    let longest = recorded.len().max(actual.len());
    for (recorded, actual) in (0..longest).map(|at| (recorded.get(at), actual.get(at))) {
        if recorded != actual {
            let rule = recorded.or(actual).map(|verdict| verdict.rule.clone()).unwrap_or_default();
            let boxed = |verdict: Option<&Verdict>| verdict.cloned().map(Box::new);
            let (recorded, actual) = (boxed(recorded), boxed(actual));
            return Err(ReplayDifference::Verdict { rule, recorded, actual });
        }
    }
    Ok(())
}
