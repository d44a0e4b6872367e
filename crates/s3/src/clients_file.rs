//! `clients.json`: many access keys, each with what it may do.
//!
//! ```json
//! {
//!   "clients": [
//!     { "access_key": "AKIDBACKUP", "secret_key": "…" },
//!     {
//!       "comment": "the web application; its secret is being changed",
//!       "access_key": "AKIDWEB",
//!       "secret_keys": [ { "env": "WEB_SECRET_OLD" }, { "file": "/run/secrets/web" } ],
//!       "root": "tenants/web/",
//!       "enabled": true, "expires": "2027-01-01T00:00:00+01:00", "from": [ "192.0.2.0/24", "2001:db8::/32", "unix:" ],
//!       "grants": [
//!         { "buckets": ["photos", "logs-*"], "prefix": ["2025/", "2026/"], "allow": ["read", "list"] },
//!         { "buckets": ["uploads"], "allow": ["PutObject"], "from": ["192.0.2.7"] },
//!         { "buckets": ["photos"], "prefix": "2026/private/", "deny": ["all"] }
//!       ]
//!     },
//!     {
//!       "access_key": "ASIAGUEST", "secret_key": "…",
//!       "session_token": "…", "expires": "2026-12-31T23:59:59Z",
//!       "grants": []
//!     }
//!   ]
//! }
//! ```
//!
//! A client without `grants` may do anything, one with an empty list nothing. All keys of one with a `root` begin with that at the
//! origins; it, and its grants, know nothing of it. `allow` and `deny`, which wins, take `read`,
//! `write`, `delete`, `list`, `admin`, `all` and names of operations; a bucket's name may end in `*`. Members that are not known here, members
//! and keys that come twice, and `null` are errors: a typing mistake must not turn into rights.

mod error;
mod format;
mod grant_entry;
mod json;

use sigv4::{Credential, Keyring, Secret};

use crate::Grants;

pub use error::ClientsError;
use format::{Client, SecretMember};

/// Where a secret is that does not stand in the file itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretReference {
    /// In the environment variable of this name.
    Env(String),
    /// In the file of this path.
    File(String),
}

/// A client of a file, as far as it can be shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedClient<'a> {
    /// The access key id.
    pub access_key: &'a str,
    /// Whether the key is in use at all.
    pub enabled: bool,
    /// The last second in which it is good, since 1970.
    pub expires: Option<i64>,
    /// What it may do.
    pub grants: Grants,
}

/// A parsed `clients.json`. Its secrets are not shown by `Debug`.
#[derive(Debug)]
pub struct ClientsFile {
    clients: Vec<Client>,
}

impl ClientsFile {
    /// Parses the text of a file.
    ///
    /// ```
    /// let text = br#"{"clients": [{"access_key": "AK", "secret_key": "s", "acces": "x"}]}"#;
    /// let error = s3::ClientsFile::parse(text).unwrap_err();
    /// assert!(error.to_string().starts_with("line 1, column 60: \"clients[0].acces\": unknown member"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClientsError::Format`] with the place of the fault and the member that it is in.
    pub fn parse(text: &[u8]) -> Result<Self, ClientsError> {
        format::parse(text).map(|clients| Self { clients })
    }

    /// What the file says about each client, but for secrets.
    pub fn clients(&self) -> impl Iterator<Item = ListedClient<'_>> {
        self.clients.iter().map(|client| ListedClient {
            access_key: &client.access_key,
            enabled: client.enabled,
            expires: client.expires,
            grants: client.grants(),
        })
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none, which is allowed and lets nobody in.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Adds every client that is enabled to `keyring`.
    ///
    /// `resolve` fetches a secret that stands elsewhere, or says why it cannot, without showing it. When the file
    /// is read again while the server runs, fill a new keyring and keep the old one if this fails.
    ///
    /// # Errors
    ///
    /// [`ClientsError::DuplicateKey`] for an access key that the keyring has already, [`ClientsError::Secret`] for
    /// what `resolve` said, or a secret that is empty. Clients before the one at fault have been added by then.
    pub fn insert_into(
        self,
        keyring: &mut Keyring<Grants>,
        resolve: &mut dyn FnMut(&SecretReference) -> Result<Secret, String>,
    ) -> Result<(), ClientsError> {
        for client in self.clients.into_iter().filter(|client| client.enabled) {
            let access_key = client.access_key.clone();
            let mut fetch = |member, secret| {
                let secret = match secret {
                    SecretMember::Text(secret) => Ok(secret),
                    SecretMember::Elsewhere(reference) => resolve(&reference),
                };
                secret.and_then(not_empty).map_err(|reason| ClientsError::Secret {
                    access_key: access_key.clone(),
                    member,
                    reason,
                })
            };
            let grants = client.grants();
            let secret = fetch("secret_key", client.secret)?;
            let mut credential = Credential::new(client.access_key.clone(), secret, grants);
            if let Some(second) = client.second_secret {
                credential = credential.with_second_secret(fetch("secret_keys", second)?);
            }
            credential = match (client.token, client.expires) {
                (Some(token), expires) => {
                    credential.with_token(fetch("session_token", token)?, expires)
                }
                (None, Some(expires)) => credential.with_expiry(expires),
                (None, None) => credential,
            };
            keyring
                .insert(credential)
                .map_err(|_| ClientsError::DuplicateKey { access_key: client.access_key })?;
        }
        Ok(())
    }
}

/// Anybody can sign with an empty secret.
fn not_empty(secret: Secret) -> Result<Secret, String> {
    if secret.expose().is_empty() { Err("is empty".into()) } else { Ok(secret) }
}

#[cfg(test)]
mod tests;
