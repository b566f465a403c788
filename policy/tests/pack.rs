//! What a pack accepts and refuses.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use chancery_policy::{Facts, Pack, PolicyError, RuleResult, decide};
use serde_json::json;

const METADATA: &str = r#"metadata := {
	"id": "probe",
	"title": "Probe",
	"article": "None",
	"applies_from": "2025-01-01",
	"source": "https://example.org",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration"],
	"remedy": "None.",
}
"#;

/// A rule file with this body after its metadata.
fn probe(body: &str) -> String {
    format!("package chancery.rules.probe\n\n{METADATA}\n{body}")
}

const PASSING: &str = "applicable := true\npass := true\nreasons := set()";

/// Path and text of every file under `rules/`.
fn on_disk() -> Vec<(String, String)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found
}

/// The least a pack may hold, and one probe.
fn with_probe(text: &str) -> Result<Pack, PolicyError> {
    let mut sources: Vec<_> = on_disk()
        .into_iter()
        .filter(|(path, _)| path == "pack.rego" || path.starts_with("ai_act/ai_act_5_"))
        .collect();
    sources.push(("probe.rego".to_owned(), text.to_owned()));
    Pack::from_sources(sources)
}

/// The probe's verdict on the base facts.
fn ask(body: &str) -> (bool, RuleResult, String) {
    let pack = with_probe(&probe(body)).unwrap();
    let decision = decide(&pack, &registration());
    let verdict = support::verdict(&decision, "probe").unwrap();
    (decision.allow, verdict.result, verdict.reason.clone())
}

fn registration() -> Facts {
    support::facts(&support::patched(&json!({ "gate": "dataset_registration" })))
}

#[test]
fn the_embedded_pack_is_the_folder() {
    let disk = Pack::from_sources(on_disk()).unwrap();
    assert_eq!(disk.digest(), support::pack().digest());
    assert_eq!(disk.rules(), support::pack().rules());
}

#[test]
fn the_digest_follows_paths_and_texts_and_no_order() {
    let mut sources = on_disk();
    sources.reverse();
    let reversed = Pack::from_sources(sources.clone()).unwrap();
    assert_eq!(reversed.digest(), support::pack().digest());
    let gate = sources.iter_mut().find(|(path, _)| path == "quality/quality_accuracy.rego");
    gate.unwrap().1.push_str("\n# A comment is content as well.\n");
    let changed = Pack::from_sources(sources).unwrap();
    assert_ne!(changed.digest(), support::pack().digest());
}

#[test]
fn a_pack_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Pack>();
    let expected = decide(support::pack(), &registration());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(decide(support::pack(), &registration()), expected));
        }
    });
}

#[test]
fn every_missing_metadata_field_is_named_with_its_file() {
    for field in [
        "id",
        "title",
        "article",
        "applies_from",
        "source",
        "version",
        "severity",
        "gates",
        "remedy",
    ] {
        let text: Vec<_> = probe(PASSING)
            .lines()
            .filter(|line| !line.starts_with(&format!("\t\"{field}\"")))
            .map(str::to_owned)
            .collect();
        let error = with_probe(&text.join("\n")).unwrap_err();
        let PolicyError::Metadata { file, field: named, problem } = error else {
            panic!("{field}: {error}");
        };
        assert_eq!(
            (file.as_str(), named.as_str(), problem.as_str()),
            ("probe.rego", field, "missing")
        );
    }
}

#[test]
fn malformed_metadata_is_refused() {
    for (from, to) in [
        ("\"2025-01-01\"", "\"2025-13-01\""),
        ("\"2025-01-01\"", "\"2025-W01-1\""),
        ("\"2025-01-01\"", "\"20250101\""),
        ("\"block\"", "\"advise\""),
        ("[\"dataset_registration\"]", "[]"),
        ("[\"dataset_registration\"]", "[\"after_lunch\"]"),
        ("\"probe\"", "\"other\""),
        ("\"Probe\"", "\" \""),
        ("\"Probe\"", "input.actor.id"),
        ("\t\"remedy\"", "\t\"extra\": 1,\n\t\"remedy\""),
    ] {
        let error = with_probe(&probe(PASSING).replace(from, to)).unwrap_err();
        assert!(matches!(error, PolicyError::Metadata { .. }), "{to}: {error}");
    }
    let without = format!("package chancery.rules.probe\n{PASSING}");
    assert!(matches!(with_probe(&without), Err(PolicyError::Metadata { .. })));
}

#[test]
fn a_rule_declares_all_its_parts_in_its_own_package() {
    for part in ["applicable", "pass", "reasons"] {
        let lines: Vec<_> = PASSING.lines().filter(|line| !line.starts_with(part)).collect();
        let error = with_probe(&probe(&lines.join("\n"))).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    for package in ["chancery.pack", "chancery.lib.probe", "chancery.rules", "other.probe"] {
        let text = probe(PASSING).replace("chancery.rules.probe", package);
        assert!(matches!(with_probe(&text), Err(PolicyError::Source { .. })), "{package}");
    }
    let claimed = probe(PASSING).replace("rules.probe", "rules.ai_act_5_prohibited_practices");
    assert!(matches!(with_probe(&claimed), Err(PolicyError::Duplicate { .. })));
}

#[test]
fn hostile_rego_is_refused_at_load() {
    for call in [
        "time.now_ns() > 0",
        "rand.intn(\"x\", 2) == 1",
        "http.send({\"method\": \"get\", \"url\": \"https://example.org\"})",
        "opa.runtime().env",
        "uuid.rfc4122(\"x\")",
        "print(input)",
        "trace(\"x\")",
        "time[\"now_ns\"]() > 0",
    ] {
        let body = format!("applicable := true\nreasons := set()\npass if {call}");
        let error = with_probe(&probe(&body)).unwrap_err();
        assert!(matches!(error, PolicyError::ImpureBuiltin { .. }), "{call}: {error}");
    }
    let recursive = probe("applicable := true\nreasons := set()\npass if pass");
    let denied = with_probe(&recursive).map(|pack| decide(&pack, &registration()).allow);
    assert!(!denied.unwrap_or(false));
    for depth in [8, 13, 30, 4096] {
        let deep = format!("x := {}1{}", "[".repeat(depth), "]".repeat(depth));
        let loaded = with_probe(&probe(&format!("{PASSING}\n{deep}")));
        assert_eq!(loaded.is_ok(), depth <= 12, "{depth}");
    }
}

#[test]
fn what_escapes_the_scan_is_refused_at_evaluation() {
    // An escape inside the quotes hides the name from a scan of the text.
    let body = "applicable := true\nreasons := set()\npass if {\n\tx := time[\"now\\u005fns\"]()\n\tx > 0\n}";
    let allowed = with_probe(&probe(body)).map(|pack| decide(&pack, &registration()).allow);
    assert!(!allowed.unwrap_or(false));
}

#[test]
fn undefined_contradictory_and_failing_rules_deny() {
    assert_eq!(ask(PASSING).1, RuleResult::Pass);
    for (body, result) in [
        ("applicable if false\npass := true\nreasons := set()", RuleResult::Error),
        ("applicable := 1\npass := true\nreasons := set()", RuleResult::Error),
        ("applicable := true\npass := \"true\"\nreasons := set()", RuleResult::Error),
        ("applicable := true\npass := true\nreasons := 7", RuleResult::Error),
        ("applicable := true\npass := true\nreasons := {1, 2}", RuleResult::Error),
        ("applicable := true\npass if input.nowhere\nreasons := set()", RuleResult::Fail),
        ("applicable := true\npass := true\nreasons contains \"but\"", RuleResult::Fail),
        ("applicable := true\npass if 1 / 0 > 0\nreasons := set()", RuleResult::Error),
        ("applicable := true\npass if to_number(\"x\") > 0\nreasons := set()", RuleResult::Error),
        (
            "applicable := true\npass := true\npass := false if true\nreasons := set()",
            RuleResult::Error,
        ),
    ] {
        let (allow, found, reason) = ask(body);
        assert_eq!((allow, found), (false, result), "{body}: {reason}");
        assert!(!reason.is_empty());
    }
}

#[test]
fn an_error_in_one_rule_leaves_the_verdicts_of_the_others() {
    let gates = r#"["dataset_registration", "before_training", "after_evaluation", "before_deployment", "at_inference"]"#;
    for body in [
        "applicable := true\npass if 1 / 0 > 0\nreasons := set()",
        "applicable := true\npass := true\npass := false if true\nreasons := set()",
        "applicable if to_number(\"x\") > 0\npass := true\nreasons := set()",
        "applicable if false\npass := true\nreasons := set()",
        "applicable := true\npass := true\nreasons := 7",
    ] {
        let broken = probe(body).replace(r#"["dataset_registration"]"#, gates);
        let mut sources = on_disk();
        sources.push(("probe.rego".to_owned(), broken));
        let pack = Pack::from_sources(sources).unwrap();
        for gate in ["dataset_registration", "before_training", "before_deployment"] {
            let facts = support::facts(&support::patched(&json!({ "gate": gate })));
            let mut decision = decide(&pack, &facts);
            assert!(!decision.allow);
            let at = decision.verdicts.iter().position(|verdict| verdict.rule == "probe");
            let verdict = decision.verdicts.remove(at.unwrap());
            assert_eq!(verdict.result, RuleResult::Error, "{body}: {}", verdict.reason);
            assert_eq!(decision.verdicts, decide(support::pack(), &facts).verdicts, "{body}");
        }
    }
}

#[test]
fn the_name_of_the_answer_is_reserved() {
    let body = format!("{PASSING}\nchancery_answer := {{\"pass\": [true]}}");
    assert!(matches!(with_probe(&probe(&body)), Err(PolicyError::Source { .. })));
}

#[test]
fn mandatory_rules_cannot_be_left_out_or_altered() {
    let mandatory = "ai_act/ai_act_5_prohibited_practices.rego";
    let without = on_disk().into_iter().filter(|(path, _)| path != mandatory).collect();
    assert!(matches!(Pack::from_sources(without), Err(PolicyError::MandatoryRule { .. })));
    let altered = on_disk()
        .into_iter()
        .map(|(path, text)| match path == mandatory {
            true => (path, text.replace("\"block\"", "\"report\"")),
            false => (path, text),
        })
        .collect();
    assert!(matches!(Pack::from_sources(altered), Err(PolicyError::MandatoryRule { .. })));
}

#[test]
fn a_gate_without_rules_denies_and_says_so() {
    let sources = on_disk()
        .into_iter()
        .filter(|(path, _)| path == "pack.rego" || path.starts_with("ai_act/ai_act_5_"))
        .collect();
    let pack = Pack::from_sources(sources).unwrap();
    let decision = decide(&pack, &registration());
    assert!(!decision.allow);
    assert!(decision.verdicts[0].reason.contains("no rule at this gate"));
}

#[test]
fn an_oversized_pack_is_refused() {
    let mut sources = on_disk();
    sources.push(("lib/long.rego".to_owned(), "#".repeat(5 << 20)));
    assert!(matches!(Pack::from_sources(sources), Err(PolicyError::PackTooLarge { .. })));
    let twice = [on_disk(), on_disk()].concat();
    assert!(matches!(Pack::from_sources(twice), Err(PolicyError::Duplicate { .. })));
}
