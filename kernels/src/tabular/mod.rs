//! Tables: a public schema, and rows encoded under it.
//!
//! The schema comes from the dataset's card, not from the data: bounds and categories are stated
//! beforehand, so scaling and one-hot encoding spend no privacy.

mod encode;
mod parse;
mod schema;

pub(crate) use encode::Encoder;
pub use schema::{ColumnKind, ColumnSpec, LabelSpec, Scale, TabularSchema};

use crate::KernelError;

/// Rows encoded for a network, with labels and protected groups beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularData {
    width: usize,
    feature_names: Vec<String>,
    schema: TabularSchema,
    schema_digest: String,
    features: Vec<f32>,
    labels: Vec<bool>,
    protected: Vec<ProtectedColumn>,
}

/// One protected attribute: the names of its groups and each row's group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedColumn {
    /// The column's name.
    pub attribute: String,
    /// Names of the groups, fixed by the schema; the last is `unknown`.
    pub groups: Vec<String>,
    /// Index into `groups`, one for each row.
    pub codes: Vec<u32>,
}

impl TabularData {
    /// Parses a headerless table whose fields are separated by a comma and optional blanks.
    ///
    /// `features` are the columns the network may see, in its input order. Empty lines and lines
    /// that start with `|` (the comment of UCI test files) are skipped.
    ///
    /// # Errors
    /// [`KernelError::Schema`] for an inconsistent schema or feature list, [`KernelError::Data`]
    /// with the line number for a bad row or an empty table.
    pub fn parse_csv(
        bytes: &[u8],
        schema: &TabularSchema,
        features: &[String],
    ) -> Result<Self, KernelError> {
        parse::parse_csv(bytes, &Encoder::new(schema, features)?)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of network inputs a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Columns the inputs were encoded from, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// The schema the rows were read under.
    pub fn schema(&self) -> &TabularSchema {
        &self.schema
    }

    /// SHA-256 of the schema the rows were read under, in hexadecimal.
    pub fn schema_digest(&self) -> &str {
        &self.schema_digest
    }

    /// Network inputs in [0, 1], row-major `[rows, width]`.
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// Whether each row carries the positive label.
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// All protected attributes of the schema.
    pub fn protected(&self) -> &[ProtectedColumn] {
        &self.protected
    }

    /// The protected attribute called `attribute`.
    ///
    /// # Errors
    /// [`KernelError::Schema`] where the schema does not protect it.
    pub fn protected_column(&self, attribute: &str) -> Result<&ProtectedColumn, KernelError> {
        self.protected.iter().find(|column| column.attribute == attribute).ok_or_else(|| {
            KernelError::schema(
                format!("`{attribute}` is not a protected attribute"),
                "name one of the schema's `protected` columns",
            )
        })
    }

    pub(crate) fn row(&self, index: usize) -> &[f32] {
        &self.features[index * self.width..(index + 1) * self.width]
    }
}
