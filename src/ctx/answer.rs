//! What is being found out about an origin's answer, before anything of it goes on.

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

/// Whether an answer without a word is about our key: how far it is with finding that out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyCheck {
    /// There is no doubt.
    #[default]
    None,
    /// It is held. So many questions had been sent before.
    Waits(u64),
    /// The origin refuses the key, or nothing says so.
    Done { is_refused: bool },
}
