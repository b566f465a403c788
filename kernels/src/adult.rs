//! The schema of UCI Adult (Becker and Kohavi, 1996), shared by tests and demonstration.
//!
//! Bounds and categories are those of the donors' `adult.names`, not of the rows.

use crate::tabular::{ColumnKind, ColumnSpec, LabelSpec, Scale, TabularSchema};

/// The schema of `adult.data` and `adult.test`: 14 columns and the label `income`.
pub fn schema() -> TabularSchema {
    TabularSchema {
        columns: vec![
            number("age", 17.0, 90.0, Scale::Linear, &[25, 60]),
            category("workclass", WORKCLASS),
            ColumnSpec { name: "fnlwgt".into(), kind: ColumnKind::Ignored },
            category("education", EDUCATION),
            number("education-num", 1.0, 16.0, Scale::Linear, &[]),
            category("marital-status", MARITAL_STATUS),
            category("occupation", OCCUPATION),
            category("relationship", RELATIONSHIP),
            category("race", RACE),
            category("sex", "Female, Male"),
            number("capital-gain", 0.0, 99_999.0, Scale::Log, &[]),
            number("capital-loss", 0.0, 5_000.0, Scale::Log, &[]),
            number("hours-per-week", 1.0, 99.0, Scale::Linear, &[]),
            category("native-country", NATIVE_COUNTRY),
            category("income", ">50K, <=50K"),
        ],
        label: LabelSpec { column: "income".into(), positive: ">50K".into() },
        protected: vec!["sex".into(), "race".into(), "age".into()],
    }
}

const WORKCLASS: &str = "Private, Self-emp-not-inc, Self-emp-inc, Federal-gov, Local-gov, \
    State-gov, Without-pay, Never-worked";
const EDUCATION: &str = "Bachelors, Some-college, 11th, HS-grad, Prof-school, Assoc-acdm, \
    Assoc-voc, 9th, 7th-8th, 12th, Masters, 1st-4th, 10th, Doctorate, 5th-6th, Preschool";
const MARITAL_STATUS: &str = "Married-civ-spouse, Divorced, Never-married, Separated, Widowed, \
    Married-spouse-absent, Married-AF-spouse";
const OCCUPATION: &str = "Tech-support, Craft-repair, Other-service, Sales, Exec-managerial, \
    Prof-specialty, Handlers-cleaners, Machine-op-inspct, Adm-clerical, Farming-fishing, \
    Transport-moving, Priv-house-serv, Protective-serv, Armed-Forces";
const RELATIONSHIP: &str = "Wife, Own-child, Husband, Not-in-family, Other-relative, Unmarried";
const RACE: &str = "White, Asian-Pac-Islander, Amer-Indian-Eskimo, Other, Black";
const NATIVE_COUNTRY: &str = "United-States, Cambodia, England, Puerto-Rico, Canada, Germany, \
    Outlying-US(Guam-USVI-etc), India, Japan, Greece, South, China, Cuba, Iran, Honduras, \
    Philippines, Italy, Poland, Jamaica, Vietnam, Mexico, Portugal, Ireland, France, \
    Dominican-Republic, Laos, Ecuador, Taiwan, Haiti, Columbia, Hungary, Guatemala, Nicaragua, \
    Scotland, Thailand, Yugoslavia, El-Salvador, Trinadad&Tobago, Peru, Hong, Holand-Netherlands";

fn category(name: &str, values: &str) -> ColumnSpec {
    let values = values.split(", ").map(str::to_owned).collect();
    ColumnSpec { name: name.into(), kind: ColumnKind::Categorical { values } }
}

fn number(name: &str, minimum: f64, maximum: f64, scale: Scale, edges: &[u32]) -> ColumnSpec {
    let group_edges = edges.to_vec();
    ColumnSpec {
        name: name.into(),
        kind: ColumnKind::Numeric { minimum, maximum, scale, group_edges },
    }
}
