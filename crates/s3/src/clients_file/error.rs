//! What can be wrong with `clients.json`, said without showing any of its values.

use std::fmt;

use serde_path_to_error::{Path, Segment};

/// Why clients could not be read or added.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientsError {
    /// An access key is there already, from another file or another line of configuration.
    DuplicateKey {
        /// The access key id.
        access_key: String,
    },
    /// The text is not JSON, or not what `clients.json` should hold.
    Format {
        /// Line of the text, counted from 1; 0 if unknown.
        line: usize,
        /// Column in that line, counted from 1 in bytes.
        column: usize,
        /// The member at fault, such as `clients[2].grants[0].allow`; empty for the whole.
        member: String,
        /// What is wrong, for people; never a value of the file.
        reason: String,
    },
    /// A secret that stands elsewhere could not be had.
    Secret {
        /// The access key id that it belongs to.
        access_key: String,
        /// The member that refers to it.
        member: &'static str,
        /// What the resolver said.
        reason: String,
    },
}

impl ClientsError {
    /// Takes place and member from an error of the JSON reader, and of its text what cannot be a value.
    pub(crate) fn of_json(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let member = member(error.path());
        let error = error.into_inner();
        Self::Format { line: error.line(), column: error.column(), member, reason: reason(&error) }
    }
}

/// The path to a member, as in JavaScript; no further than to a secret, where even a name may be one that was
/// misplaced.
fn member(path: &Path) -> String {
    let mut member = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => {
                let dot = if member.is_empty() { "" } else { "." };
                member += &format!("{dot}{}", key.escape_debug());
                if matches!(key.as_str(), "secret_key" | "secret_keys" | "session_token") {
                    break;
                }
            }
            Segment::Seq { index } => member += &format!("[{index}]"),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    member
}

/// What is left of the reader's message without the values that it quotes.
///
/// `invalid type: string "…", expected …` and its like quote whatever stood there, perhaps a secret in the wrong
/// place. The expectation is the only part after the last `, expected `, and is text of this crate or of the
/// reader.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    if text.starts_with("unknown field") {
        return match expected {
            Some(known) => format!("unknown member; expected {known}"),
            None => "unknown member".into(),
        };
    }
    match expected {
        Some(expected) => format!("expected {expected}"),
        None => text.replacen(" field ", " member ", 1),
    }
}

impl fmt::Display for ClientsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateKey { access_key } => {
                write!(f, "access key \"{access_key}\" is already defined")
            }
            Self::Format { line, column, member, reason } if member.is_empty() => {
                write!(f, "line {line}, column {column}: {reason}")
            }
            Self::Format { line, column, member, reason } => {
                write!(f, "line {line}, column {column}: \"{member}\": {reason}")
            }
            Self::Secret { access_key, member, reason } => {
                write!(f, "\"{member}\" of access key \"{access_key}\": {reason}")
            }
        }
    }
}

impl std::error::Error for ClientsError {}
