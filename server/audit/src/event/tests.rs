#![allow(clippy::unwrap_used)]
use super::*;
use crate::{AuditError, jcs};
use expect_test::expect;
use proptest::prelude::*;

fn sample() -> Envelope {
    Envelope {
        id: EventId::parse("01920000-0000-7000-8000-00000000002a").unwrap(),
        kind: EventKind::new("job_admitted").unwrap(),
        time: EventTime::new("2026-01-31T23:59:59.000001Z").unwrap(),
        actor: "person-7f3a".into(),
        subject: Subject { kind: "job".into(), id: "42".into() },
        payload_sha256: payload_digest(&[7; 32], b"{}"),
    }
}

#[test]
fn the_entry_as_it_stands_in_the_log() {
    let entry = sample().encode().unwrap();
    expect![[r#"{"actor":"person-7f3a","id":"01920000-0000-7000-8000-00000000002a","kind":"job_admitted","payload_sha256":"605dcbfd3c387c45b6db7e7b1fb961bdd75d762260c4879b3c3b4f15edacad42","subject":{"id":"42","kind":"job"},"time":"2026-01-31T23:59:59.000001Z","v":1}"#]]
    .assert_eq(std::str::from_utf8(&entry).unwrap());
    assert_eq!(Envelope::decode(&entry).unwrap(), sample());
    assert_eq!(sample().leaf_hash().unwrap(), crate::merkle::leaf_hash(&entry));
}

#[test]
fn entries_that_are_refused() {
    let good = String::from_utf8(sample().encode().unwrap()).unwrap();
    for entry in [
        String::new(),
        good.replace(r#""v":1"#, r#""v":2"#),
        good.replace(r#","v":1"#, ""),
        good.replace(r#""v":1"#, r#""v":1.0"#),
        good.replace(r#""v":1"#, r#""v":1,"w":1"#),
        good.replace(r#""v":1"#, r#""v":1,"v":1"#),
        good.replace(r#""id":"42""#, r#""id":"42","x":"y""#),
        good.replace("{\"actor", "{ \"actor"),
        good.replace("person", "p\\u0065rson"),
        good.replace("person-7f3a", ""),
        good.replace("job_admitted", "Job admitted"),
        good.replace("01920000-0000", "01920000+0000"),
        good.replace("00002a", "00002A"),
        good.replace("605dcb", "605DCB"),
        good.replace("000001Z", "000001+00:00"),
        good.replace(r#""id":"42","kind":"job""#, r#""kind":"job","id":"42""#),
        format!("{good}\n"),
    ] {
        assert!(Envelope::decode(entry.as_bytes()).is_err(), "accepted {entry}");
    }
}

#[test]
fn long_entries_are_refused() {
    let overhead = sample().encode().unwrap().len() - sample().actor.len();
    let mut event = sample();
    event.actor = "a".repeat(65_535 - overhead);
    let entry = event.encode().unwrap();
    assert_eq!(entry.len(), 65_535);
    assert_eq!(Envelope::decode(&entry).unwrap(), event);
    event.actor.push('a');
    let (length, limit) = (65_536, 65_535);
    assert_eq!(event.encode(), Err(AuditError::TooLong { what: "event", length, limit }));
}

#[test]
fn times() {
    for time in ["2024-02-29T00:00:00.000000Z", "2000-02-29T23:59:59.999999Z"] {
        assert!(EventTime::new(time).is_ok(), "refused {time}");
    }
    for time in [
        "2023-02-29T00:00:00.000000Z",
        "1900-02-29T00:00:00.000000Z",
        "2024-13-01T00:00:00.000000Z",
        "2024-00-01T00:00:00.000000Z",
        "2024-04-31T00:00:00.000000Z",
        "2024-04-00T00:00:00.000000Z",
        "2024-04-01T24:00:00.000000Z",
        "2024-04-01T00:60:00.000000Z",
        "2024-12-31T23:59:60.000000Z",
        "2024-04-01T00:00:00.000Z",
        "2024-04-01 00:00:00.000000Z",
        "2024-04-01t00:00:00.000000z",
    ] {
        assert!(EventTime::new(time).is_err(), "accepted {time}");
    }
}

#[test]
fn the_digest_is_over_salt_and_payload() {
    let salt = [1; 32];
    let joined = [salt.as_slice(), b"payload"].concat();
    assert_eq!(payload_digest(&salt, b"payload"), Hash::sha256(&[&joined]));
    assert_ne!(payload_digest(&[2; 32], b"payload"), payload_digest(&salt, b"payload"));
}

proptest! {
    #[test]
    fn the_encoding_is_canonical_and_round_trips(
        id: [u8; 16], actor in "\\PC{1,20}", subject_id in ".{1,20}", control in "[\u{0}-\u{20}\"\\\\]{1,8}",
    ) {
        let mut event = sample();
        event.id = EventId::new(id);
        event.actor = actor;
        event.subject = Subject { kind: control, id: subject_id };
        let entry = event.encode().unwrap();
        prop_assert_eq!(
            &entry,
            &jcs::to_vec(&serde_json::from_slice::<serde_json::Value>(&entry).unwrap()).unwrap()
        );
        prop_assert!(jcs::is_canonical(&entry));
        prop_assert_eq!(Envelope::decode(&entry).unwrap(), event);
    }

    #[test]
    fn ids_round_trip(bytes: [u8; 16]) {
        let id = EventId::new(bytes);
        prop_assert_eq!(EventId::parse(&id.to_string()).unwrap(), id);
    }

    #[test]
    fn arbitrary_input_never_panics(bytes: Vec<u8>, text: String) {
        let _ = Envelope::decode(&bytes);
        let _ = Envelope::decode(text.as_bytes());
        let _ = EventId::parse(&text);
        let _ = EventKind::new(text.clone());
        let _ = EventTime::new(text);
    }

    #[test]
    fn a_damaged_entry_is_refused_or_another_event(at: usize, byte: u8) {
        let mut entry = sample().encode().unwrap();
        let at = at % entry.len();
        prop_assume!(entry[at] != byte);
        entry[at] = byte;
        if let Ok(other) = Envelope::decode(&entry) {
            prop_assert_ne!(&other, &sample());
            prop_assert_eq!(other.encode().unwrap(), entry);
        }
    }
}
