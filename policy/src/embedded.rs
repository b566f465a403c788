//! The pack compiled into the binary.

macro_rules! sources {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../rules/", $path)))),+]
    };
}

/// Path and text of every file under `rules/`. A test compares this list with the folder.
pub(crate) const SOURCES: &[(&str, &str)] = sources![
    "pack.rego",
    "lib/dataset.rego",
    "lib/decimal.rego",
    "lib/fairness.rego",
    "lib/moment.rego",
    "lib/number.rego",
    "lib/risk.rego",
    "lib/text.rego",
    "ai_act/ai_act_10_dataset_card.rego",
    "ai_act/ai_act_14_overseer.rego",
    "ai_act/ai_act_4a_bias_data.rego",
    "ai_act/ai_act_5_inserted_practices.rego",
    "ai_act/ai_act_5_prohibited_practices.rego",
    "ai_act/ai_act_6_classification.rego",
    "ai_act/ai_act_9_fixed_metrics.rego",
    "approvals/approvals_independent.rego",
    "fairness/fairness_equalized_odds.rego",
    "fairness/fairness_equalized_odds_reported.rego",
    "fairness/fairness_evidence.rego",
    "fairness/fairness_four_fifths.rego",
    "fairness/fairness_parity_difference.rego",
    "fairness/fairness_parity_difference_reported.rego",
    "gdpr/gdpr_22_automated_decision.rego",
    "gdpr/gdpr_35_dpia.rego",
    "gdpr/gdpr_5_1_b_purpose.rego",
    "gdpr/gdpr_5_1_c_minimisation.rego",
    "gdpr/gdpr_5_1_e_retention.rego",
    "gdpr/gdpr_6_legal_basis.rego",
    "gdpr/gdpr_9_special_categories.rego",
    "privacy/privacy_budget.rego",
    "quality/quality_accuracy.rego",
];

/// Rules that every pack holds byte for byte, and that bind whatever the organisation has set.
/// They import nothing, so that no other file of a pack can change what they mean.
pub(crate) const MANDATORY: [&str; 2] =
    ["ai_act/ai_act_5_inserted_practices.rego", "ai_act/ai_act_5_prohibited_practices.rego"];

/// The text of an embedded file.
pub(crate) fn source(path: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(candidate, _)| *candidate == path).map(|(_, text)| *text)
}
