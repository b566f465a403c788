//! The AI system: its purpose, its risk class and the people answerable for it.

use serde::{Deserialize, Serialize};

/// The AI system a job works for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemFacts {
    /// Id of the system.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it was classified.
    pub risk: RiskFacts,
    /// The attested answers about prohibited practices.
    pub prohibited_practices: ProhibitedPractices,
    /// The natural person assigned to oversee it (AI Act Art. 14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overseer: Option<String>,
    /// Where the data protection impact assessment is filed (GDPR Art. 35).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpia_reference: Option<String>,
    /// What the system is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_purpose: Option<String>,
}

/// Classification under AI Act Art. 6 and Annex III.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskFacts {
    /// The area; absent while nobody has classified the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex_iii_area: Option<AnnexArea>,
    /// The point in Annex III, such as `5b`; absent where the area is `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex_iii_point: Option<String>,
    /// Whether the system profiles natural persons.
    pub profiling: bool,
    /// The reasoned memo for an exemption under Art. 6(3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_memo: Option<String>,
    /// The registration that an exemption needs besides its memo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_registration: Option<String>,
}

/// The areas of Annex III, in its order, after the assessed answer that none applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnexArea {
    /// Assessed, and outside Annex III.
    None,
    /// Point 1.
    Biometrics,
    /// Point 2.
    CriticalInfrastructure,
    /// Point 3.
    Education,
    /// Point 4.
    Employment,
    /// Point 5, which holds credit (5b) and life and health insurance (5c).
    EssentialServices,
    /// Point 6.
    LawEnforcement,
    /// Point 7.
    Migration,
    /// Point 8.
    JusticeDemocracy,
}

/// Attested answers on AI Act Art. 5(1), named after its letters: `true` says that the system
/// does what the letter prohibits. An absent answer was never attested, and denies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProhibitedPractices {
    /// Art. 5(1)(a): manipulative or subliminal techniques.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<bool>,
    /// Art. 5(1)(b): exploitation of vulnerabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<bool>,
    /// Art. 5(1)(ba), inserted by Regulation (EU) 2026/1744.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ba: Option<bool>,
    /// Art. 5(1)(bb), inserted by Regulation (EU) 2026/1744.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bb: Option<bool>,
    /// Art. 5(1)(c): social scoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<bool>,
    /// Art. 5(1)(d): crime prediction from profiling alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<bool>,
    /// Art. 5(1)(e): untargeted scraping of facial images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<bool>,
    /// Art. 5(1)(f): emotion inference at work or in education.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f: Option<bool>,
    /// Art. 5(1)(g): biometric categorisation by sensitive traits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub g: Option<bool>,
    /// Art. 5(1)(h): real-time remote biometric identification for law enforcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h: Option<bool>,
}
