//! A client's access key: who may sign.

use std::cell::Ref;
use std::fmt;
use std::ops::Deref;

use crate::canonical::string_to_sign::StringToSign;
use crate::keys::credential_scope::CredentialScope;
use crate::keys::signing_key::{SigningKey, SigningKeyCache};
use crate::{Secret, Timestamp};

/// One access key id with its secret, or both secrets while one replaces the other, and whatever `grants` the caller
/// attaches.
///
/// Keeps a few derived signing keys, so it is for use by one thread. `Debug` shows neither secrets nor the token.
pub struct Credential<G> {
    access_key: Vec<u8>,
    secret: Secret,
    second: Option<Secret>,
    token: Option<Token>,
    grants: G,
    keys: SigningKeyCache,
}

struct Token {
    token: Secret,
    expires: Option<i64>,
}

/// A signing key: one that is kept, or one that was derived for this request.
pub(crate) enum Key<'k> {
    Kept(Ref<'k, SigningKey>),
    New(SigningKey),
}

impl Deref for Key<'_> {
    type Target = SigningKey;

    fn deref(&self) -> &SigningKey {
        match self {
            Key::Kept(key) => key,
            Key::New(key) => key,
        }
    }
}

/// How a request's session token fits a credential.
pub(crate) enum TokenCheck {
    Expired,
    Invalid,
    Missing,
    Right,
}

impl<G> Credential<G> {
    /// A long-lived access key.
    pub fn new(access_key: impl Into<Vec<u8>>, secret: Secret, grants: G) -> Self {
        let access_key = access_key.into();
        Self { access_key, secret, second: None, token: None, grants, keys: Default::default() }
    }

    /// Adds a second secret that is as good as the first, for the time of a rotation.
    ///
    /// Both are tried for every signature, so that the time does not tell which one it was.
    #[must_use]
    pub fn with_second_secret(mut self, secret: Secret) -> Self {
        self.second = Some(secret);
        self
    }

    /// Makes this a temporary access key: good only together with this session token, and, if `expires` is given, until
    /// that second since 1970.
    #[must_use]
    pub fn with_token(mut self, token: Secret, expires: Option<i64>) -> Self {
        self.token = Some(Token { token, expires });
        self
    }

    /// The access key id.
    pub fn access_key(&self) -> &[u8] {
        &self.access_key
    }

    /// What the caller attached.
    pub fn grants(&self) -> &G {
        &self.grants
    }

    /// How many derived signing keys are kept; bounded, whatever clients send.
    pub fn kept_signing_keys(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [Some(&self.secret), self.second.as_ref()].into_iter().flatten()
    }

    /// The key under which the signature that is claimed is right. Tries every secret, also after one was right.
    pub(crate) fn proving_key(
        &self,
        scope: &CredentialScope<'_>,
        string_to_sign: &StringToSign<'_>,
        claimed: &[u8],
        now: Timestamp,
    ) -> Option<Key<'_>> {
        let mut found = None;
        for (number, secret) in self.secrets().enumerate() {
            let key = match self.keys.get(number, scope) {
                Some(key) => Key::Kept(key),
                None => {
                    Key::New(SigningKey::derive(secret, [scope.date, scope.region, scope.service]))
                }
            };
            if key.verify(string_to_sign, claimed) {
                found = Some((number, key));
            }
        }
        let (number, key) = found?;
        if let Key::New(key) = &key {
            self.keys.keep(number, scope, string_to_sign.date, now, key);
        }
        Some(key)
    }

    pub(crate) fn check_token(&self, sent: Option<&[u8]>, now: Timestamp) -> TokenCheck {
        match (&self.token, sent) {
            (None, None) => TokenCheck::Right,
            (None, Some(_)) => TokenCheck::Invalid,
            (Some(_), None) => TokenCheck::Missing,
            (Some(own), Some(sent)) if !own.token.matches(sent) => TokenCheck::Invalid,
            (Some(own), Some(_)) if own.expires.is_some_and(|end| end < now.unix()) => {
                TokenCheck::Expired
            }
            (Some(_), Some(_)) => TokenCheck::Right,
        }
    }
}

impl<G> fmt::Debug for Credential<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("access_key", &format_args!("\"{}\"", self.access_key.escape_ascii()))
            .field("two_secrets", &self.second.is_some())
            .field("temporary", &self.token.is_some())
            .finish_non_exhaustive()
    }
}
