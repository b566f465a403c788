//! What the demo registers and submits: cards and specifications on UCI Adult.

use chancery_kernels::adult;
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// Name of the dataset.
pub const DATASET: &str = "uci-adult";
/// Name of the AI system.
pub const SYSTEM: &str = "income-prescreening";
/// Purpose of the processing.
const PURPOSE: &str = "creditworthiness research";

/// The dataset's registration.
///
/// # Errors
/// Serialisation, which would be a bug.
pub fn dataset(training_blob: &str, evaluation_blob: &str) -> Result<Value> {
    let schema = serde_json::to_value(adult::schema()).map_err(Error::bug)?;
    Ok(json!({
        "training_blob": training_blob,
        "evaluation_blob": evaluation_blob,
        "card": {
            "name": DATASET,
            "origin": "UCI Machine Learning Repository, Adult (Census Income), DOI 10.24432/C5XW20",
            "collection": "United States Census Bureau, Current Population Survey of 1994",
            "preparation": "Extracted by Becker and Kohavi (1996); unknown values are '?'; used unaltered",
            "assumptions": "Yearly income above 50,000 dollars stands in for the ability to repay",
            "licence": "CC BY 4.0",
            "purposes": [PURPOSE],
            "legal_bases": [{ "basis": "6(1)(f)", "purpose": PURPOSE }],
            "special_categories": [{ "column": "race", "basis_9_2": "9(2)(j)" }],
            "retention_until": "2036-12-31",
            "representativeness": "Adults in the United States in 1994; not of any other place or time",
            "known_gaps": "Small groups: Amer-Indian-Eskimo and Other; two values of sex only",
            "personal_data": true,
            "large_scale": false,
            "schema": schema,
            "privacy_budget": { "epsilon": 10.0, "delta": 0.0001 },
        },
    }))
}

/// The AI system's card.
pub fn system() -> Value {
    json!({
        "name": SYSTEM,
        "intended_purpose": "Research model for the pre-screening of credit applications by a person",
        "risk": {
            "annex_iii_area": "essential_services",
            "annex_iii_point": "5b",
            "profiling": true,
        },
        "prohibited_practices": {
            "a": false, "b": false, "ba": false, "bb": false, "c": false,
            "d": false, "e": false, "f": false, "g": false, "h": false,
        },
        "overseer": "Head of credit risk (appointment 2026-14)",
        "dpia_reference": "DPIA-2026-07",
    })
}

/// A training job. Without a legal basis it is denied.
pub fn job(name: &str, legal_basis: Option<&str>, mitigation: &Value) -> Value {
    let features: Vec<String> = adult::schema().default_features();
    let mut spec = json!({
        "kind": "train",
        "name": name,
        "dataset": DATASET,
        "system": SYSTEM,
        "purpose": PURPOSE,
        "minimised_excluded": ["sex", "race", "fnlwgt"],
        "column_justifications": {
            "age": "Earning power changes over a working life; fairness by age group is measured",
        },
        "automated_decision": {
            "solely": false,
            "human_review_route": "Every application is decided by a credit officer",
        },
        "declared_metrics": {
            "accuracy_min": 0.80,
            "parity_difference_max": 0.10,
            "equalized_odds_difference_max": 0.20,
        },
        "training": {
            "hidden": [64],
            "duration": { "epochs": 20.0 },
            "batch_size_expected": 1024,
            "learning_rate": 0.002,
            "optimizer": "adam",
            "seed": 20_261_124,
            "features": features,
            "privacy": { "noise_multiplier": 1.5, "clip_norm": 4.0, "delta": 1e-5 },
            "mitigation": mitigation,
        },
        "device": "auto",
    });
    if let Some(basis) = legal_basis {
        spec["legal_basis"] = json!(basis);
        spec["legitimate_interest_assessment"] = json!("LIA-2026-03");
    }
    spec
}

/// Three applicants, as a client would send them.
pub fn applicants() -> Value {
    json!({ "rows": [
        applicant(39, "State-gov", "Bachelors", 13, "Never-married", "Adm-clerical", "Not-in-family", 2174, 40),
        applicant(52, "Self-emp-inc", "HS-grad", 9, "Married-civ-spouse", "Exec-managerial", "Wife", 15024, 40),
        applicant(23, "Private", "11th", 7, "Never-married", "Sales", "Own-child", 0, 20),
    ] })
}

#[allow(clippy::too_many_arguments)] // a row of a table
fn applicant(
    age: u32,
    workclass: &str,
    education: &str,
    education_years: u32,
    marital_status: &str,
    occupation: &str,
    relationship: &str,
    capital_gain: u32,
    hours: u32,
) -> Value {
    json!({
        "age": age, "workclass": workclass, "education": education,
        "education-num": education_years, "marital-status": marital_status,
        "occupation": occupation, "relationship": relationship, "capital-gain": capital_gain,
        "capital-loss": 0, "hours-per-week": hours, "native-country": "United-States",
    })
}
