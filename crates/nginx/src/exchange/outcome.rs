//! What comes of an exchange.

use std::fmt;

use super::tls::TlsFailure;

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeOutcome {
    /// The answer, or as much of it as came before the server closed the connection.
    Answered(Vec<u8>),
    /// The server closed the connection without a word.
    Closed,
    /// No connection, and the system's error number if it is known.
    NotConnected(i32),
    /// The time is over.
    TimedOut,
    /// No TLS session.
    Tls(TlsFailure),
    /// This process could not even try: no descriptor, no connection, no memory left. That says nothing about the server.
    NotTried,
}

impl fmt::Display for ExchangeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExchangeOutcome::Answered(_) => f.write_str("an answer that is not HTTP"),
            ExchangeOutcome::Closed => f.write_str("connection closed without an answer"),
            ExchangeOutcome::NotConnected(0) => f.write_str("no connection"),
            ExchangeOutcome::NotConnected(number) => {
                // Without the number behind it.
                let text = std::io::Error::from_raw_os_error(*number).to_string();
                f.write_str(text.split(" (os error").next().unwrap_or_default())
            }
            ExchangeOutcome::TimedOut => f.write_str("no answer in time"),
            ExchangeOutcome::Tls(failure) => failure.fmt(f),
            ExchangeOutcome::NotTried => f.write_str("not tried"),
        }
    }
}
