//! The root of a client: what all of its keys begin with at the origins, and what it never sees.

use std::fmt;
use std::sync::Arc;

/// Longest root in bytes: a quarter of a key.
pub const MAX_ROOT: usize = 256;

/// What the keys of a client begin with at the origins. A copy is a reference.
///
/// It is of characters that neither a URL nor XML escapes, so that it reads the same wherever it is written, and it ends in a
/// slash, so that no root is the beginning of another that is not below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRoot(Arc<str>);

/// Why a text is no root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAKeyRoot;

impl fmt::Display for NotAKeyRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "must be 1 to {MAX_ROOT} letters, digits, \"-\", \".\", \"_\", \"~\" and \"/\", with a slash at its end, \
             none at its beginning, and no segment that is empty, \".\" or \"..\""
        )
    }
}

impl std::error::Error for NotAKeyRoot {}

impl KeyRoot {
    /// ```
    /// assert!(s3::KeyRoot::new("tenants/a/").is_ok());
    /// assert!(s3::KeyRoot::new("tenants/a").is_err());
    /// assert!(s3::KeyRoot::new("tenants/../").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotAKeyRoot`]
    pub fn new(text: &str) -> Result<Self, NotAKeyRoot> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved)
        };
        let segments = text.strip_suffix('/').filter(|_| text.len() <= MAX_ROOT);
        match segments {
            Some(segments) if segments.split('/').all(is_segment) => Ok(Self(text.into())),
            _ => Err(NotAKeyRoot),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
