//! What a rule says about itself, read from the `metadata` object in its own file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Date, format_description::well_known::Iso8601};

use crate::{GatePoint, PolicyError};

/// What a rule says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMetadata {
    /// Id, the last component of the rule's package.
    pub id: String,
    /// One line for a reader.
    pub title: String,
    /// The article, or the organisation's own policy.
    pub article: String,
    /// First day of application, `YYYY-MM-DD`, from midnight UTC.
    pub applies_from: String,
    /// URL or citation of the text the rule restates.
    pub source: String,
    /// Version of this rule.
    pub version: String,
    /// Whether a failure denies or is only reported.
    pub severity: Severity,
    /// Where the rule is asked.
    pub gates: Vec<GatePoint>,
    /// What to do about a failure.
    pub remedy: String,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The gate denies.
    Block,
    /// The failure stands in the decision, and the gate is not moved by it.
    Report,
}

impl RuleMetadata {
    /// Reads the `metadata` object of a rule file.
    ///
    /// # Errors
    /// [`PolicyError::Metadata`] with the file and the first field that is missing or malformed.
    pub(crate) fn parse(file: &str, id: &str, value: &Value) -> Result<Self, PolicyError> {
        let fields = Fields { file, object: object(file, value)? };
        let metadata = Self {
            id: fields.text("id")?,
            title: fields.text("title")?,
            article: fields.text("article")?,
            applies_from: fields.text("applies_from")?,
            source: fields.text("source")?,
            version: fields.text("version")?,
            severity: fields.parsed("severity")?,
            gates: fields.parsed("gates")?,
            remedy: fields.text("remedy")?,
        };
        fields.no_others()?;
        metadata.check(&fields, id)?;
        Ok(metadata)
    }

    fn check(&self, fields: &Fields<'_>, id: &str) -> Result<(), PolicyError> {
        if self.id != id {
            return Err(fields.wrong("id", format!("`{}` is not the package's `{id}`", self.id)));
        }
        if parse_date(&self.applies_from).is_none() {
            return Err(fields.wrong("applies_from", "not a date of the form YYYY-MM-DD".into()));
        }
        if self.gates.is_empty() {
            return Err(fields.wrong("gates", "a rule without a gate is never asked".into()));
        }
        Ok(())
    }

    /// First day of application.
    pub(crate) fn first_day(&self) -> Option<Date> {
        parse_date(&self.applies_from)
    }
}

fn parse_date(text: &str) -> Option<Date> {
    // ISO 8601 also knows week dates and basic forms; only the extended calendar form is meant.
    let calendar = text.len() == 10 && !text.contains('W');
    calendar.then(|| Date::parse(text, &Iso8601::DATE).ok()).flatten()
}

const NAMES: [&str; 9] =
    ["id", "title", "article", "applies_from", "source", "version", "severity", "gates", "remedy"];

fn object<'a>(file: &str, value: &'a Value) -> Result<&'a Map<String, Value>, PolicyError> {
    value.as_object().ok_or_else(|| PolicyError::Metadata {
        file: file.to_owned(),
        field: "metadata".to_owned(),
        problem: "must be an object that depends on no input".to_owned(),
    })
}

/// The object under its file name, so that every complaint can name both.
struct Fields<'a> {
    file: &'a str,
    object: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn wrong(&self, field: &str, problem: String) -> PolicyError {
        PolicyError::Metadata { file: self.file.to_owned(), field: field.to_owned(), problem }
    }

    fn value(&self, field: &str) -> Result<&Value, PolicyError> {
        self.object.get(field).ok_or_else(|| self.wrong(field, "missing".to_owned()))
    }

    fn text(&self, field: &str) -> Result<String, PolicyError> {
        match self.value(field)?.as_str().map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.wrong(field, "must be text that is not blank".to_owned())),
        }
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, field: &str) -> Result<T, PolicyError> {
        let value = self.value(field)?.clone();
        serde_json::from_value(value).map_err(|error| self.wrong(field, error.to_string()))
    }

    fn no_others(&self) -> Result<(), PolicyError> {
        match self.object.keys().find(|name| !NAMES.contains(&name.as_str())) {
            Some(name) => Err(self.wrong(name, "not a field of metadata".to_owned())),
            None => Ok(()),
        }
    }
}
