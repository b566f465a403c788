//! Governance cards of datasets and AI systems.

use actix_web::web::Data;
use askama::Template;
use serde_json::Value;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::{plain, words};
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;
use crate::store::dataset::{DatasetRow, SystemRow};

#[derive(Template)]
#[template(path = "datasets.html")]
struct DatasetsPage {
    shell: Shell,
    datasets: Vec<DatasetCardView>,
    systems: Vec<SystemCardView>,
}

struct DatasetCardView {
    dataset_id: Uuid,
    name: String,
    training_rows: i64,
    training_blob: String,
    evaluation_blob: String,
    decision_id: Uuid,
    event_id: Uuid,
    fields: Vec<Field>,
    columns: Vec<String>,
}

struct SystemCardView {
    system_id: Uuid,
    name: String,
    event_id: Uuid,
    fields: Vec<Field>,
}

/// A line of a card.
struct Field {
    label: String,
    value: String,
    absent: bool,
}

/// `GET /datasets`
pub async fn datasets(app: Data<App>, member: Member) -> PageResult {
    let datasets = app.store.dataset_list().await?;
    let systems = app.store.system_list().await?;
    page(&DatasetsPage {
        shell: member.shell("Datasets", Section::Datasets),
        datasets: datasets.into_iter().map(dataset_view).collect(),
        systems: systems.into_iter().map(system_view).collect(),
    })
}

fn dataset_view(row: DatasetRow) -> DatasetCardView {
    let columns = row.card.pointer("/schema/columns").and_then(Value::as_array);
    DatasetCardView {
        dataset_id: row.dataset_id,
        training_rows: row.training_rows,
        decision_id: row.decision_id,
        event_id: row.registered_event_id,
        fields: fields(&row.card, &["name", "schema"]),
        columns: columns.map(|all| all.iter().map(column).collect()).unwrap_or_default(),
        name: row.name,
        training_blob: row.training_blob,
        evaluation_blob: row.evaluation_blob,
    }
}

fn system_view(row: SystemRow) -> SystemCardView {
    SystemCardView {
        system_id: row.system_id,
        event_id: row.registered_event_id,
        fields: fields(&row.card, &["name"]),
        name: row.name,
    }
}

/// Name and kind of a column: its kind is the only key of an object.
fn column(column: &Value) -> String {
    let name = column.get("name").map_or_else(|| plain(column), plain);
    let kind = column.get("kind").and_then(Value::as_object).and_then(|kind| kind.keys().next());
    kind.map_or_else(|| name.clone(), |kind| format!("{name} ({kind})"))
}

/// Every member of a card but those shown elsewhere. What is absent is said: a gap is information.
fn fields(card: &Value, shown_elsewhere: &[&str]) -> Vec<Field> {
    let Some(members) = card.as_object() else { return Vec::new() };
    let rest = members.iter().filter(|(key, _)| !shown_elsewhere.contains(&key.as_str()));
    rest.map(|(key, value)| Field {
        label: label(key),
        value: plain(value),
        absent: value.is_null(),
    })
    .collect()
}

fn label(key: &str) -> String {
    let prose = words(key).replace("dpia", "DPIA");
    let mut characters = prose.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    first.chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_its_gaps() {
        let card = serde_json::json!({ "name": "a", "known_gaps": null, "purposes": ["p", "q"] });
        let shown = fields(&card, &["name"]);
        assert_eq!(shown.len(), 2);
        assert!(shown.iter().any(|f| f.label == "Known gaps" && f.absent));
        assert!(shown.iter().any(|f| f.value == "p, q"));
    }
}
