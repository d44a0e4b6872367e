//! What lies beside S3 on an origin's port, and must not be had with the proxy's key by way of S3.
//!
//! MinIO, RustFS, Ceph and others answer an administration interface at paths that look like buckets, and hand out
//! credentials at `/`. Their authentication is S3's: to them the proxy's key is an administrator's, whoever asked.

use memchr::memchr2_iter;
use percent_encoding::percent_decode;

use crate::address::cut;
use crate::operation::{names_session, parameters};

/// Something that no grant of S3's can speak of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reserved {
    /// An administration interface, or an action of STS or IAM.
    AdminApi,
    /// `CreateSession`, in any spelling: its answer is a credential of the origin's.
    CreateSession,
}

impl Reserved {
    /// Recognises it by method, canonical path and canonical query.
    ///
    /// The path is judged as it stands, and with its segments `.`, `..` and the empty ones resolved, escaped slashes
    /// included, since an origin may do that before it looks for its own interfaces. Names are compared in any case.
    ///
    /// ```
    /// use s3::Reserved;
    ///
    /// assert_eq!(Reserved::of(b"GET", b"/minio/admin/v3/info", b""), Some(Reserved::AdminApi));
    /// assert_eq!(Reserved::of(b"GET", b"/bucket", b"session="), Some(Reserved::CreateSession));
    /// assert_eq!(Reserved::of(b"GET", b"/bucket/minio/k", b""), None);
    /// ```
    pub fn of(method: &[u8], path: &[u8], query: &[u8]) -> Option<Self> {
        if parameters(query).any(|(name, _)| names_session(name)) {
            return Some(Self::CreateSession);
        }
        let is_action = || {
            // The action may stand in the body, which is not seen. S3 itself has no POST there.
            method == b"POST"
                || parameters(query).any(|(name, _)| name.eq_ignore_ascii_case(b"Action"))
        };
        let is_admin_path = || match plain_segment(path) {
            Some(first) => is_reserved_name(first),
            None => {
                let segments = Segments::of(percent_decode(path));
                segments.is_reserved() || (segments.is_service() && is_action())
            }
        };
        // versitygw's administration is told by the method, which S3 does not have.
        (method == b"PATCH" || is_admin_path()).then_some(Self::AdminApi)
    }
}

impl Reserved {
    /// Recognises by the canonical path what some answer whatever the host is, so in a path without the bucket, too. Ceph,
    /// whose `admin` is a key's beginning to others, has moved the bucket into the path before it looks.
    pub(crate) fn of_any_host(path: &[u8]) -> Option<Self> {
        let segments = Segments::of_path(path);
        let mut both = [segments.literal, segments.resolved].into_iter();
        let is_admin = both.any(|segment| segment.is_reserved() && !segment.is(b"admin"));
        is_admin.then_some(Self::AdminApi)
    }
}

/// Whether a copy's source, percent-encoded, is in such a place. MinIO reads it as a URL: what looks like a host is
/// passed over.
pub(crate) fn is_reserved_source(value: &[u8]) -> bool {
    [Some(value), behind_host(value)]
        .into_iter()
        .flatten()
        .any(|path| Segments::of(percent_decode(path)).is_reserved())
}

/// The path of `//host/path` and `scheme://host/path`.
fn behind_host(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(value.windows(2).position(|two| two == b"//")?)?;
    if !(scheme.is_empty() || scheme.ends_with(b":")) {
        return None;
    }
    let rest = rest.get(2..)?;
    rest.get(rest.iter().position(|&byte| byte == b'/')?..)
}

/// Names of buckets that are none, in lower case.
const NAMES: &[&[u8]] = &[
    // MinIO: minioReservedBucket, minioMetaBucket.
    b"minio",
    b".minio.sys",
    // RustFS, which keeps MinIO's besides.
    b"rustfs",
    b".rustfs.sys",
    // Ceph: rgw_admin_entry.
    b"admin",
    // Zenko CloudServer: its backbeat and metadata routes, and health.
    b"_",
    // Riak CS: users, usage, statistics.
    b"riak-cs",
    // LocalStack.
    b"_aws",
    b"_localstack",
];

fn is_reserved_name(segment: &[u8]) -> bool {
    NAMES.iter().any(|name| segment.eq_ignore_ascii_case(name))
}

/// The first segments of a path.
#[derive(Default)]
struct Segments {
    /// The first that is not empty.
    literal: Segment,
    /// The first of the path that is left when `.` and `..` are resolved.
    resolved: Segment,
}

impl Segments {
    /// Of a path that is percent-encoded.
    fn of_path(path: &[u8]) -> Self {
        match plain_segment(path) {
            Some(first) => {
                let first = Segment::of(first);
                Self { literal: first, resolved: first }
            }
            None => Self::of(percent_decode(path)),
        }
    }

    #[inline(never)]
    fn of(path: impl Iterator<Item = u8>) -> Self {
        let mut found = Self::default();
        let mut depth = 0_usize;
        let mut current = Segment::default();
        for byte in path.chain([b'/']) {
            if byte != b'/' {
                current.push(byte);
                continue;
            }
            if found.literal.is_empty() {
                found.literal = current;
            }
            match current.bytes() {
                b"" | b"." => {}
                b".." => depth = depth.saturating_sub(1),
                _ => {
                    if depth == 0 {
                        found.resolved = current;
                    }
                    depth = depth.saturating_add(1);
                }
            }
            current = Segment::default();
        }
        if depth == 0 {
            found.resolved = Segment::default();
        }
        found
    }

    fn is_reserved(&self) -> bool {
        let is_other = self.resolved != self.literal;
        self.literal.is_reserved() || (is_other && self.resolved.is_reserved())
    }

    /// Whether nothing is left: the path is `/` to some.
    fn is_service(&self) -> bool {
        self.resolved.is_empty()
    }
}

/// The first segment of a path where every reading of it begins with that: nothing is escaped, and no `..` takes a segment away.
/// Nearly all are such.
fn plain_segment(path: &[u8]) -> Option<&[u8]> {
    let (first, _) = cut(path.strip_prefix(b"/")?, b'/');
    let is_plain = |at: usize| {
        let rest = path.get(at..).unwrap_or_default();
        rest.starts_with(b".") && !rest.starts_with(b"..")
    };
    let begins = first.first().is_some_and(|byte| *byte != b'.');
    (begins && memchr2_iter(b'%', b'.', path).all(is_plain)).then_some(first)
}

/// A segment, as far as it may matter.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
struct Segment {
    text: [u8; 16],
    length: usize,
}

impl Segment {
    fn of(text: &[u8]) -> Self {
        let mut segment = Self { length: text.len(), ..Self::default() };
        segment.text.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
        segment
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    /// The bytes; of a segment that is longer than any name, its beginning.
    fn bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or(&self.text)
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn is_reserved(&self) -> bool {
        is_reserved_name(self.bytes())
    }

    fn is(&self, name: &[u8]) -> bool {
        self.bytes().eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, expected: Option<Reserved>) {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found = Reserved::of(method.as_bytes(), path.as_bytes(), query.as_bytes());
        assert_eq!(found, expected, "{request}");
    }

    #[test]
    fn admin_paths() {
        for path in [
            "/minio",
            "/minio/",
            "/minio/admin/v3/info",
            "/%6dinio/admin",
            "/MinIO/admin",
            "//minio/admin",
            "/./minio/admin",
            "/b/../minio/admin",
            "/b/%2E%2E/minio/admin",
            "/b/..%2Fminio%2Fadmin",
            "/b/k/../..//minio",
            "/../minio",
            "/minio/../b/k",
            "/.minio.sys/config/config.json",
            "/rustfs/admin/v3/info",
            "/.rustfs.sys/x",
            "/admin/user",
            "/admin",
            "/_/backbeat/x",
            "/riak-cs/stats",
            "/_localstack/health",
        ] {
            check(&format!("GET {path}"), Some(Reserved::AdminApi));
            check(&format!("PUT {path}?x=y"), Some(Reserved::AdminApi));
        }
        for path in [
            "/",
            "/b",
            "/minio2",
            "/minio-data/k",
            "/admin-logs",
            "/b/minio/admin",
            "/b/admin",
            "/b/../c/admin",
            "/minioaaaaaaaaaaaaaaaaaaaaa",
            "/_b",
            "/.b",
            "/%256dinio/admin",
        ] {
            check(&format!("GET {path}"), None);
        }
    }

    #[test]
    fn a_plain_path_is_read_as_any_other() {
        const PARTS: [&str; 8] = ["/", ".", "..", "%2E", "%2f", "minio", "b", "%"];
        for number in 0..8_usize.pow(5) {
            let part = |place: u32| PARTS[number / 8_usize.pow(place) % 8];
            let path: String = (0..5).map(part).collect();
            for path in [path.clone(), format!("/{path}"), format!("/b/{path}")] {
                let (own, slow) = (
                    Segments::of_path(path.as_bytes()),
                    Segments::of(percent_decode(path.as_bytes())),
                );
                assert_eq!(own.is_reserved(), slow.is_reserved(), "{path}");
                assert_eq!(own.is_service(), slow.is_service(), "{path}");
                assert!(own.literal == slow.literal && own.resolved == slow.resolved, "{path}");
                let found = Reserved::of(b"GET", path.as_bytes(), b"").is_some();
                assert_eq!(found, slow.is_reserved(), "{path}");
                let found = Reserved::of(b"POST", path.as_bytes(), b"").is_some();
                assert_eq!(found, slow.is_reserved() || slow.is_service(), "{path}");
            }
        }
    }

    #[test]
    fn actions() {
        for request in [
            "POST /",
            "POST /?",
            "POST //",
            "POST /.",
            "POST /b/..",
            "POST /?Action=AssumeRole",
            "POST /?delete=",
            "GET /?Action=AssumeRole&Version=2011-06-15",
            "GET /?action=GetSessionToken",
            "PUT /?ACTION=",
            "PATCH /create-user",
            "PATCH /b/k",
        ] {
            check(request, Some(Reserved::AdminApi));
        }
        for request in ["GET /", "HEAD /", "GET /?prefix=a", "POST /b?delete=", "POST /b?Action=x"]
        {
            check(request, None);
        }
    }

    #[test]
    fn sessions() {
        for request in [
            "GET /?session=",
            "GET /b?session=",
            "GET /b/?session=1",
            "HEAD /b?session=",
            "POST /b?session=",
            "GET /b?acl=&session=",
            "GET /b?session=&session=",
            "GET /b?Session=",
            "GET /b/k?session=",
            "GET /minio?session=",
        ] {
            check(request, Some(Reserved::CreateSession));
        }
        for request in ["GET /b?sessions=", "GET /b?x-session=", "GET /session/k?prefix=session"] {
            check(request, None);
        }
    }

    #[test]
    fn copy_sources() {
        for value in [
            "//host/.minio.sys/k",
            "http://host/%2Eminio.sys/k",
            "//.minio.sys/k",
            "/minio/k",
            ".minio.sys/k",
            "%2Eminio.sys%2Fk",
            "/b/../.minio.sys/k?versionId=v",
        ] {
            assert!(is_reserved_source(value.as_bytes()), "{value}");
        }
        for value in ["/b/minio", "b/.minio.sys/k", "minio2/k", "b//h/minio/k", "//b/k", "//"] {
            assert!(!is_reserved_source(value.as_bytes()), "{value}");
        }
    }
}
