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

/// The page of what an event is about. What was refused never came to be, and has no page.
pub fn event_subject(event_kind: &str, kind: &str, id: &str) -> Option<String> {
    let refused = event_kind.ends_with("_denied") || event_kind == "job_refused_for_budget";
    if refused { None } else { subject(kind, id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_has_no_page() {
        assert_eq!(event_subject("job_denied", "job", "1"), None);
        assert_eq!(event_subject("job_refused_for_budget", "job", "1"), None);
        assert_eq!(event_subject("job_admitted", "job", "1").as_deref(), Some("/jobs/1"));
        assert_eq!(event_subject("key_registered", "principal", "1"), None);
    }
}
