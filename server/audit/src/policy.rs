//! A verifier's policy file: which log, which witnesses, and how many of them must have signed.
//!
//! Lines `log <vkey> [url]`, `witness <name> <vkey> [url]`, `group <name> all|any|<k> <names…>`
//! and exactly one `quorum <name>|none`. Blank lines and lines that begin with `#` are skipped.
//! A name stands for a witness or a group defined above it, so groups cannot be circular.

use crate::{
    AuditError,
    checkpoint::{SignedCheckpoint, parse_decimal},
    note::{KeyType, VerifiedSignature, VerifierKey},
};

const WHAT: &str = "policy";

/// A parsed policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    members: Vec<Member>,
    /// Index of the member that must be satisfied; `None` asks for the log alone.
    quorum: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Member {
    name: String,
    rule: Rule,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    Witness(Box<VerifierKey>),
    /// At least `threshold` of the members at these indices, all smaller than the group's own.
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] naming the line; also for unknown or repeated names, a
    /// threshold a group cannot reach, no log, and a missing or second quorum.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let mut policy = Self { logs: Vec::new(), members: Vec::new(), quorum: None };
        let mut quorum_seen = false;
        for (number, line) in (1..).zip(text.lines()) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let result = match fields.as_slice() {
                [] => Ok(()),
                [first, ..] if first.starts_with('#') => Ok(()),
                ["log", key] | ["log", key, _] => policy.add_log(key),
                ["witness", name, key] | ["witness", name, key, _] => policy.add_witness(name, key),
                ["group", name, threshold, members @ ..] => {
                    policy.add_group(name, threshold, members)
                }
                ["quorum", _] if quorum_seen => Err("a second quorum".to_owned()),
                ["quorum", name] => {
                    quorum_seen = true;
                    policy.set_quorum(name)
                }
                _ => Err("not a log, witness, group or quorum line".to_owned()),
            };
            result.map_err(|reason| {
                AuditError::malformed(WHAT, format_args!("line {number}: {reason}"))
            })?;
        }
        if policy.logs.is_empty() || !quorum_seen {
            return Err(AuditError::malformed(WHAT, "a log and a quorum are needed"));
        }
        Ok(policy)
    }

    /// Verifies a checkpoint: signed by a log of the policy, and cosigned by the quorum.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::verify`], and [`AuditError::QuorumNotMet`].
    pub fn verify(&self, signed: &SignedCheckpoint) -> Result<Vec<VerifiedSignature>, AuditError> {
        let origin = &signed.checkpoint().origin;
        let witnesses = self.witnesses();
        let mut outcome = Err(AuditError::NoTrustedSignature(format!("no log {origin}")));
        // A log that rotates its key has two lines of one name; either may have signed.
        for log in self.logs.iter().filter(|log| log.name() == origin) {
            outcome = signed.verify(log, &witnesses);
            if outcome.is_ok() {
                break;
            }
        }
        let verified = outcome?;
        match self.quorum {
            Some(quorum) if !self.is_satisfied(quorum, &verified) => {
                Err(AuditError::QuorumNotMet(self.members[quorum].name.clone()))
            }
            _ => Ok(verified),
        }
    }

    /// The keys of the logs.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The keys of the witnesses.
    pub fn witnesses(&self) -> Vec<VerifierKey> {
        let key = |member: &Member| match &member.rule {
            Rule::Witness(key) => Some(key.as_ref().clone()),
            Rule::Group { .. } => None,
        };
        self.members.iter().filter_map(key).collect()
    }

    fn is_satisfied(&self, index: usize, verified: &[VerifiedSignature]) -> bool {
        // Members come before their groups, so one pass upward settles every group once.
        let mut satisfied: Vec<bool> = Vec::with_capacity(index + 1);
        for member in &self.members[..=index] {
            satisfied.push(match &member.rule {
                Rule::Witness(key) => verified.iter().any(|signature| {
                    signature.key_id == key.key_id() && signature.name == *key.name()
                }),
                Rule::Group { threshold, members } => {
                    members.iter().filter(|&&member| satisfied[member]).count() >= *threshold
                }
            });
        }
        satisfied[index]
    }

    fn add_log(&mut self, key: &str) -> Result<(), String> {
        let key = parse_key(key)?;
        if key.key_type() != KeyType::Ed25519 {
            return Err("a log key must be of type 01".to_owned());
        }
        self.logs.push(key);
        Ok(())
    }

    fn add_witness(&mut self, name: &str, key: &str) -> Result<(), String> {
        let key = parse_key(key)?;
        let twin = |member: &Member| match &member.rule {
            Rule::Witness(other) => other.public_key() == key.public_key(),
            Rule::Group { .. } => false,
        };
        // One key under two names would count as two witnesses.
        if self.members.iter().any(twin) {
            return Err("the key of another witness".to_owned());
        }
        self.add(name, Rule::Witness(Box::new(key)))
    }

    fn add_group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        let mut indices = members.iter().map(|m| self.index(m)).collect::<Result<Vec<_>, _>>()?;
        let threshold = match threshold {
            "all" => Some(indices.len()),
            "any" => Some(1),
            number => parse_decimal(number).and_then(|k| usize::try_from(k).ok()),
        };
        let reachable = |k: &usize| (1..=indices.len()).contains(k);
        let threshold = threshold.filter(reachable).ok_or("a threshold out of reach")?;
        indices.sort_unstable();
        if indices.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a member named twice".to_owned());
        }
        self.add(name, Rule::Group { threshold, members: indices })
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), String> {
        self.quorum = if name == "none" { None } else { Some(self.index(name)?) };
        Ok(())
    }

    fn add(&mut self, name: &str, rule: Rule) -> Result<(), String> {
        if name == "none" || self.index(name).is_ok() {
            return Err(format!("the name {name} is taken"));
        }
        self.members.push(Member { name: name.to_owned(), rule });
        Ok(())
    }

    fn index(&self, name: &str) -> Result<usize, String> {
        let position = self.members.iter().position(|member| member.name == name);
        position.ok_or_else(|| format!("no witness or group {name} above"))
    }
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Hash, checkpoint::Checkpoint, testing::TestKey};
    use proptest::prelude::*;

    fn log() -> TestKey {
        TestKey::counting("audit.example.test/log1", 0)
    }

    fn witness(number: u8) -> TestKey {
        TestKey::counting(&format!("w{number}.example.test"), 0x20 * number)
    }

    fn policy(rest: &str) -> Result<Policy, AuditError> {
        let mut text = format!("# who signs\n\nlog {} https://audit.example.test\n", log().log());
        for number in 1..=3 {
            text += &format!("witness w{number} {}\n", witness(number).witness());
        }
        Policy::parse(&(text + rest))
    }

    fn cosigned_by(numbers: &[u8]) -> SignedCheckpoint {
        let origin = log().log().name().clone();
        let checkpoint = Checkpoint { origin, size: 1, root: Hash::new([1; 32]) };
        let text = checkpoint.to_text();
        let mut lines = vec![log().sign_note(&text)];
        lines.extend(numbers.iter().map(|number| witness(*number).cosign(&text, 9)));
        SignedCheckpoint::new(checkpoint, lines).unwrap()
    }

    #[test]
    fn quorums() {
        let two = "group two 2 w1 w2 w3\nquorum two\n";
        let nested = "group ab any w1 w2\ngroup both all ab w3\nquorum both\n";
        for (rest, signers, met) in [
            ("quorum none\n", &[][..], true),
            ("quorum w1\n", &[1], true),
            ("quorum w1\n", &[2, 3], false),
            (two, &[1], false),
            (two, &[1, 3], true),
            (two, &[1, 2, 3], true),
            (nested, &[1, 2], false),
            (nested, &[2, 3], true),
            (nested, &[3], false),
        ] {
            let result = policy(rest).unwrap().verify(&cosigned_by(signers));
            assert_eq!(result.is_ok(), met, "{rest} signed by {signers:?}: {result:?}");
        }
    }

    #[test]
    fn a_repeated_cosignature_counts_once() {
        let policy = policy("group two 2 w1 w2 w3\nquorum two\n").unwrap();
        assert_eq!(
            policy.verify(&cosigned_by(&[1, 1])),
            Err(AuditError::QuorumNotMet("two".into()))
        );
    }

    #[test]
    fn another_log_is_not_trusted() {
        let other = TestKey::counting("other.example.test", 0x80).log();
        let policy = Policy::parse(&format!("log {other}\nquorum none\n")).unwrap();
        assert!(policy.verify(&cosigned_by(&[1])).is_err());
    }

    #[test]
    fn policies_that_are_refused() {
        let twin = format!("witness w4 {}\nquorum none\n", witness(1).witness());
        for rest in [
            "",
            "quorum w9\n",
            "quorum none\nquorum none\n",
            "quorum\n",
            "group g 4 w1 w2 w3\nquorum g\n",
            "group g 0 w1\nquorum g\n",
            "group g any\nquorum g\n",
            "group g 2 w1 w1\nquorum g\n",
            "group g all g\nquorum g\n",
            "group w1 any w2\nquorum w1\n",
            "group none any w2\nquorum none\n",
            "witness w4 nonsense\nquorum none\n",
            "mirror x\nquorum none\n",
            twin.as_str(),
        ] {
            assert!(policy(rest).is_err(), "accepted {rest}");
        }
        assert!(Policy::parse("quorum none\n").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, rest in "(group|quorum|w1|g| |\n|[0-9]|all){0,30}") {
            let _ = Policy::parse(&text);
            if let Ok(policy) = policy(&rest) {
                let _ = policy.verify(&cosigned_by(&[1]));
            }
        }
    }
}
