//! The payload file.

use expect_test::{Expect, expect};

use super::super::{PAYLOADS_PATH, fixture::*};

fn check(edit: impl FnOnce(&mut Vec<String>), expected: Expect) {
    let mut files = Log::of(300).export();
    edit_lines(&mut files, edit);
    expected.assert_eq(&text(&verify(&files)));
}

fn replace(index: usize, from: &str, to: &str) -> impl FnOnce(&mut Vec<String>) {
    let (from, to) = (from.to_owned(), to.to_owned());
    move |lines| {
        let changed = lines[index].replace(&from, &to);
        assert_ne!(changed, lines[index]);
        lines[index] = changed;
    }
}

/// A line whose payload and salt were destroyed.
fn erased(index: u64) -> String {
    let id = event_id(index);
    format!(r#"{{"index":{index},"event_id":"{id}","salt":null,"payload":null}}"#)
}

#[test]
fn erased_payloads_are_no_fault() {
    let mut files = Log::of(300).export();
    edit_lines(&mut files, |lines| {
        lines[20] = erased(20);
        lines[299] = erased(299);
    });
    let report = verify(&files);
    assert!(report.is_ok(), "{}", text(&report));
    assert_eq!(report.erased, 2);
}

#[test]
fn an_altered_payload_is_named() {
    check(
        replace(20, r#"\"n\":20"#, r#"\"n\":21"#),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload was altered: its salted digest is not the one in the entry
    "#]],
    );
}

#[test]
fn an_altered_salt_is_an_altered_payload() {
    check(
        replace(20, r#""salt":"05"#, r#""salt":"15"#),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload was altered: its salted digest is not the one in the entry
    "#]],
    );
}

#[test]
fn a_payload_without_its_salt_proves_nothing() {
    check(
        |lines| {
            let salt = lines[20].find("\"salt\":").unwrap();
            lines[20].replace_range(salt..salt + 73, "\"salt\":null");
        },
        expect![[r#"
            leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is malformed: no salt
        "#]],
    );
}

#[test]
fn missing_lines_are_one_finding() {
    check(
        |lines| drop(lines.drain(20..25)),
        expect![[r#"
        leaves 20 to 24, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is missing
    "#]],
    );
    check(
        |lines| lines.truncate(280),
        expect![[r#"
        leaves 280 to 299, event 01920000-0000-7000-8000-000000000118 (job_admitted): the payload's line is missing
    "#]],
    );
}

#[test]
fn a_missing_file_is_one_finding() {
    let mut files = Log::of(300).export();
    files.remove(PAYLOADS_PATH);
    expect![[r#"
        leaves 0 to 299: the payload's line is missing
    "#]]
    .assert_eq(&text(&verify(&files)));
}

#[test]
fn lines_of_other_leaves() {
    check(
        |lines| lines.swap(20, 21),
        expect![[r#"
        leaf 20: the payload's line is malformed: line 22 is not in leaf order
    "#]],
    );
    check(
        |lines| lines.push(lines[20].clone()),
        expect![[r#"
        log: the payload's line is malformed: line 301 is of leaf 20, which has none or another
    "#]],
    );
    check(
        replace(20, "000000000014", "000000000015"),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is of another event, 01920000-0000-7000-8000-000000000015
    "#]],
    );
    check(
        replace(299, "\"index\":299", "\"index\":300"),
        expect![[r#"
        log: the payload's line is malformed: line 300 is of leaf 300, which has none or another
        leaf 299, event 01920000-0000-7000-8000-00000000012b (job_admitted): the payload's line is missing
    "#]],
    );
}

#[test]
fn malformed_lines() {
    check(
        |lines| lines[20] = "nonsense".into(),
        expect![[r#"
        log: the payload's line is malformed: line 21: expected ident at line 1 column 2
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is missing
    "#]],
    );
    check(
        replace(20, "\"salt\"", "\"salt\":null,\"salt\""),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is malformed: duplicate field `salt` at line 1 column 80
    "#]],
    );
    check(
        replace(20, "{\"index\"", "{\"extra\":1,\"index\""),
        expect![[r#"
        log: the payload's line is malformed: line 21: unknown field `extra`, expected one of `index`, `event_id`, `salt`, `payload` at line 1 column 8
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is missing
    "#]],
    );
    check(
        replace(20, "\"salt\":\"", "\"salt\":\"zz"),
        expect![[r#"
        leaf 20, event 01920000-0000-7000-8000-000000000014 (job_admitted): the payload's line is malformed: the salt is not 32 bytes of hex
    "#]],
    );
}

#[test]
fn another_layout_of_the_line_is_the_same_line() {
    check(replace(20, "{\"index\":20,", "{ \"index\" : 20 ,"), expect![[""]]);
}
