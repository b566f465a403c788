//! Just enough of PostgreSQL's frontend/backend protocol 3.0 to ask a server on a Unix socket
//! whether it is ready, and with which settings it runs (PostgreSQL manual, chapters "Message Flow"
//! and "Message Formats"). No pool, no types: the store does everything else.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROTOCOL_3_0: i32 = 196_608;
const CANNOT_CONNECT_NOW: &str = "57P03";
/// A server that is up answers at once; one that hangs must not hang us.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Far above any answer to what is asked here.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// Nothing listens yet, or the server still recovers.
    #[error("not yet: {0}")]
    NotYet(String),
    /// The server answered with an error, which waiting does not mend.
    #[error("{0}")]
    Refused(String),
    /// The conversation broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A session of user `postgres` in database `postgres`.
#[derive(Debug)]
pub(super) struct Session {
    stream: UnixStream,
}

type Row = Vec<Option<String>>;

impl Session {
    /// Opens a session, without waiting for a server that is not ready.
    pub(super) fn open(socket: &Path) -> Result<Self, WireError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                WireError::NotYet(error.to_string())
            }
            _ => WireError::Io(error),
        })?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let mut session = Self { stream };
        let mut startup = PROTOCOL_3_0.to_be_bytes().to_vec();
        startup.extend_from_slice(b"user\0postgres\0database\0postgres\0\0");
        session.stream.write_all(&framed(None, &startup)?)?;
        session.until_ready()?;
        Ok(session)
    }

    /// Runs one statement and answers its rows as text.
    pub(super) fn query(&mut self, statement: &str) -> Result<Vec<Row>, WireError> {
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        self.stream.write_all(&framed(Some(b'Q'), &body)?)?;
        self.until_ready()
    }

    /// Reads up to ReadyForQuery, keeping the rows on the way.
    fn until_ready(&mut self) -> Result<Vec<Row>, WireError> {
        let mut rows = Vec::new();
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'Z' => return Ok(rows),
                b'D' => rows.push(parse_row(&body).ok_or_else(malformed)?),
                b'E' => return Err(parse_error(&body)),
                // AuthenticationOk is the only request a socket with method trust makes.
                b'R' if body != [0; 4] => {
                    return Err(WireError::Refused("the server asks for a password".to_owned()));
                }
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).map_err(closed_while_starting)?;
        let [kind, length @ ..] = header;
        let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| malformed())?;
        // The length counts itself.
        let length =
            length.checked_sub(4).filter(|l| *l <= MESSAGE_BYTES_MAX).ok_or_else(malformed)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// A postmaster on its way up or down may close a connection without a word.
fn closed_while_starting(error: io::Error) -> WireError {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => {
            WireError::NotYet("the server closed the connection".to_owned())
        }
        _ => WireError::Io(error),
    }
}

fn framed(kind: Option<u8>, body: &[u8]) -> io::Result<Vec<u8>> {
    let length = i32::try_from(body.len() + 4)
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "the statement is too long"))?;
    Ok(kind.into_iter().chain(length.to_be_bytes()).chain(body.iter().copied()).collect())
}

/// DataRow: a count, then for each column a length (−1: NULL) and its bytes.
fn parse_row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            row.push(None);
            continue;
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
    }
    rest.is_empty().then_some(row)
}

/// ErrorResponse: fields of one code byte and a zero-terminated string; C is the SQLSTATE, M the text.
fn parse_error(body: &[u8]) -> WireError {
    let field = |code: u8| {
        body.split(|byte| *byte == 0)
            .find_map(|field| field.strip_prefix(&[code]))
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .unwrap_or_default()
    };
    match field(b'C').as_str() {
        CANNOT_CONNECT_NOW => WireError::NotYet(field(b'M')),
        state => WireError::Refused(format!("{} (SQLSTATE {state})", field(b'M'))),
    }
}

fn malformed() -> WireError {
    WireError::Io(io::Error::new(ErrorKind::InvalidData, "the answer is no PostgreSQL message"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_and_errors_are_read_as_the_manual_lays_them_out() {
        let row = [&[0, 2][..], &[0, 0, 0, 2], b"on", &[255, 255, 255, 255]].concat();
        assert_eq!(parse_row(&row), Some(vec![Some("on".to_owned()), None]));
        assert_eq!(parse_row(&row[..row.len() - 1]), None);

        let starting = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        let WireError::NotYet(text) = parse_error(starting) else { panic!("57P03 is: not yet") };
        assert_eq!(text, "the database system is starting up");
        let refused = parse_error(b"SFATAL\0C28000\0Mno entry\0\0");
        assert_eq!(refused.to_string(), "no entry (SQLSTATE 28000)");
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_row(&body);
            let _ = parse_error(&body);
        }
    }
}
