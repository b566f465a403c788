//! From one row's values to network inputs, the same for tables and for single JSON rows.

use serde_json::{Map, Value};

use super::{ColumnKind, ColumnSpec, Scale, TabularSchema};
use crate::KernelError;

/// Marks an unknown value in UCI tables.
pub(super) const UNKNOWN: &str = "?";

/// Name of the group that rows without a known group fall into.
pub(super) const UNKNOWN_GROUP: &str = "unknown";

/// A validated schema with the chosen model inputs.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    schema: TabularSchema,
    /// Positions of the features in the schema's columns, in input order.
    features: Vec<usize>,
    width: usize,
}

impl Encoder {
    pub(crate) fn new(schema: &TabularSchema, features: &[String]) -> Result<Self, KernelError> {
        schema.validate()?;
        if features.is_empty() {
            return Err(KernelError::spec("features", "none is named", "name at least one column"));
        }
        let mut positions = Vec::with_capacity(features.len());
        for name in features {
            let (position, column) = schema.column(name)?;
            if let Some(problem) = schema.feature_problem(column) {
                let problem = format!("`{name}` {problem}");
                return Err(KernelError::spec("features", problem, "leave it out"));
            }
            if positions.contains(&position) {
                let problem = format!("`{name}` is named twice");
                return Err(KernelError::spec("features", problem, "name it once"));
            }
            positions.push(position);
        }
        let width = positions.iter().map(|&p| column_width(&schema.columns[p])).sum();
        Ok(Self { schema: schema.clone(), features: positions, width })
    }

    pub(crate) fn schema(&self) -> &TabularSchema {
        &self.schema
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn feature_columns(&self) -> impl Iterator<Item = (usize, &ColumnSpec)> {
        self.features.iter().map(|&position| (position, &self.schema.columns[position]))
    }

    /// Appends the inputs of one JSON object to `out`. Columns that are no features are accepted
    /// and not read; other names are refused, since a misspelt feature must not pass as absent.
    pub(crate) fn encode_json(
        &self,
        row: usize,
        object: &Map<String, Value>,
        out: &mut Vec<f32>,
    ) -> Result<(), KernelError> {
        let problem = |field: &str, problem: String| KernelError::Row {
            row,
            field: field.to_owned(),
            problem,
        };
        if let Some(field) = object.keys().find(|key| self.schema.column(key).is_err()) {
            return Err(problem(field, "the model's schema has no such column".into()));
        }
        for (_, column) in self.feature_columns() {
            let value = object
                .get(&column.name)
                .ok_or_else(|| problem(&column.name, "is missing; the model reads it".into()))?;
            encode_json_value(column, value, out).map_err(|text| problem(&column.name, text))?;
        }
        Ok(())
    }
}

/// Number of inputs a column becomes.
fn column_width(column: &ColumnSpec) -> usize {
    match &column.kind {
        ColumnKind::Numeric { .. } => 1,
        ColumnKind::Categorical { values } => values.len() + 1,
        ColumnKind::Ignored => 0,
    }
}

fn encode_json_value(column: &ColumnSpec, value: &Value, out: &mut Vec<f32>) -> Result<(), String> {
    match (&column.kind, value) {
        (ColumnKind::Numeric { .. }, Value::Number(number)) => {
            encode_number(column, number.as_f64().unwrap_or(f64::NAN), out).map_err(Into::into)
        }
        (ColumnKind::Numeric { .. }, _) => Err("a number is wanted".into()),
        (ColumnKind::Categorical { .. }, Value::String(text)) => encode_category(column, text, out)
            .map_err(|problem| format!("{problem}; the values are {}", category_list(column))),
        (ColumnKind::Categorical { .. }, Value::Null) => {
            encode_category(column, UNKNOWN, out).map_err(Into::into)
        }
        (ColumnKind::Categorical { .. }, _) => Err("a string (or null) is wanted".into()),
        (ColumnKind::Ignored, _) => Ok(()),
    }
}

fn category_list(column: &ColumnSpec) -> String {
    match &column.kind {
        ColumnKind::Categorical { values } => values.join(", "),
        _ => String::new(),
    }
}

/// Appends the inputs of a textual field; the error does not repeat the value.
pub(super) fn encode_text(
    column: &ColumnSpec,
    text: &str,
    out: &mut Vec<f32>,
) -> Result<(), &'static str> {
    match column.kind {
        ColumnKind::Numeric { .. } => encode_number(column, parse_number(text)?, out),
        ColumnKind::Categorical { .. } => encode_category(column, text, out),
        ColumnKind::Ignored => Ok(()),
    }
}

fn parse_number(text: &str) -> Result<f64, &'static str> {
    text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or("is not a finite number")
}

fn encode_number(column: &ColumnSpec, value: f64, out: &mut Vec<f32>) -> Result<(), &'static str> {
    let ColumnKind::Numeric { minimum, maximum, scale, .. } = &column.kind else {
        return Err("is not numeric");
    };
    if !value.is_finite() {
        return Err("is not a finite number");
    }
    let offset = value.clamp(*minimum, *maximum) - minimum;
    let span = maximum - minimum;
    out.push(match scale {
        Scale::Linear => offset / span,
        Scale::Log => offset.ln_1p() / span.ln_1p(),
    } as f32);
    Ok(())
}

fn encode_category(
    column: &ColumnSpec,
    text: &str,
    out: &mut Vec<f32>,
) -> Result<(), &'static str> {
    let ColumnKind::Categorical { values } = &column.kind else {
        return Err("is not categorical");
    };
    let hot = category(values, text)?;
    out.extend((0..=values.len()).map(|slot| f32::from(u8::from(slot == hot))));
    Ok(())
}

fn category(values: &[String], text: &str) -> Result<usize, &'static str> {
    if text == UNKNOWN {
        return Ok(values.len());
    }
    values.iter().position(|v| v == text).ok_or("is not among the schema's values")
}

/// Names of a protected column's groups.
pub(super) fn group_names(column: &ColumnSpec) -> Vec<String> {
    let mut names = match &column.kind {
        ColumnKind::Categorical { values } => values.clone(),
        ColumnKind::Numeric { group_edges, .. } => edge_names(group_edges),
        ColumnKind::Ignored => Vec::new(),
    };
    names.push(UNKNOWN_GROUP.to_owned());
    names
}

fn edge_names(edges: &[u32]) -> Vec<String> {
    let between = edges.windows(2).map(|pair| format!("{}-{}", pair[0], pair[1] - 1));
    let first = edges.first().map(|edge| format!("<{edge}"));
    let last = edges.last().map(|edge| format!("{edge}+"));
    first.into_iter().chain(between).chain(last).collect()
}

/// Index of the group a textual value belongs to.
pub(super) fn group_code(column: &ColumnSpec, text: &str) -> Result<u32, &'static str> {
    let code = match &column.kind {
        ColumnKind::Categorical { values } => category(values, text)?,
        ColumnKind::Numeric { group_edges, .. } if text == UNKNOWN => group_edges.len() + 1,
        ColumnKind::Numeric { group_edges, .. } => {
            let value = parse_number(text)?;
            group_edges.iter().filter(|&&edge| value >= f64::from(edge)).count()
        }
        ColumnKind::Ignored => 0,
    };
    u32::try_from(code).map_err(|_| "has too many groups")
}
