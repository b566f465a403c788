//! The privacy ledger. Integers only: ε in 10⁻⁹, δ in 10⁻¹⁵, rounded up before they arrive here.
//!
//! A reservation is one conditional update, so that any number of clients together never pass the cap;
//! the table's CHECK says the same once more.

use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::{Store, Tx};
use crate::error::{Error, Result};

/// A privacy loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// ε in 10⁻⁹.
    pub epsilon_nano: i64,
    /// δ in 10⁻¹⁵.
    pub delta_femto: i64,
}

/// A scope with what was spent and what is reserved.
#[derive(Clone, Debug, FromRow)]
pub struct BudgetScope {
    /// Identifier.
    pub scope_id: Uuid,
    /// The dataset it protects.
    pub dataset_id: Uuid,
    /// Cap, ε in 10⁻⁹.
    pub epsilon_cap_nano: i64,
    /// Spent for good.
    pub epsilon_spent_nano: i64,
    /// Held for running jobs.
    pub epsilon_reserved_nano: i64,
    /// Cap, δ in 10⁻¹⁵.
    pub delta_cap_femto: i64,
    /// Spent for good.
    pub delta_spent_femto: i64,
    /// Held for running jobs.
    pub delta_reserved_femto: i64,
}

impl BudgetScope {
    /// What is neither spent nor reserved.
    pub fn remaining(&self) -> Loss {
        Loss {
            epsilon_nano: self.epsilon_cap_nano
                - self.epsilon_spent_nano
                - self.epsilon_reserved_nano,
            delta_femto: self.delta_cap_femto - self.delta_spent_femto - self.delta_reserved_femto,
        }
    }
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationEnd {
    /// The mechanism may have touched the data.
    Committed,
    /// The data was certainly not touched.
    Released,
}

/// A reservation that is still open.
#[derive(Debug, FromRow)]
pub struct ReservationRow {
    /// Identifier.
    pub reservation_id: Uuid,
    /// Its scope.
    pub scope_id: Uuid,
    /// ε in 10⁻⁹.
    pub epsilon_nano: i64,
    /// δ in 10⁻¹⁵.
    pub delta_femto: i64,
}

const SCOPE: &str = "scope_id, dataset_id, epsilon_cap_nano, epsilon_spent_nano, \
     epsilon_reserved_nano, delta_cap_femto, delta_spent_femto, delta_reserved_femto from budget_scope";

impl Tx {
    /// Opens a scope with its cap.
    ///
    /// # Errors
    /// The dataset has one already, or the database fails.
    pub async fn budget_open(
        &mut self,
        dataset_id: Uuid,
        cap: Loss,
        event_id: Uuid,
    ) -> Result<Uuid> {
        let scope_id = self.clock().new_id();
        sqlx::query(
            "insert /* budget_open */ into budget_scope
             (scope_id, dataset_id, epsilon_cap_nano, delta_cap_femto, opened_event_id)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(scope_id)
        .bind(dataset_id)
        .bind(cap.epsilon_nano)
        .bind(cap.delta_femto)
        .bind(event_id)
        .execute(self.connection())
        .await?;
        Ok(scope_id)
    }

    /// The scope of a dataset.
    ///
    /// # Errors
    /// There is none, or the database fails.
    pub async fn budget_scope(&mut self, dataset_id: Uuid) -> Result<BudgetScope> {
        let sql = format!("select /* budget_scope */ {SCOPE} where dataset_id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(dataset_id)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| Error::NotFound {
                what: "privacy budget of dataset",
                name: dataset_id.to_string(),
            })
    }

    /// Holds back a loss, or answers false and changes nothing.
    ///
    /// # Errors
    /// The database fails.
    pub async fn budget_hold(&mut self, scope_id: Uuid, loss: Loss) -> Result<bool> {
        let held = sqlx::query(
            "update /* budget_hold */ budget_scope
             set epsilon_reserved_nano = epsilon_reserved_nano + $2,
                 delta_reserved_femto = delta_reserved_femto + $3
             where scope_id = $1 and $2 > 0 and $3 >= 0
               and $2 <= epsilon_cap_nano - epsilon_spent_nano - epsilon_reserved_nano
               and $3 <= delta_cap_femto - delta_spent_femto - delta_reserved_femto",
        )
        .bind(scope_id)
        .bind(loss.epsilon_nano)
        .bind(loss.delta_femto)
        .execute(self.connection())
        .await?;
        Ok(held.rows_affected() == 1)
    }

    /// Writes the reservation that was held.
    ///
    /// # Errors
    /// This attempt has one already, or the database fails.
    pub async fn reservation_insert(
        &mut self,
        scope_id: Uuid,
        job_id: Uuid,
        attempt: i32,
        loss: Loss,
        reserved_event_id: Uuid,
    ) -> Result<()> {
        let reservation_id = self.clock().new_id();
        sqlx::query(
            "insert /* reservation_insert */ into budget_reservation (reservation_id, scope_id,
             job_id, attempt, epsilon_nano, delta_femto, state, reserved_event_id)
             values ($1, $2, $3, $4, $5, $6, 'reserved', $7)",
        )
        .bind(reservation_id)
        .bind(scope_id)
        .bind(job_id)
        .bind(attempt)
        .bind(loss.epsilon_nano)
        .bind(loss.delta_femto)
        .bind(reserved_event_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The open reservation of a job's attempt, if any, locked.
    ///
    /// # Errors
    /// The database fails.
    pub async fn reservation_open(
        &mut self,
        job_id: Uuid,
        attempt: i32,
    ) -> Result<Option<ReservationRow>> {
        Ok(sqlx::query_as(
            "select /* reservation_open */ reservation_id, scope_id, epsilon_nano, delta_femto
             from budget_reservation where job_id = $1 and attempt = $2 and state = 'reserved'
             for update",
        )
        .bind(job_id)
        .bind(attempt)
        .fetch_optional(self.connection())
        .await?)
    }

    /// Ends a reservation once; ending it again is a bug.
    ///
    /// # Errors
    /// It was ended before, or the database fails.
    pub async fn reservation_end(
        &mut self,
        reservation: &ReservationRow,
        end: ReservationEnd,
        event_id: Uuid,
    ) -> Result<()> {
        let (state, spent) = match end {
            ReservationEnd::Committed => ("committed", 1_i64),
            ReservationEnd::Released => ("released", 0),
        };
        let ended = sqlx::query(
            "with /* reservation_end */ ended as (
               update budget_reservation set state = $2, settled_event_id = $3
               where reservation_id = $1 and state = 'reserved'
               returning scope_id, epsilon_nano, delta_femto)
             update budget_scope s
             set epsilon_reserved_nano = s.epsilon_reserved_nano - e.epsilon_nano,
                 epsilon_spent_nano = s.epsilon_spent_nano + e.epsilon_nano * $4,
                 delta_reserved_femto = s.delta_reserved_femto - e.delta_femto,
                 delta_spent_femto = s.delta_spent_femto + e.delta_femto * $4
             from ended e where s.scope_id = e.scope_id",
        )
        .bind(reservation.reservation_id)
        .bind(state)
        .bind(event_id)
        .bind(spent)
        .execute(self.connection())
        .await?;
        if ended.rows_affected() == 1 {
            return Ok(());
        }
        Err(Error::Bug(format!("reservation {} was ended twice", reservation.reservation_id)))
    }
}

impl Store {
    /// All scopes with their dataset's name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn budget_list(&self) -> Result<Vec<(String, BudgetScope)>> {
        let rows = sqlx::query(
            "select /* budget_list */ d.name, s.* from budget_scope s join dataset d using (dataset_id)
             order by d.name",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.get("name"), BudgetScope::from_row(row)?))).collect()
    }
}
