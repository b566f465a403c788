//! The dataset: its card, its purposes and its lawful grounds.

use serde::{Deserialize, Serialize};

/// A dataset, registered or about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetFacts {
    /// Id of the dataset.
    pub id: String,
    /// Digest of its content.
    pub digest: String,
    /// Where the data come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How they were collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// How they were prepared: annotation, cleaning, aggregation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<String>,
    /// What the data are assumed to measure and represent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumptions: Option<String>,
    /// For whom the data speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representativeness: Option<String>,
    /// What is known to be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_gaps: Option<String>,
    /// Purposes the data were collected for.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// The lawful ground of each purpose.
    #[serde(default)]
    pub legal_bases: Vec<LegalBasis>,
    /// Columns under GDPR Art. 9(1), each with the ground that lifts the prohibition.
    #[serde(default)]
    pub special_categories: Vec<SpecialCategory>,
    /// Columns by which groups are compared, and which no model reads without a reason.
    #[serde(default)]
    pub protected_attributes: Vec<String>,
    /// The date (`YYYY-MM-DD`, that day included) or RFC 3339 time at which storage ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_until: Option<String>,
    /// Whether any record relates to an identifiable person.
    pub personal_data: bool,
    /// Whether special categories are processed on a large scale; absent reads as yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_scale: Option<bool>,
}

/// A purpose and the lawful ground it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// The letter of GDPR Art. 6(1), written `6(1)(a)` to `6(1)(f)`.
    pub basis: String,
    /// The purpose it covers.
    pub purpose: String,
}

/// A column of special-category data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialCategory {
    /// Name of the column.
    pub column: String,
    /// The letter of GDPR Art. 9(2), written `9(2)(a)` to `9(2)(j)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis_9_2: Option<String>,
}
