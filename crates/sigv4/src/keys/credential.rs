//! A client's access key: who may sign.

use std::fmt;

use crate::canonical::string_to_sign::StringToSign;
use crate::keys::credential_scope::{CredentialScope, S3};
use crate::keys::key_cache::SigningKeyCache;
use crate::keys::signing_key::SigningKey;
use crate::{Secret, Timestamp};

/// One access key id with its secret, or both secrets while one replaces the other, and whatever `grants` the caller
/// attaches.
///
/// Keeps a few derived signing keys, for all threads. `Debug` shows neither secrets nor the token.
pub struct Credential<G> {
    access_key: Vec<u8>,
    secret: Secret,
    second: Option<Secret>,
    token: Option<Token>,
    /// The last second, since 1970, in which it is good.
    expires: Option<i64>,
    grants: G,
    keys: SigningKeyCache,
}

struct Token {
    token: Secret,
    expires: Option<i64>,
}

/// How a request's session token fits a credential.
pub(crate) enum TokenCheck {
    Expired,
    Invalid,
    KeyExpired,
    Missing,
    Right,
}

impl<G> Credential<G> {
    /// A long-lived access key.
    pub fn new(access_key: impl Into<Vec<u8>>, secret: Secret, grants: G) -> Self {
        Self {
            access_key: access_key.into(),
            secret,
            second: None,
            token: None,
            expires: None,
            grants,
            keys: Default::default(),
        }
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

    /// Ends this access key with that second since 1970: after it, it is as good as unknown.
    #[must_use]
    pub fn with_expiry(mut self, expires: i64) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The access key id.
    pub fn access_key(&self) -> &[u8] {
        &self.access_key
    }

    /// The last second since 1970 in which requests can be signed with it: the access key's own end or its token's, whichever comes
    /// first. None if it has neither.
    pub fn expires(&self) -> Option<i64> {
        let token = self.token.as_ref().and_then(|token| token.expires);
        [self.expires, token].into_iter().flatten().min()
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

    /// The number of the secret under which the signature that is claimed is right.
    pub(crate) fn proving_secret(
        &self,
        scope: &CredentialScope<'_>,
        string_to_sign: &StringToSign<'_, 1>,
        claimed: &[u8],
        now: Timestamp,
    ) -> Option<usize> {
        let mut found = None;
        // Every secret, also after one was right, so that the time does not tell which one it was.
        for (number, secret) in self.secrets().enumerate() {
            let kept = self.keys.get(number, scope);
            let key = kept.as_ref();
            let is_right = match key {
                Some(key) => key.verify(string_to_sign, claimed),
                None => self.derive(number, secret, scope, string_to_sign, claimed, now),
            };
            if is_right {
                found = Some(number);
            }
        }
        found
    }

    /// Verifies with a new key, and keeps it if it has proven to be right: nobody without the secret gets to the cache.
    fn derive(
        &self,
        number: usize,
        secret: &Secret,
        scope: &CredentialScope<'_>,
        string_to_sign: &StringToSign<'_, 1>,
        claimed: &[u8],
        now: Timestamp,
    ) -> bool {
        let key = SigningKey::derive(secret, [scope.date, scope.region, S3]);
        let is_right = key.verify(string_to_sign, claimed);
        if is_right {
            self.keys.keep(number, scope, string_to_sign.date, now, &key);
        }
        is_right
    }

    /// The key of a secret for a scope: for chunks of a request that it has proven.
    pub(crate) fn signing_key(
        &self,
        number: usize,
        scope: &CredentialScope<'_>,
    ) -> Option<SigningKey> {
        let secret = self.secrets().nth(number)?;
        let derive = || SigningKey::derive(secret, [scope.date, scope.region, S3]);
        Some(self.keys.get(number, scope).unwrap_or_else(derive))
    }

    pub(crate) fn check_token(&self, sent: Option<&[u8]>, now: Timestamp) -> TokenCheck {
        match (&self.token, sent) {
            _ if self.expires.is_some_and(|end| end < now.unix()) => TokenCheck::KeyExpired,
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
