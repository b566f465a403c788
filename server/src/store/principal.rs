//! People and services: tokens by digest, roles, public keys, dashboard sessions.

use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Random pseudonym.
    pub principal_id: Uuid,
    /// Display name; never enters a leaf.
    pub name: String,
    /// Roles held.
    pub roles: Vec<String>,
}

/// A registered public key.
#[derive(Clone, Debug, FromRow)]
pub struct PrincipalKey {
    /// Hexadecimal SHA-256 prefix of the key.
    pub key_id: String,
    /// Its owner.
    pub principal_id: Uuid,
    /// Ed25519 public key.
    pub public_key: Vec<u8>,
}

/// A dashboard session.
pub struct Session {
    /// Whose.
    pub principal: Principal,
    /// Must come back with every form.
    pub csrf_token: String,
}

impl Tx {
    /// Adds a principal with roles.
    ///
    /// # Errors
    /// The name is taken, a role is unknown, or the database fails.
    pub async fn principal_insert(
        &mut self,
        principal: &Principal,
        created_event_id: Uuid,
    ) -> Result<()> {
        sqlx::query(
            "with /* principal_insert */ inserted as (
               insert into principal (principal_id, name, created_event_id) values ($1, $2, $3))
             insert into principal_role (principal_id, role) select $1, unnest($4::text[])",
        )
        .bind(principal.principal_id)
        .bind(&principal.name)
        .bind(created_event_id)
        .bind(&principal.roles)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Keeps the digest of a token.
    ///
    /// # Errors
    /// The database fails.
    pub async fn token_insert(
        &mut self,
        token_sha256: &[u8],
        principal_id: Uuid,
        expires_at: OffsetDateTime,
    ) -> Result<()> {
        sqlx::query(
            "insert /* token_insert */ into api_token (token_sha256, principal_id, expires_at)
             values ($1, $2, $3)",
        )
        .bind(token_sha256)
        .bind(principal_id)
        .bind(expires_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Registers a public key.
    ///
    /// # Errors
    /// The key is registered already, or the database fails.
    pub async fn principal_key_insert(
        &mut self,
        key: &PrincipalKey,
        registered_event_id: Uuid,
    ) -> Result<()> {
        sqlx::query(
            "insert /* principal_key_insert */ into principal_key
             (key_id, principal_id, public_key, registered_event_id) values ($1, $2, $3, $4)",
        )
        .bind(&key.key_id)
        .bind(key.principal_id)
        .bind(&key.public_key)
        .bind(registered_event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The keys of a principal.
    ///
    /// # Errors
    /// The database fails.
    pub async fn principal_keys(&mut self, principal_id: Uuid) -> Result<Vec<PrincipalKey>> {
        Ok(sqlx::query_as(
            "select /* principal_keys */ key_id, principal_id, public_key from principal_key
             where principal_id = $1 order by key_id",
        )
        .bind(principal_id)
        .fetch_all(self.connection())
        .await?)
    }

    /// Roles of a principal, as they are now.
    ///
    /// # Errors
    /// The database fails.
    pub async fn principal_roles(&mut self, principal_id: Uuid) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "select /* principal_roles */ role from principal_role where principal_id = $1
             order by role",
        )
        .bind(principal_id)
        .fetch_all(self.connection())
        .await?;
        Ok(rows.into_iter().map(|row| row.get(0)).collect())
    }

    /// Opens a dashboard session.
    ///
    /// # Errors
    /// The database fails.
    pub async fn session_insert(
        &mut self,
        session_sha256: &[u8],
        principal_id: Uuid,
        csrf_token: &str,
        expires_at: OffsetDateTime,
    ) -> Result<()> {
        sqlx::query(
            "insert /* session_insert */ into dashboard_session
             (session_sha256, principal_id, csrf_token, expires_at) values ($1, $2, $3, $4)",
        )
        .bind(session_sha256)
        .bind(principal_id)
        .bind(csrf_token)
        .bind(expires_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a dashboard session.
    ///
    /// # Errors
    /// The database fails.
    pub async fn session_delete(&mut self, session_sha256: &[u8]) -> Result<()> {
        sqlx::query("delete /* session_delete */ from dashboard_session where session_sha256 = $1")
            .bind(session_sha256)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

const PRINCIPAL_BY: &str = "select principal_id, name,
       array(select role from principal_role r where r.principal_id = p.principal_id order by role) as roles";

impl Store {
    /// Whom a token belongs to, if it holds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn principal_by_token(&self, token_sha256: &[u8]) -> Result<Option<Principal>> {
        let sql = format!(
            "{PRINCIPAL_BY} from principal p join api_token t using (principal_id)
             where t.token_sha256 = $1 and t.expires_at > $2"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(token_sha256)
            .bind(self.clock().now())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| principal_from(&row)))
    }

    /// Whom a dashboard session belongs to, if it holds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn session_get(&self, session_sha256: &[u8]) -> Result<Option<Session>> {
        let sql = format!(
            "{PRINCIPAL_BY}, csrf_token from principal p join dashboard_session s using (principal_id)
             where s.session_sha256 = $1 and s.expires_at > $2"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session_sha256)
            .bind(self.clock().now())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| Session {
            principal: principal_from(&row),
            csrf_token: row.get("csrf_token"),
        }))
    }

    /// Names by pseudonym, for pages.
    ///
    /// # Errors
    /// The database fails.
    pub async fn principal_names(&self) -> Result<std::collections::HashMap<Uuid, String>> {
        let rows = sqlx::query("select /* principal_names */ principal_id, name from principal")
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

fn principal_from(row: &sqlx::postgres::PgRow) -> Principal {
    Principal {
        principal_id: row.get("principal_id"),
        name: row.get("name"),
        roles: row.get("roles"),
    }
}

impl Principal {
    /// Fails unless one of `roles` is held.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming what would be needed.
    pub fn require(&self, roles: &[&str]) -> Result<()> {
        if self.roles.iter().any(|held| roles.contains(&held.as_str())) {
            return Ok(());
        }
        Err(Error::Forbidden { needed: roles.join(" or ") })
    }
}
