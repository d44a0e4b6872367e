//! Why a head is not signed for an origin.

use std::fmt;

use crate::Error;

/// Why a head cannot be signed for an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResignError {
    /// The origin's authority is empty or has bytes that no Host header may have.
    AuthorityInvalid,
    /// The Connection header lists a header that must arrive (X14).
    ConnectionNamesHeader {
        /// Name of the listed header, as received.
        name: Vec<u8>,
    },
    /// A rewritten path has a `?`, an escape or a line's end that the client had escaped; see [`in_client_spelling`](crate::in_client_spelling).
    EscapesLost,
    /// A preflight permit with another method than OPTIONS.
    NotPreflight,
    /// A rewritten path has a `+` of which it cannot be told what it stands for; see
    /// [`in_client_spelling`](crate::in_client_spelling).
    PlusAmbiguous,
    /// The target, or the payload that is declared, cannot be signed.
    Request(Error),
}

impl std::error::Error for ResignError {}

impl fmt::Display for ResignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorityInvalid => f.write_str("invalid authority of the origin"),
            Self::ConnectionNamesHeader { name } => {
                write!(f, "\"Connection\" header lists \"{}\"", name.escape_ascii())
            }
            Self::EscapesLost => f.write_str(
                "the rewritten path has bytes of the client's that are no longer escaped",
            ),
            Self::NotPreflight => f.write_str("method of a preflight is not OPTIONS"),
            Self::PlusAmbiguous => {
                f.write_str("the rewritten path has a \"+\" that may be a blank or a plus")
            }
            Self::Request(error) => error.fmt(f),
        }
    }
}

impl From<Error> for ResignError {
    fn from(error: Error) -> Self {
        Self::Request(error)
    }
}
