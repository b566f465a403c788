//! Checkpoints forged, rolled back and forked; events that should not have been logged.

use expect_test::{Expect, expect};

use super::super::{CHECKPOINT_PATH, fixture::*};
use crate::{Hash, checkpoint::SignedCheckpoint, testing::TestKey};

fn check(files: &Files, trusted: Option<&SignedCheckpoint>, expected: Expect) {
    let report = match trusted {
        Some(trusted) => verify_against(files, trusted),
        None => verify(files),
    };
    expected.assert_eq(&text(&report));
}

fn with_checkpoint(mut files: Files, checkpoint: &SignedCheckpoint) -> Files {
    files.insert(CHECKPOINT_PATH.into(), checkpoint.to_string().into_bytes());
    files
}

#[test]
fn a_checkpoint_signed_by_another_key() {
    let log = Log::of(300);
    let root = log.checkpoint(300).checkpoint().root;
    let thief = TestKey::counting("audit.example.test/log1", 0x40);
    check(
        &with_checkpoint(log.export(), &sign(&thief, 300, root)),
        None,
        expect![[r#"
        log: the checkpoint is not signed by the log's key: no signature of a trusted key: wanted one of [audit.example.test/log1]
    "#]],
    );
    let other = TestKey::counting("audit.example.test/log2", 0);
    check(
        &with_checkpoint(log.export(), &sign(&other, 300, root)),
        None,
        expect![[r#"
        log: the checkpoint is not signed by the log's key: no signature of a trusted key: the checkpoint is of audit.example.test/log2, the key of audit.example.test/log1
    "#]],
    );
}

#[test]
fn a_checkpoint_whose_root_was_replaced() {
    let log = Log::of(300);
    let genuine = log.checkpoint(300);
    let forged = Hash::new([9; 32]).to_base64();
    let text = genuine.to_string().replace(&genuine.checkpoint().root.to_base64(), &forged);
    let forged = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    check(
        &with_checkpoint(log.export(), &forged),
        None,
        expect![[r#"
        log: the checkpoint is not signed by the log's key: the signature of audit.example.test/log1 does not verify
        leaves 0 to 299: entries and tiles agree with each other but do not lead to the checkpoint's root: one of these leaves, or the checkpoint, was rewritten
    "#]],
    );
}

#[test]
fn a_whole_history_rewritten_without_the_key() {
    let log = Log::of(300);
    let mut other = log.clone();
    other.entries[20] = event(20, "job_denied").0;
    // All files of the other history, but the genuine checkpoint: its signature is good.
    check(
        &with_checkpoint(other.export(), &log.checkpoint(300)),
        None,
        expect![[r#"
        leaves 0 to 299: entries and tiles agree with each other but do not lead to the checkpoint's root: one of these leaves, or the checkpoint, was rewritten
    "#]],
    );
}

#[test]
fn every_genuine_older_checkpoint_is_extended() {
    let log = Log::of(700);
    let files = log.export();
    for size in [0, 1, 255, 256, 257, 511, 512, 699, 700] {
        let report = verify_against(&files, &log.checkpoint(size));
        assert!(report.is_ok(), "size {size}: {}", text(&report));
    }
}

#[test]
fn a_rollback() {
    let log = Log::of(700);
    let mut shorter = log.clone();
    shorter.entries.truncate(600);
    shorter.lines.truncate(600);
    let files = shorter.export();
    assert!(verify(&files).is_ok());
    check(
        &files,
        Some(&log.checkpoint(700)),
        expect![[r#"
        log: rolled back: the log once had 700 leaves and now claims fewer
    "#]],
    );
}

#[test]
fn forks() {
    let log = Log::of(700);
    let mut fork = log.clone();
    (fork.entries[20], fork.lines[20]) = event(20, "job_denied");
    let files = fork.export();
    assert!(verify(&files).is_ok());
    check(
        &files,
        Some(&log.checkpoint(700)),
        expect![[r#"
        log: forked: the log signed another history for its first 700 leaves than the one in the trusted checkpoint
    "#]],
    );
    check(
        &files,
        Some(&log.checkpoint(600)),
        expect![[r#"
        log: forked: the log signed another history for its first 600 leaves than the one in the trusted checkpoint
    "#]],
    );
    check(&files, Some(&log.checkpoint(20)), expect![[""]]);
}

#[test]
fn a_trusted_checkpoint_that_is_none() {
    let log = Log::of(300);
    let root = log.checkpoint(200).checkpoint().root;
    let thief = TestKey::counting("audit.example.test/log1", 0x40);
    check(
        &log.export(),
        Some(&sign(&thief, 200, root)),
        expect![[r#"
        log: the trusted checkpoint is not one of this log: no signature of a trusted key: wanted one of [audit.example.test/log1]
    "#]],
    );
}

#[test]
fn tampering_before_the_trusted_checkpoint() {
    let log = Log::of(300);
    let mut files = log.export();
    // The level-0 tile still proves the prefix.
    edit_bundle(&mut files, 0, |entries| entries[20] = event(20, "job_denied").0);
    check(
        &files,
        Some(&log.checkpoint(200)),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_denied): the entry was altered: its hash is not the one in tile 0
    "#]],
    );
    rewrite(&mut files, 20, event(20, "job_denied").0);
    check(
        &files,
        Some(&log.checkpoint(200)),
        expect![[r#"
        log: the first 200 leaves do not lead to the root of the trusted checkpoint
        leaves 0 to 255: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
    "#]],
    );
}

#[test]
fn a_duplicate_event_id() {
    let mut log = Log::of(700);
    let (entry, line) = event(20, "job_admitted");
    (log.entries[400], log.lines[400]) = (entry, line.replace("\"index\":20", "\"index\":400"));
    check(
        &log.export(),
        None,
        expect![[r#"
        leaf 400, event 01920000-0000-7000-8000-000000000014: the event id is a duplicate: leaf 20 has it already
    "#]],
    );
}

#[test]
fn an_entry_that_is_no_event() {
    let mut log = Log::of(300);
    log.entries[20].push(b'\n');
    log.entries[21] = b"hello".to_vec();
    check(
        &log.export(),
        None,
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014: the entry is not a canonical event: malformed event: not canonical JSON
        leaf 21, event 01920000-0000-7000-8000-000000000015: the entry is not a canonical event: malformed event: expected value at line 1 column 1
    "#]],
    );
}
