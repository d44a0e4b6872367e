//! What is being read of an origin's answer, before anything of it goes on.

use s3::origin_error::CodeReader;

/// What is to be known of an answer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Concern {
    /// Whether it is our key that is refused.
    Key,
    /// Whether the origin only wants fewer requests.
    Load,
}

/// Reading on in an answer's body.
pub(crate) struct Reading {
    pub(crate) question: Concern,
    pub(crate) reader: CodeReader,
}
