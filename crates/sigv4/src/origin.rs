//! The key that requests are signed with: an origin's toward the origin, a client's in tools and health checks.

use std::fmt;

use crate::credential_scope::CredentialScope;
use crate::signing_key::{SigningKey, SigningKeyCache};
use crate::{Secret, Timestamp};

/// An access key of an S3 origin, with the region and service to sign for.
///
/// Keeps its derived signing keys, so it is for use by one thread. `Debug` shows neither secret nor token.
pub struct OriginCredential {
    access_key: Vec<u8>,
    secret: Secret,
    token: Option<Secret>,
    region: Vec<u8>,
    service: Vec<u8>,
    keys: SigningKeyCache,
}

impl OriginCredential {
    /// For `service`, nearly always `s3`; with the session token if the access key is a temporary one.
    pub fn new(
        access_key: impl Into<Vec<u8>>,
        secret: Secret,
        token: Option<Secret>,
        region: impl Into<Vec<u8>>,
        service: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            access_key: access_key.into(),
            secret,
            token,
            region: region.into(),
            service: service.into(),
            keys: SigningKeyCache::default(),
        }
    }

    /// The access key id.
    pub fn access_key(&self) -> &[u8] {
        &self.access_key
    }

    /// The region that is signed for.
    pub fn region(&self) -> &[u8] {
        &self.region
    }

    /// The service that is signed for.
    pub fn service(&self) -> &[u8] {
        &self.service
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    pub(crate) fn scope<'a>(&'a self, date: &'a Timestamp) -> CredentialScope<'a> {
        CredentialScope { date: date.date(), region: &self.region, service: &self.service }
    }

    pub(crate) fn signing_key(&self, now: Timestamp) -> SigningKey {
        let scope = self.scope(&now);
        self.keys.get(0, &scope).unwrap_or_else(|| {
            let key = SigningKey::derive(&self.secret, &scope);
            self.keys.keep(0, &scope, now, now, &key);
            key
        })
    }
}

impl fmt::Debug for OriginCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginCredential")
            .field("access_key", &format_args!("\"{}\"", self.access_key.escape_ascii()))
            .field("temporary", &self.token.is_some())
            .field("region", &format_args!("\"{}\"", self.region.escape_ascii()))
            .field("service", &format_args!("\"{}\"", self.service.escape_ascii()))
            .finish_non_exhaustive()
    }
}
