//! What is wrong with a configuration.

/// Why a directive, or the configuration as a whole, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfError {
    /// What is wrong, in nginx's manner; file and line are added to it.
    Message(String),
    /// nginx, or [`Conf::error_at`](super::Conf::error_at), has said it already.
    Reported,
}

impl ConfError {
    /// Memory is out.
    pub(crate) fn out_of_memory() -> Self {
        "out of memory".into()
    }
}

impl From<String> for ConfError {
    fn from(text: String) -> Self {
        ConfError::Message(text)
    }
}

impl From<&str> for ConfError {
    fn from(text: &str) -> Self {
        ConfError::Message(text.to_owned())
    }
}
