#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::TestKey;
use proptest::prelude::*;

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const TEXT: &str = "This is an example message.\n";
const SIGNATURE: &str =
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";

fn vector() -> String {
    format!("{TEXT}\n\u{2014} example.com/foo {SIGNATURE}\n")
}

fn verify(note: &str, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, AuditError> {
    Note::parse(note.as_bytes())?.verify(keys)
}

#[test]
fn the_example_of_the_specification() {
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(key.to_string(), VKEY);
    let note = Note::parse(vector().as_bytes()).unwrap();
    assert_eq!(note.text(), TEXT);
    assert_eq!(note.to_string(), vector());
    let verified = note.verify(&[key]).unwrap();
    assert_eq!(verified[0].name.as_str(), "example.com/foo");
    assert_eq!(verified[0].timestamp, None);
}

#[test]
fn keys_of_the_own_vectors() {
    let log = TestKey::counting("audit.example.test/log1", 0).log();
    assert_eq!(
        log.to_string(),
        "audit.example.test/log1+1e8bcc0f+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    );
    let witness = TestKey::counting("witness.example.test/w1", 0x20).witness();
    assert_eq!(
        witness.to_string(),
        "witness.example.test/w1+e07bb2cd+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
    );
}

#[test]
fn verifier_keys_that_are_refused() {
    for text in [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fox+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==",
        "example.com/foo+530d903a+",
    ] {
        assert!(VerifierKey::parse(text).is_err(), "accepted {text}");
    }
}

#[test]
fn unknown_key_types_are_kept_but_not_verified() {
    let name = KeyName::new("example.com/private").unwrap();
    let key = VerifierKey::new(name.clone(), KeyType::Unknown(0xff), vec![1, 2, 3]).unwrap();
    assert_eq!(VerifierKey::parse(&key.to_string()).unwrap(), key);
    let line = SignatureLine::new(name, key.key_id(), vec![9]);
    let note = Note::new(TEXT.into(), vec![line]).unwrap();
    assert_eq!(note.verify(&[key]), Err(AuditError::UnsupportedKey(0xff)));
}

#[test]
fn ml_dsa_is_recognised_and_unsupported() {
    let name = KeyName::new("witness.example.test/pq").unwrap();
    assert!(VerifierKey::new(name.clone(), KeyType::from_byte(6), vec![0; 32]).is_err());
    let key = VerifierKey::new(name.clone(), KeyType::from_byte(6), vec![0; 1312]).unwrap();
    let line = SignatureLine::new(name, key.key_id(), vec![0; 8 + 2420]);
    let log = TestKey::counting("audit.example.test/log1", 0);
    let mut note = Note::new(TEXT.into(), vec![line]).unwrap();
    assert_eq!(note.verify(std::slice::from_ref(&key)), Err(AuditError::UnsupportedKey(6)));
    // Beside a signature that can be checked it neither helps nor harms.
    note.push_signature(log.sign_note(TEXT));
    assert_eq!(note.verify(&[key, log.log()]).unwrap().len(), 1);
}

#[test]
fn rejection_rules() {
    let (one, two) = (TestKey::counting("one", 0), TestKey::counting("two", 0x40));
    let bad = SignatureLine::new(KeyName::new("two").unwrap(), two.log().key_id(), vec![7; 64]);
    let note = Note::new(TEXT.into(), vec![bad, one.sign_note(TEXT)]).unwrap();
    // The bad signature is of an unknown key: ignored.
    assert_eq!(note.verify(&[one.log()]).unwrap().len(), 1);
    // Of a known key: the whole note is rejected.
    let both = note.verify(&[one.log(), two.log()]);
    assert_eq!(both, Err(AuditError::SignatureInvalid("two".into())));
    // No known key at all.
    let none = note.verify(&[TestKey::counting("three", 0x60).log()]);
    assert!(matches!(none, Err(AuditError::NoTrustedSignature(_))));
    assert!(matches!(note.verify(&[]), Err(AuditError::NoTrustedSignature(_))));
    // The same name with another key is another key.
    let namesake = TestKey::counting("one", 0x60).log();
    assert!(matches!(note.verify(&[namesake]), Err(AuditError::NoTrustedSignature(_))));
}

#[test]
fn sixteen_signatures_and_more_but_not_any_number() {
    let keys: Vec<_> = (0..16).map(|i| TestKey::counting(&format!("k{i}"), i * 8)).collect();
    let lines: Vec<_> = keys.iter().map(|key| key.sign_note(TEXT)).collect();
    let note = Note::new(TEXT.into(), lines.clone()).unwrap().to_string();
    let known: Vec<_> = keys.iter().map(TestKey::log).collect();
    assert_eq!(verify(&note, &known).unwrap().len(), 16);
    let repeated: Vec<_> = lines.iter().cycle().take(101).cloned().collect();
    let note = Note::new(TEXT.into(), repeated).unwrap().to_string();
    assert!(Note::parse(note.as_bytes()).is_err());
}

#[test]
fn repeated_lines_of_one_key_count_once() {
    let key = TestKey::counting("one", 0);
    let note = Note::new(TEXT.into(), vec![key.sign_note(TEXT), key.sign_note(TEXT)]).unwrap();
    assert_eq!(note.verify(&[key.log()]).unwrap().len(), 1);
}

#[test]
fn malformed_notes() {
    let good = vector();
    let cases: &[String] = &[
        String::new(),
        TEXT.into(),
        format!("{TEXT}\n"),
        good.trim_end().into(),
        good.replace('\u{2014}', "-"),
        good.replace("\n\n", "\n"),
        good.replace("message", "mess\tage"),
        good.replace("example.com/foo ", ""),
        good.replace("example.com/foo", "example.com+foo"),
        good.replace(SIGNATURE, "Uw2QOg=="),
        good.replace("aQM=", "aQM"),
        format!("{good}\n"),
        format!("{good} "),
    ];
    for note in cases {
        assert!(Note::parse(note.as_bytes()).is_err(), "accepted {note:?}");
    }
    assert!(Note::parse(b"\xff\n\n").is_err());
}

#[test]
fn the_text_may_hold_empty_lines() {
    let key = TestKey::counting("one", 0);
    let text = "a\n\n\u{2014} one looks like a signature\n\nb\n";
    let note = Note::new(text.into(), vec![key.sign_note(text)]).unwrap().to_string();
    let parsed = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.text(), text);
    parsed.verify(&[key.log()]).unwrap();
}

proptest! {
    #[test]
    fn arbitrary_input_never_panics(bytes: Vec<u8>, text: String) {
        let _ = Note::parse(&bytes);
        let _ = Note::parse(text.as_bytes());
        let _ = VerifierKey::parse(&text);
        let _ = SignatureLine::parse(&text);
    }

    #[test]
    fn damaged_notes_never_verify_with_another_text(at in 0_usize..140, byte in 0x20_u8..0x7f) {
        let mut bytes = vector().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let key = VerifierKey::parse(VKEY).unwrap();
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.verify(&[key]).is_err());
        }
    }

    #[test]
    fn notes_round_trip(text in "[a-z \n\u{e9}]{0,40}", count in 1_usize..5) {
        let key = TestKey::counting("one", 0);
        let text = text + "\n";
        let lines = vec![key.sign_note(&text); count];
        let note = Note::new(text, lines).unwrap();
        prop_assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
    }
}
