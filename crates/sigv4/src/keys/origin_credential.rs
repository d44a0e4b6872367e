//! The key that requests are signed with: an origin's toward the origin, a client's in tools and health checks.

use std::fmt;

use crate::keys::credential_scope::TERMINAL;
use crate::keys::key_cache::{KeyLabel, KeySlot};
use crate::keys::signing_key::SigningKey;
use crate::{Secret, Timestamp};

/// An access key of an S3 origin, with the region and service to sign for.
///
/// Keeps the signing key of the day, for all threads. `Debug` shows neither secret nor token.
pub struct OriginCredential {
    access_key: Vec<u8>,
    secret: Secret,
    token: Option<Secret>,
    region: Vec<u8>,
    service: Vec<u8>,
    /// The key of one date.
    kept: KeySlot,
    /// The Authorization line up to the list of signed headers, without the date.
    before_date: Vec<u8>,
    after_date: Vec<u8>,
    /// How much of that belongs to the scope.
    scope_length: usize,
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
        let (access_key, region, service) = (access_key.into(), region.into(), service.into());
        let before_date =
            [b"Authorization: AWS4-HMAC-SHA256 Credential=", &access_key[..], b"/"].concat();
        let mut after_date = [b"/", &region[..], b"/", &service, b"/", TERMINAL].concat();
        let scope_length = after_date.len();
        after_date.extend_from_slice(b", SignedHeaders=");
        let kept = KeySlot::default();
        Self {
            access_key,
            secret,
            token,
            region,
            service,
            kept,
            before_date,
            after_date,
            scope_length,
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

    /// What signatures of this date are made with. The key is kept until another date is asked for.
    pub(crate) fn day(&self, now: &Timestamp) -> Day<'_> {
        let date = *now.date();
        let label = KeyLabel::new(&date, 0, b"");
        let key = self.kept.get(&label).unwrap_or_else(|| {
            let key = SigningKey::derive(&self.secret, [&date, &self.region, &self.service]);
            self.kept.set(&label, &key);
            key
        });
        Day { date, key, origin: self }
    }
}

/// The signing key of one date, and the texts that go with it.
pub(crate) struct Day<'o> {
    date: [u8; 8],
    key: SigningKey,
    origin: &'o OriginCredential,
}

impl Day<'_> {
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=`, in pieces.
    #[inline]
    pub(crate) fn authorization(&self) -> [&[u8]; 3] {
        [&self.origin.before_date, &self.date, &self.origin.after_date]
    }

    /// `access-key/yyyyMMdd/region/service/aws4_request`.
    pub(crate) fn credential(&self) -> Vec<u8> {
        [self.origin.access_key(), b"/", &self.scope().concat()].concat()
    }

    /// `yyyyMMdd/region/service/aws4_request`, in pieces.
    #[inline]
    pub(crate) fn scope(&self) -> [&[u8]; 2] {
        let OriginCredential { after_date, scope_length, .. } = self.origin;
        [&self.date, after_date.get(..*scope_length).unwrap_or_default()]
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
