//! Artefacts: deterministic bytes, a faithful round trip, and no trust in what comes back.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use chancery_kernels::{KernelError, from_safetensors, predict, predict_rows, to_safetensors};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn row() -> Map<String, Value> {
    let value = json!({
        "age": 39, "workclass": "Private", "education": "Bachelors", "education-num": 13,
        "marital-status": "Never-married", "occupation": "Adm-clerical",
        "relationship": "Not-in-family", "capital-gain": 2174, "capital-loss": 0,
        "hours-per-week": 40, "native-country": null
    });
    value.as_object().unwrap().clone()
}

#[test]
fn bytes_are_deterministic_and_read_back_to_the_same_predictions() {
    let (train, test) = (support::small_table(2_000), support::small_table(300));
    let model = support::trained(&train);
    let bytes = to_safetensors(&model).unwrap();
    assert_eq!(bytes, to_safetensors(&support::trained(&train)).unwrap());
    let back = from_safetensors(&bytes).unwrap();
    assert_eq!(to_safetensors(&back).unwrap(), bytes);
    assert_eq!(predict(&back, &test).unwrap(), predict(&model, &test).unwrap());
}

#[test]
fn a_json_row_is_predicted_and_its_faults_are_named() {
    let model = support::trained(&support::small_table(500));
    let good = predict_rows(&model, &[row()]).unwrap();
    assert!(good.len() == 1 && good[0] > 0.0 && good[0] < 1.0);
    let faults = [
        ("age", Some(json!("old")), "number"),
        ("workclass", Some(json!("Piracy")), "Private"),
        ("workclass", Some(json!(3)), "string"),
        ("hours-per-week", None, "missing"),
        ("shoe-size", Some(json!(44)), "no such column"),
    ];
    for (name, value, expected) in faults {
        let mut bad = row();
        match value {
            Some(value) => bad.insert(name.into(), value),
            None => bad.remove(name),
        };
        match predict_rows(&model, &[row(), bad]).unwrap_err() {
            KernelError::Row { row: 1, field, problem } => {
                assert!(field == name && problem.contains(expected), "{field}: {problem}");
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_changed_header_is_refused() {
    let bytes = to_safetensors(&support::trained(&support::small_table(500))).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Same length, so that the header still parses.
    for (from, to) in [("Bachelors", "Bachelorz"), ("layer.0.bias", "layer.9.bias"), ("F32", "I32")]
    {
        let at = text.find(from).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + from.len()].copy_from_slice(to.as_bytes());
        assert!(from_safetensors(&changed).is_err(), "{from} → {to} was accepted");
    }
    let mut not_finite = bytes.clone();
    let end = not_finite.len();
    not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(from_safetensors(&not_finite).is_err());
    assert!(from_safetensors(&bytes[..end - 1]).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(from_safetensors(&bytes).is_err());
    }

    #[test]
    fn a_damaged_artefact_never_panics(at in 0_usize..6_000, byte in any::<u8>()) {
        use std::sync::OnceLock;
        static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
        let bytes = BYTES.get_or_init(|| {
            to_safetensors(&support::trained(&support::small_table(200))).unwrap()
        });
        let mut damaged = bytes.clone();
        let at = at % damaged.len();
        damaged[at] = byte;
        let _ = from_safetensors(&damaged);
    }
}
