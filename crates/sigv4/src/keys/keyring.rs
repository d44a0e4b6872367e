//! The access keys whose signatures are accepted.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::Credential;

/// Credentials by access key id.
pub struct Keyring<G> {
    /// Unauthenticated clients choose what is looked for, but not what is in it, so the hash need not withstand them.
    credentials: FxHashMap<Vec<u8>, Credential<G>>,
}

/// Whether a request could name this access key id, which stands in a header, before a slash, in a list between commas.
pub fn is_usable_id(access_key: &[u8]) -> bool {
    (1..=128).contains(&access_key.len())
        && access_key.iter().all(|byte| byte.is_ascii_graphic() && !b"/,".contains(byte))
}

/// An access key id that is already in the keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The access key id.
    pub access_key: Vec<u8>,
}

impl<G> Keyring<G> {
    /// Adds a credential.
    ///
    /// # Errors
    ///
    /// Its access key id is already there; the keyring stays as it was.
    pub fn insert(&mut self, credential: Credential<G>) -> Result<(), DuplicateKey> {
        let access_key = credential.access_key().to_vec();
        if self.credentials.contains_key(&access_key) {
            return Err(DuplicateKey { access_key });
        }
        self.credentials.insert(access_key, credential);
        Ok(())
    }

    /// The credential of an access key id.
    pub fn find(&self, access_key: &[u8]) -> Option<&Credential<G>> {
        self.credentials.get(access_key)
    }

    /// How many credentials there are.
    pub fn len(&self) -> usize {
        self.credentials.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// All credentials, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Credential<G>> {
        self.credentials.values()
    }
}

impl<G> Default for Keyring<G> {
    fn default() -> Self {
        Self { credentials: FxHashMap::default() }
    }
}

impl<G> fmt::Debug for Keyring<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::error::Error for DuplicateKey {}

impl fmt::Display for DuplicateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate access key \"{}\"", self.access_key.escape_ascii())
    }
}
