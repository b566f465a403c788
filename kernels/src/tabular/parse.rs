//! Reading a headerless table.

use super::encode::{encode_text, group_code, group_names};
use super::{Encoder, ProtectedColumn, TabularData};
use crate::KernelError;

/// Reads all rows; the first bad one ends the reading.
pub(super) fn parse_csv(bytes: &[u8], encoder: &Encoder) -> Result<TabularData, KernelError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'|'))
        .from_reader(bytes);
    let mut data = empty(encoder)?;
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        push_row(&mut data, encoder, &record).map_err(|(problem, remedy)| KernelError::Data {
            line,
            problem,
            remedy: remedy.to_owned(),
        })?;
    }
    if data.labels.is_empty() {
        return Err(KernelError::Data {
            line: 1,
            problem: "the table has no rows".into(),
            remedy: "check that the whole file was sent, decompressed".into(),
        });
    }
    Ok(data)
}

type RowProblem = (String, &'static str);

fn empty(encoder: &Encoder) -> Result<TabularData, KernelError> {
    let schema = encoder.schema();
    let protected = schema.protected.iter().map(|name| {
        let (_, column) = schema.column(name)?;
        let groups = group_names(column);
        Ok(ProtectedColumn { attribute: name.clone(), groups, codes: Vec::new() })
    });
    Ok(TabularData {
        width: encoder.width(),
        feature_names: encoder.feature_columns().map(|(_, c)| c.name.clone()).collect(),
        schema: schema.clone(),
        schema_digest: schema.digest(),
        features: Vec::new(),
        labels: Vec::new(),
        protected: protected.collect::<Result<_, KernelError>>()?,
    })
}

fn push_row(
    data: &mut TabularData,
    encoder: &Encoder,
    record: &csv::StringRecord,
) -> Result<(), RowProblem> {
    let schema = encoder.schema();
    let wanted = schema.columns.len();
    if record.len() != wanted {
        return Err((
            format!("has {} fields, the schema {wanted}", record.len()),
            "write one field for each column, separated by commas",
        ));
    }
    for (position, column) in encoder.feature_columns() {
        encode_text(column, &record[position], &mut data.features)
            .map_err(|problem| blame(&column.name, problem))?;
    }
    for protected in &mut data.protected {
        let attribute = &protected.attribute;
        let (position, column) = schema.column(attribute).map_err(|e| (e.to_string(), ""))?;
        let code = group_code(column, &record[position]).map_err(|p| blame(attribute, p))?;
        protected.codes.push(code);
    }
    data.labels.push(label(encoder, record)?);
    Ok(())
}

fn label(encoder: &Encoder, record: &csv::StringRecord) -> Result<bool, RowProblem> {
    let label = &encoder.schema().label;
    let (position, column) =
        encoder.schema().column(&label.column).map_err(|e| (e.to_string(), ""))?;
    let text = record[position].trim_end_matches('.');
    group_code(column, text).map_err(|problem| blame(&label.column, problem))?;
    if text == super::encode::UNKNOWN {
        return Err(blame(&label.column, "is unknown"));
    }
    Ok(text == label.positive)
}

fn blame(column: &str, problem: &str) -> RowProblem {
    (format!("column `{column}` {problem}"), "correct the field, or the schema on the card")
}

fn unreadable(error: &csv::Error) -> KernelError {
    KernelError::Data {
        line: error.position().map_or(0, csv::Position::line),
        problem: "is not UTF-8 text or not comma-separated".into(),
        remedy: "send the table as UTF-8, one row a line".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::adult;

    const ROW: &str = "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, \
                       Not-in-family, White, Male, 2174, 0, 40, United-States, <=50K";

    fn parse(text: &str) -> Result<TabularData, KernelError> {
        let schema = adult::schema();
        TabularData::parse_csv(text.as_bytes(), &schema, &schema.default_features())
    }

    #[test]
    fn a_row_is_encoded_labelled_and_grouped() {
        let data = parse(&format!("|1x3 Cross validator\n{ROW}\n{ROW}.\n\n")).unwrap();
        assert_eq!((data.rows(), data.labels()), (2, [false, false].as_slice()));
        assert!(data.features().iter().all(|v| (0.0..=1.0).contains(v)));
        // One 1 for each of the six categorical features that are not protected.
        assert_eq!(data.row(0).iter().filter(|&&v| v == 1.0).count(), 6);
        let group = |name: &str| {
            let column = data.protected_column(name).unwrap();
            column.groups[column.codes[0] as usize].clone()
        };
        assert_eq!((group("sex"), group("age")), ("Male".into(), "25-59".into()));
    }

    #[test]
    fn positive_label_is_read_with_and_without_full_stop() {
        let text = ROW.replace("<=50K", ">50K");
        assert_eq!(parse(&format!("{text}\n{text}.\n")).unwrap().labels(), [true, true]);
    }

    #[test]
    fn a_bad_row_names_line_and_column_but_not_the_value() {
        let bad = ROW.replace("39,", "secret,");
        let error = parse(&format!("{ROW}\n{bad}\n")).unwrap_err();
        assert!(matches!(error, KernelError::Data { line: 2, .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("`age`") && !text.contains("secret"), "{text}");
        assert!(matches!(parse("1, 2\n"), Err(KernelError::Data { line: 1, .. })));
        assert!(matches!(parse(""), Err(KernelError::Data { .. })));
    }

    #[test]
    fn protected_categories_and_the_label_are_no_features() {
        let schema = adult::schema();
        for name in ["sex", "race", "income", "fnlwgt", "none-such"] {
            let result = TabularData::parse_csv(ROW.as_bytes(), &schema, &[name.to_owned()]);
            assert!(result.is_err(), "{name} was accepted");
        }
        assert!(!schema.default_features().iter().any(|f| f == "sex" || f == "race"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let schema = adult::schema();
            let _ = TabularData::parse_csv(&bytes, &schema, &schema.default_features());
        }
    }
}
