#![allow(clippy::unwrap_used)]
//! Attacks on an export, and what the report says of each.

mod entries;
mod history;
mod payloads;

use proptest::prelude::*;

use super::{fixture::*, *};
use crate::Hash;

#[test]
fn whole_exports_of_every_shape_pass() {
    for size in [0, 1, 2, 255, 256, 257, 512, 700] {
        let report = verify(&Log::of(size).export());
        assert!(report.is_ok(), "size {size}: {}", text(&report));
        assert_eq!(report.size(), size);
        assert_eq!(report.erased, 0);
    }
}

#[test]
fn the_report_as_programs_read_it() {
    let mut files = Log::of(3).export();
    edit_bundle(&mut files, 0, |entries| entries[1] = event(1, "job_denied").0);
    let json = serde_json::to_string_pretty(&verify(&files)).unwrap();
    expect_test::expect![[r#"
        {
          "ok": false,
          "size": 3,
          "root": "675a33401b28b49c4bec10b6f88b8f8f5e90729a4820903388fe5816d3bae5d2",
          "erased": 0,
          "findings": [
            {
              "leaf_index": 1,
              "leaf_count": 1,
              "event_id": "01920000-0000-7000-8000-000000000001",
              "event_kind": "job_denied",
              "fault": "entry_altered",
              "reason": "the entry was altered: its hash is not the one in tile 0"
            }
          ]
        }"#]]
    .assert_eq(&json);
}

#[test]
fn a_missing_or_broken_checkpoint_is_reported() {
    let mut files = Log::of(3).export();
    files.insert(CHECKPOINT_PATH.into(), b"nonsense".to_vec());
    assert_eq!(verify(&files).findings[0].fault.code(), "checkpoint_unreadable");
    files.remove(CHECKPOINT_PATH);
    let report = verify(&files);
    assert_eq!(text(&report), "log: the checkpoint cannot be read: there is none\n");
    assert_eq!((report.size(), report.root()), (0, None));
}

#[test]
fn a_claimed_size_beyond_all_bounds_ends_soon() {
    let mut files = Log::of(3).export();
    let forged = sign(&log_key(), u64::MAX, Hash::new([1; 32]));
    files.insert(CHECKPOINT_PATH.into(), forged.to_string().into_bytes());
    let report = verify(&files);
    assert!(!report.is_ok());
    let last = report.findings.last().unwrap();
    assert_eq!((last.fault.clone(), last.leaf_count > 1 << 62), (Fault::EntryMissing, true));
}

#[test]
fn a_reader_that_fails_is_not_trusted() {
    struct Broken;
    impl ExportReader for Broken {
        fn read(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
            Err("the disk is gone".into())
        }
    }
    let report = verify_export(&Broken, &log_key().log(), None);
    assert_eq!(text(&report), "log: the checkpoint cannot be read: the disk is gone\n");
}

/// A change to one file.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Truncate(usize),
    Remove,
    Append(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<usize>(), 1_u8..).prop_map(|(at, mask)| Change::Flip(at, mask)),
        1 => any::<usize>().prop_map(Change::Truncate),
        1 => Just(Change::Remove),
        1 => any::<u8>().prop_map(Change::Append),
    ]
}

fn apply(files: &mut Files, path: &str, change: &Change) {
    let bytes = files.get_mut(path).unwrap();
    let length = bytes.len();
    match change {
        Change::Flip(at, mask) => bytes[at % length] ^= mask,
        Change::Truncate(at) => bytes.truncate(at % length),
        Change::Remove => drop(files.remove(path)),
        Change::Append(byte) => bytes.push(*byte),
    }
}

/// Changes that leave every line of the payload file with its meaning: white space at its end.
fn is_harmless(before: &Files, after: &Files) -> bool {
    let trimmed =
        |files: &Files| files.get(PAYLOADS_PATH).map(|bytes| bytes.trim_ascii_end().to_vec());
    let others = |files: &Files| {
        let mut files = files.clone();
        files.remove(PAYLOADS_PATH);
        files
    };
    trimmed(before) == trimmed(after) && others(before) == others(after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_to_any_file_goes_unnoticed(size in 1_u64..600, pick: usize, change in change()) {
        let before = Log::of(size).export();
        let mut after = before.clone();
        let path = after.keys().nth(pick % after.len()).unwrap().clone();
        apply(&mut after, &path, &change);
        prop_assume!(!is_harmless(&before, &after));
        prop_assert!(!verify(&after).is_ok(), "{path}: {change:?}");
    }

    #[test]
    fn arbitrary_files_never_panic(
        size in 0_u64..70_000, root: [u8; 32],
        contents in proptest::collection::vec(any::<Vec<u8>>(), 6), lines: String,
    ) {
        let mut files = Files::new();
        let checkpoint = sign(&log_key(), size, Hash::new(root)).to_string().into_bytes();
        files.insert(CHECKPOINT_PATH.into(), checkpoint);
        files.insert(PAYLOADS_PATH.into(), lines.into_bytes());
        let paths = ["tile/entries/000", "tile/0/000", "tile/1/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/2/000.p/1"];
        files.extend(paths.map(String::from).into_iter().zip(contents));
        prop_assert!(size == 0 || !verify(&files).is_ok());
    }

    #[test]
    fn the_first_altered_entry_is_named(size in 1_u64..600, picks in proptest::collection::vec(any::<u64>(), 1..4)) {
        let mut files = Log::of(size).export();
        for pick in &picks {
            let index = pick % size;
            edit_bundle(&mut files, index / 256, |entries| {
                entries[(index % 256) as usize] = event(index, "job_denied").0;
            });
        }
        let first = picks.iter().map(|pick| pick % size).min().unwrap();
        let report = verify(&files);
        let finding = report.first_tampered().unwrap();
        prop_assert_eq!(&finding.fault, &Fault::EntryAltered);
        prop_assert_eq!(finding.leaf_index, Some(first));
        prop_assert_eq!(&finding.event_id, &Some(event_id(first)));
    }
}
