//! Who signs: secrets, the keys that are derived from them, and the scope that each key is good for.

pub(crate) mod chunk_chain;
pub(crate) mod credential;
pub(crate) mod credential_scope;
pub(crate) mod key_cache;
pub(crate) mod keyring;
pub(crate) mod origin_credential;
pub(crate) mod signing_key;

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes that must not be seen: a secret key or a session token.
///
/// It has no `==`, so that no comparison can leak where it stopped, and no `Display`; its `Debug` is redacted, and its bytes
/// are overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes. The one way to them; every use of it is worth a look in review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether these are the bytes, in time that depends on the lengths only.
    pub(crate) fn matches(&self, other: &[u8]) -> bool {
        self.0.as_slice().ct_eq(other).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
