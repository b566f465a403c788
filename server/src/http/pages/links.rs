//! Where the subject of an event or a decision can be seen.

/// The page of a subject, where it has one.
pub fn subject(kind: &str, id: &str) -> Option<String> {
    match kind {
        "job" => Some(format!("/jobs/{id}")),
        "model" => Some(format!("/models/{id}")),
        "dataset" => Some(format!("/datasets#dataset-{id}")),
        "system" => Some(format!("/datasets#system-{id}")),
        "deployment" => Some(format!("/deployments#deployment-{id}")),
        _ => None,
    }
}
