//! `payloads.jsonl`: the payloads and salts that the leaves commit to.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;

use super::report::{Fault, Finding};
use crate::{
    Hash,
    event::{Envelope, payload_digest},
};

/// One line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    index: u64,
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    salt: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
}

/// What a good line says of the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Payload {
    Intact,
    Erased,
}

/// The lines of the file, found by leaf index.
pub(super) struct PayloadTable<'a> {
    lines: Vec<&'a [u8]>,
    /// Leaf index to line, only where some line is not at its own index.
    misplaced: Option<HashMap<u64, usize>>,
    /// The file is not there: reported once and not for every leaf.
    absent: bool,
}

impl<'a> PayloadTable<'a> {
    /// Splits the file into lines. Lines that belong to no leaf go to `findings`.
    pub(super) fn new(file: Option<&'a [u8]>, size: u64, findings: &mut Vec<Finding>) -> Self {
        let bytes = file.unwrap_or_default();
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let absent = file.is_none() && size > 0;
        if absent {
            findings.push(Finding::of_range(0, size, Fault::PayloadMissing));
        }
        let in_place =
            |(index, line): (u64, &&[u8])| index < size && starts_with_index(line, index);
        let ordered = (0..).zip(&lines).all(in_place);
        let misplaced = (!ordered).then(|| find_lines(&lines, size, findings));
        Self { lines, misplaced, absent }
    }

    /// Whether the file as a whole is missing.
    pub(super) fn is_absent(&self) -> bool {
        self.absent
    }

    /// Id of the event on the line of a leaf, if the line is good for that much.
    pub(super) fn event_id(&self, index: u64) -> Option<String> {
        let line: Line<'_> = serde_json::from_slice(self.line(index)?).ok()?;
        Some(line.event_id.into_owned())
    }

    /// Compares the line of a leaf with its entry.
    pub(super) fn check(&self, index: u64, entry: &Envelope) -> Result<Payload, Fault> {
        let line = self.line(index).ok_or(Fault::PayloadMissing)?;
        let line: Line<'_> = serde_json::from_slice(line)
            .map_err(|error| Fault::PayloadMalformed(error.to_string()))?;
        let mut id = [0; 36];
        if line.event_id.as_bytes() != entry.id.write_to(&mut id).as_bytes() {
            return Err(Fault::PayloadOfAnotherEvent { found: line.event_id.into_owned() });
        }
        let Some(payload) = line.payload else { return Ok(Payload::Erased) };
        let salt = line.salt.ok_or_else(|| Fault::PayloadMalformed("no salt".to_owned()))?;
        let salt = Hash::from_hex(&salt)
            .map_err(|_| Fault::PayloadMalformed("the salt is not 32 bytes of hex".to_owned()))?;
        let digest = payload_digest(salt.as_bytes(), payload.as_bytes());
        if digest == entry.payload_sha256 {
            Ok(Payload::Intact)
        } else {
            Err(Fault::PayloadAltered)
        }
    }

    fn line(&self, index: u64) -> Option<&'a [u8]> {
        let position = match &self.misplaced {
            Some(misplaced) => *misplaced.get(&index)?,
            None => usize::try_from(index).ok()?,
        };
        self.lines.get(position).copied()
    }
}

/// Whether the line says it is of leaf `index`, without parsing all of it. A line spelled
/// differently is only found more slowly.
fn starts_with_index(line: &[u8], index: u64) -> bool {
    let Some(rest) = line.strip_prefix(b"{\"index\":") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok());
    number == Some(index) && rest.get(digits) == Some(&b',')
}

fn find_lines(lines: &[&[u8]], size: u64, findings: &mut Vec<Finding>) -> HashMap<u64, usize> {
    let mut found = HashMap::new();
    let mut next = 0;
    for (position, line) in lines.iter().enumerate() {
        let malformed = |reason: String| Fault::PayloadMalformed(reason);
        let number = position + 1;
        let index = match serde_json::from_slice::<Line<'_>>(line) {
            Ok(line) => line.index,
            Err(error) => {
                let fault = malformed(format!("line {number}: {error}"));
                findings.push(Finding::of_log(fault));
                continue;
            }
        };
        if index >= size || found.contains_key(&index) {
            let fault =
                malformed(format!("line {number} is of leaf {index}, which has none or another"));
            findings.push(Finding::of_log(fault));
            continue;
        }
        if index < next {
            let fault = malformed(format!("line {number} is not in leaf order"));
            findings.push(Finding::of_leaf(index, fault));
        }
        next = next.max(index + 1);
        found.insert(index, position);
    }
    found
}
