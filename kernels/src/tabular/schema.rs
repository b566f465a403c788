//! The public description of a table.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::KernelError;

/// Public metadata of a table: stated by its card, independent of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularSchema {
    /// All columns in file order.
    pub columns: Vec<ColumnSpec>,
    /// The column to predict.
    pub label: LabelSpec,
    /// Columns whose groups fairness is measured over: categorical, or numeric with `group_edges`.
    pub protected: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// Its unique name.
    pub name: String,
    /// How its values read.
    pub kind: ColumnKind,
}

/// How a column's values are read and encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnKind {
    /// A number, clamped to public bounds and scaled to [0, 1].
    Numeric {
        /// Lower bound.
        minimum: f64,
        /// Upper bound.
        maximum: f64,
        /// How the interval is mapped to [0, 1].
        #[serde(default)]
        scale: Scale,
        /// Ascending lower edges that cut the values into groups: `[25, 60]` gives `<25`, `25-59`
        /// and `60+`. Wanted only where the column is protected.
        #[serde(default)]
        group_edges: Vec<u32>,
    },
    /// One of the listed values, one-hot with one more input for unknown (`?`).
    Categorical {
        /// All values other than `?`.
        values: Vec<String>,
    },
    /// Not read at all.
    Ignored,
}

/// Mapping of a numeric interval to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// `(v − minimum) / (maximum − minimum)`.
    #[default]
    Linear,
    /// `ln(1 + v − minimum) / ln(1 + maximum − minimum)`, for heavy-tailed amounts.
    Log,
}

/// The column to predict, and the value that counts as positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSpec {
    /// Name of a categorical column.
    pub column: String,
    /// The positive value; compared after blanks and a trailing full stop are trimmed.
    pub positive: String,
}

impl TabularSchema {
    /// Checks that the schema is consistent.
    ///
    /// # Errors
    /// [`KernelError::Schema`] naming the column and the remedy.
    pub fn validate(&self) -> Result<(), KernelError> {
        let names: BTreeSet<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        if names.len() != self.columns.len() || self.columns.len() > 4096 {
            return Err(KernelError::schema(
                "column names repeat, or there are more than 4,096",
                "give every column its own name",
            ));
        }
        self.columns.iter().try_for_each(ColumnSpec::validate)?;
        self.validate_label()?;
        self.protected.iter().try_for_each(|name| self.validate_protected(name))
    }

    /// Columns a model may see by default: all that are read, without the label and without the
    /// protected categorical ones.
    pub fn default_features(&self) -> Vec<String> {
        self.columns
            .iter()
            .filter(|c| self.feature_problem(c).is_none())
            .map(|c| c.name.clone())
            .collect()
    }

    /// SHA-256 of the schema's JSON, in hexadecimal.
    pub fn digest(&self) -> String {
        // Serialising plain structs of strings and numbers to memory has no failing path.
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(ring::digest::digest(&ring::digest::SHA256, &json))
    }

    pub(crate) fn column(&self, name: &str) -> Result<(usize, &ColumnSpec), KernelError> {
        let found = self.columns.iter().enumerate().find(|(_, c)| c.name == name);
        found.ok_or_else(|| {
            KernelError::schema(format!("no column `{name}`"), "use a name from `columns`")
        })
    }

    /// Why a column cannot be a model input, if it cannot. A protected numeric column (age) may be
    /// one; a protected categorical column never is.
    pub(crate) fn feature_problem(&self, column: &ColumnSpec) -> Option<&'static str> {
        let protected = self.protected.contains(&column.name);
        match column.kind {
            _ if column.name == self.label.column => Some("is the label"),
            ColumnKind::Ignored => Some("is ignored by the schema"),
            ColumnKind::Categorical { .. } if protected => Some("is a protected attribute"),
            _ => None,
        }
    }

    fn validate_label(&self) -> Result<(), KernelError> {
        let (_, column) = self.column(&self.label.column)?;
        match &column.kind {
            ColumnKind::Categorical { values } if values.contains(&self.label.positive) => Ok(()),
            _ => Err(KernelError::schema(
                format!("label `{}` is not categorical with its positive value", column.name),
                "list both label values under `categorical.values`",
            )),
        }
    }

    fn validate_protected(&self, name: &str) -> Result<(), KernelError> {
        match &self.column(name)?.1.kind {
            ColumnKind::Categorical { .. } if name != self.label.column => Ok(()),
            ColumnKind::Numeric { group_edges, .. } if !group_edges.is_empty() => Ok(()),
            _ => Err(KernelError::schema(
                format!("protected column `{name}` has no groups"),
                "make it categorical, or numeric with `group_edges`",
            )),
        }
    }
}

impl ColumnSpec {
    fn validate(&self) -> Result<(), KernelError> {
        let name = &self.name;
        match &self.kind {
            ColumnKind::Numeric { minimum, maximum, group_edges, .. } => {
                let bounded = minimum.is_finite() && maximum.is_finite() && minimum < maximum;
                if !bounded || !group_edges.is_sorted_by(|a, b| a < b) {
                    return Err(KernelError::schema(
                        format!("column `{name}`: bounds or group edges do not ascend"),
                        "state finite minimum < maximum and ascending edges",
                    ));
                }
            }
            ColumnKind::Categorical { values } => {
                let distinct: BTreeSet<&String> = values.iter().collect();
                if values.is_empty() || values.len() > 4096 || distinct.len() != values.len() {
                    return Err(KernelError::schema(
                        format!("column `{name}`: its values repeat, or are none or over 4,096"),
                        "list each value once",
                    ));
                }
            }
            ColumnKind::Ignored => {}
        }
        Ok(())
    }
}
