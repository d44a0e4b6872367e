//! What can be wrong with a serialized head.

use std::fmt;

/// Why bytes are not a request head of HTTP/1.0 or HTTP/1.1. Lines are counted from 1, the request line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HeadError {
    /// A CR that no LF follows.
    BareCarriageReturn {
        /// Where it stands.
        line: usize,
    },
    /// An LF that no CR precedes.
    BareLineFeed {
        /// Where it stands.
        line: usize,
    },
    /// A control byte in a header's value, or in the request line where it ends no part.
    Control {
        /// Where it stands.
        line: usize,
    },
    /// A line that begins with a blank or a tab: the obsolete continuation of RFC 9112, 5.2.
    Folded {
        /// Where it stands.
        line: usize,
    },
    /// The connection preface of HTTP/2.
    Http2,
    /// The request line does not begin with a method and a blank.
    Method,
    /// A header line without a colon.
    MissingColon {
        /// Where it stands.
        line: usize,
    },
    /// A header name that is empty or holds a byte that is no token character.
    Name {
        /// Where it stands.
        line: usize,
    },
    /// A NUL byte.
    Nul {
        /// Where it stands.
        line: usize,
    },
    /// The request target is absent or holds a blank or a control byte.
    Target,
    /// The bytes end before the blank line.
    Truncated,
    /// The request line does not end in `HTTP/1.0` or `HTTP/1.1`.
    Version,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareCarriageReturn { line } => {
                write!(f, "carriage return without line feed in line {line}")
            }
            Self::BareLineFeed { line } => {
                write!(f, "line feed without carriage return in line {line}")
            }
            Self::Control { line } => write!(f, "control byte in line {line}"),
            Self::Folded { line } => write!(f, "folded header in line {line}"),
            Self::Http2 => f.write_str("HTTP/2 preface where an HTTP/1.x request was expected"),
            Self::Method => f.write_str("no method in the request line"),
            Self::MissingColon { line } => write!(f, "no colon in header line {line}"),
            Self::Name { line } => write!(f, "invalid header name in line {line}"),
            Self::Nul { line } => write!(f, "NUL byte in line {line}"),
            Self::Target => f.write_str("no valid target in the request line"),
            Self::Truncated => f.write_str("the request head has no end"),
            Self::Version => f.write_str("the request line does not end in HTTP/1.0 or HTTP/1.1"),
        }
    }
}

impl std::error::Error for HeadError {}
