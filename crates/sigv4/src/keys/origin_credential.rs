//! The key that requests are signed with: an origin's toward the origin, a client's in tools and health checks.

use std::fmt;
use std::ops::Range;

use crate::canonical::TextSink as _;
use crate::canonical::string_to_sign::{ALGORITHM, StringToSign};
use crate::keys::credential_scope::TERMINAL;
use crate::keys::key_cache::{KeyLabel, KeySlot};
use crate::keys::signing_key::{BegunKey, SigningKey};
use crate::{Secret, Timestamp, header};

/// An access key of an S3 origin, with the region and service to sign for.
///
/// Keeps the signing key of the day, and what is the same in all signatures of a second, for all threads. `Debug` shows neither
/// secret nor token.
pub struct OriginCredential {
    access_key: Vec<u8>,
    secret: Secret,
    token: Option<Secret>,
    region: Vec<u8>,
    service: Vec<u8>,
    /// The key of one date.
    kept: KeySlot,
    /// The same, with the first block of the strings to sign of one second behind it.
    begun: KeySlot,
    /// The line of the date and the Authorization line up to the list of signed headers, with room for both dates.
    lines: Vec<u8>,
    /// Where the scope stands in it, which begins with the second one.
    scope: Range<usize>,
    /// The end of a string to sign up to the hash, behind its first block; none where it has no whole block before the hash.
    behind_block: Option<Vec<u8>>,
}

/// Where the date of the request stands in the lines, behind `x-amz-date: `.
const DATE_AT: usize = header::X_AMZ_DATE.len() + 2;
/// How much of a string to sign is another one in each second: the algorithm, the date, the date of the scope.
const DATED: usize = ALGORITHM.len() + 1 + 16 + 1 + 8;

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
        let mut lines = [
            header::X_AMZ_DATE.as_bytes(),
            b": yyyyMMddTHHmmssZ\r\nAuthorization: ",
            ALGORITHM,
            b" Credential=",
            &access_key,
            b"/",
        ]
        .concat();
        let start = lines.len();
        lines.put(&[b"yyyyMMdd/", &region[..], b"/", &service, b"/", TERMINAL].concat());
        let scope = start..lines.len();
        let undated = lines.get(start.saturating_add(8)..).unwrap_or_default();
        let behind_block = [undated, b"\n"].concat().get(64 - DATED..).map(<[u8]>::to_vec);
        lines.put(b", SignedHeaders=");
        Self {
            access_key,
            secret,
            token,
            region,
            service,
            kept: KeySlot::default(),
            begun: KeySlot::default(),
            lines,
            scope,
            behind_block,
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
        let key = self.kept.get(&label).map(SigningKey).unwrap_or_else(|| {
            let key = SigningKey::derive(&self.secret, [&date, &self.region, &self.service]);
            self.kept.set(&label, &key.0);
            key
        });
        Day { date, key, origin: self }
    }

    /// Writes the line of the date, and the Authorization line up to the list of signed headers.
    pub(crate) fn write_lines(&self, now: &Timestamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.put(&self.lines);
        let lines = out.get_mut(start..).unwrap_or_default();
        overwrite(lines, DATE_AT, now.as_bytes());
        overwrite(lines, self.scope.start, now.date());
    }

    /// The signature of a request of that second, whose canonical request has this hash.
    pub(crate) fn sign(&self, now: &Timestamp, hash: &[u8; 64]) -> [u8; 64] {
        let kept = self.begun.get(&KeyLabel::of_second(now)).map(BegunKey);
        match (kept, &self.behind_block) {
            (Some(key), Some(rest)) => key.sign(rest, hash),
            _ => self.sign_first(now, hash),
        }
    }

    /// The same for the first request of a second.
    #[inline(never)]
    fn sign_first(&self, now: &Timestamp, hash: &[u8; 64]) -> [u8; 64] {
        let day = self.day(now);
        let scope = day.scope();
        let string = StringToSign { label: ALGORITHM, date: *now, scope, chain: &[], hash };
        if self.behind_block.is_some() {
            if let Some(block) = string.to_vec().first_chunk() {
                self.begun.set(&KeyLabel::of_second(now), &day.key.begin(block).0);
            }
        }
        day.key.sign(&string)
    }

    /// The scope without its date.
    fn undated_scope(&self) -> &[u8] {
        let scope = self.lines.get(self.scope.clone()).unwrap_or_default();
        scope.get(8..).unwrap_or_default()
    }
}

/// Writes `text` over what stands there.
#[inline]
fn overwrite<const N: usize>(out: &mut [u8], at: usize, text: &[u8; N]) {
    if let Some(room) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *room = *text;
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

    /// `access-key/yyyyMMdd/region/service/aws4_request`.
    pub(crate) fn credential(&self) -> Vec<u8> {
        [self.origin.access_key(), b"/", &self.scope().concat()].concat()
    }

    /// `yyyyMMdd/region/service/aws4_request`, in pieces.
    #[inline]
    pub(crate) fn scope(&self) -> [&[u8]; 2] {
        [&self.date, self.origin.undated_scope()]
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

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [&[u8; 64]; 2] = [&[b'0'; 64], &[b'f'; 64]];

    fn now(unix: i64) -> Timestamp {
        Timestamp::from_unix(unix).unwrap()
    }

    #[test]
    fn signatures_of_any_second_and_scope() {
        // The shortest have no whole block before the hash.
        for length in (0..12).chain([24, 65]) {
            let region = "r".repeat(length);
            let origin = OriginCredential::new("A", Secret::new("s"), None, region.as_str(), "s3");
            for unix in [1_795_435_199, 1_795_435_200, 1_795_435_201, 1_795_435_199, 0, 0] {
                for hash in HASHES {
                    let now = now(unix);
                    let parts = [now.date().as_slice(), region.as_bytes(), b"s3"];
                    let scope = [parts.join(&b'/'), b"/aws4_request".to_vec()].concat();
                    let scope = [scope.as_slice()];
                    let string =
                        StringToSign { label: ALGORITHM, date: now, scope, chain: &[], hash };
                    let expected = SigningKey::derive(&Secret::new("s"), parts).sign(&string);
                    assert_eq!(origin.sign(&now, hash), expected, "{region} {now:?}");
                    assert_eq!(origin.day(&now).scope().concat(), scope[0]);
                }
            }
        }
    }

    #[test]
    fn lines_before_the_list() {
        let origin = OriginCredential::new("AKID", Secret::new("s"), None, "r", "s3");
        let mut out = b"x: y\r\n".to_vec();
        origin.write_lines(&now(1_795_435_201), &mut out);
        let expected = "x: y\r\nx-amz-date: 20261123T120001Z\r\n\
                        Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261123/r/s3/aws4_request, SignedHeaders=";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
