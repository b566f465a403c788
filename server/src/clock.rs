//! The one place where time enters. Everything else takes a [`Clock`], so that tests own the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp, Uuid};

/// Counts within a millisecond (RFC 9562 §6.2, method 1).
static SEQUENCE: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// Wall-clock time, or a hand-set one in tests.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Microseconds since the Unix epoch, moved by hand.
    Fake(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    pub fn fake(start: OffsetDateTime) -> Self {
        Self::Fake(Arc::new(AtomicI64::new(unix_micros(start))))
    }

    /// Moves a fake clock by `seconds`, which may be negative. The system clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Self::Fake(micros) = self {
            micros.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }

    /// Now, cut to whole microseconds (PostgreSQL's resolution).
    #[allow(clippy::disallowed_methods)] // the one allowed reader of the machine's clock
    pub fn now(&self) -> OffsetDateTime {
        let micros = match self {
            Self::System => unix_micros(OffsetDateTime::now_utc()),
            Self::Fake(micros) => micros.load(Ordering::SeqCst),
        };
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// A new time-ordered identifier (UUID version 7, RFC 9562 §5.7). Within this process each is greater
    /// than the one before, so that events of one transaction list in their order.
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&SEQUENCE, seconds, now.nanosecond()))
    }
}

fn unix_micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with exactly six digits of a second, as log entries write it.
pub fn rfc3339_micros(time: OffsetDateTime) -> String {
    let utc = time.to_offset(time::UtcOffset::UTC);
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
    );
    utc.format(format).unwrap_or_else(|_| String::from("1970-01-01T00:00:00.000000Z"))
}

/// RFC 3339 in UTC.
pub fn rfc3339(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .unwrap_or_else(|_| String::from("1970-01-01T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_one_moment_keep_their_order() {
        let clock = Clock::fake(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
        let identifiers: Vec<Uuid> = (0..1000).map(|_| clock.new_id()).collect();
        assert!(identifiers.is_sorted_by(|one, next| one < next));
    }
}
