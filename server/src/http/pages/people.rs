//! Names for pseudonyms. The record holds pseudonyms only; names are looked up for the reader.

use std::collections::HashMap;

use uuid::Uuid;

use crate::error::Result;
use crate::store::Store;

/// Names by pseudonym.
pub struct People(HashMap<Uuid, String>);

impl People {
    /// Reads them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn load(store: &Store) -> Result<Self> {
        Ok(Self(store.principal_names().await?))
    }

    /// Name of a principal; the pseudonym where there is none.
    pub fn name(&self, principal_id: &Uuid) -> String {
        self.0.get(principal_id).cloned().unwrap_or_else(|| principal_id.to_string())
    }

    /// Names, joined for a sentence.
    pub fn names(&self, principal_ids: &[Uuid]) -> String {
        let names: Vec<String> = principal_ids.iter().map(|id| self.name(id)).collect();
        names.join(", ")
    }

    /// Name of an event's actor, such as `principal:…`.
    pub fn actor(&self, actor: &str) -> String {
        let principal = actor.strip_prefix("principal:").and_then(|id| id.parse().ok());
        principal.map_or_else(|| actor.to_owned(), |id| self.name(&id))
    }
}

#[cfg(test)]
impl People {
    /// Made by hand.
    pub fn of(names: impl IntoIterator<Item = (Uuid, String)>) -> Self {
        Self(names.into_iter().collect())
    }
}
