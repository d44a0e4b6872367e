//! The key that requests are signed with: an origin's toward the origin, a client's in tools and health checks.

use std::cell::{Ref, RefCell};
use std::fmt;

use crate::keys::credential_scope::TERMINAL;
use crate::keys::signing_key::SigningKey;
use crate::target::query_auth::Span;
use crate::{Secret, Timestamp};

/// An access key of an S3 origin, with the region and service to sign for.
///
/// Keeps the signing key of the day, so it is for use by one thread. `Debug` shows neither secret nor token.
pub struct OriginCredential {
    access_key: Vec<u8>,
    secret: Secret,
    token: Option<Secret>,
    region: Vec<u8>,
    service: Vec<u8>,
    day: RefCell<Day>,
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
            day: RefCell::new(Day::none()),
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

    /// What signatures of this date are made with. Kept until another date is asked for.
    pub(crate) fn day(&self, now: &Timestamp) -> Ref<'_, Day> {
        if self.day.borrow().date != *now.date() {
            // Nobody holds on to the other day: a `Ref` does not outlive the signature that it is for.
            self.day.replace(Day::new(self, now));
        }
        self.day.borrow()
    }
}

/// The signing key of one date, and the texts that go with it.
pub(crate) struct Day {
    date: [u8; 8],
    key: SigningKey,
    /// The Authorization line up to the list of signed headers.
    authorization: Vec<u8>,
    /// Where the credential stands in it, and in that the scope.
    credential: Span,
    scope: Span,
}

impl Day {
    /// Of no date, so that it serves none.
    fn none() -> Self {
        let nowhere = Span::default();
        let (key, authorization) = (SigningKey::dummy(), Vec::new());
        Self { date: [0; 8], key, authorization, credential: nowhere, scope: nowhere }
    }

    fn new(origin: &OriginCredential, now: &Timestamp) -> Self {
        let parts = [now.date().as_slice(), &origin.region, &origin.service];
        let mut line = b"Authorization: AWS4-HMAC-SHA256 Credential=".to_vec();
        let credential = line.len();
        line.extend_from_slice(&origin.access_key);
        line.push(b'/');
        let scope = line.len();
        for part in parts {
            line.extend_from_slice(part);
            line.push(b'/');
        }
        line.extend_from_slice(TERMINAL);
        let end = line.len();
        line.extend_from_slice(b", SignedHeaders=");
        Self {
            date: *now.date(),
            key: SigningKey::derive(&origin.secret, parts),
            authorization: line,
            credential: Span::new(credential, end),
            scope: Span::new(scope, end),
        }
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=`.
    pub(crate) fn authorization(&self) -> &[u8] {
        &self.authorization
    }

    /// `access-key/yyyyMMdd/region/service/aws4_request`.
    pub(crate) fn credential(&self) -> &[u8] {
        self.credential.of(&self.authorization)
    }

    /// `yyyyMMdd/region/service/aws4_request`.
    pub(crate) fn scope(&self) -> &[u8] {
        self.scope.of(&self.authorization)
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
