//! Requests of the `http` crate, as hyper, axum and others have them (feature `http`).

use http::request::Parts;
use smallvec::SmallVec;

use crate::{
    Error, Header, HeaderError, Keyring, Policy, RequestParts, TargetBuffers, TargetError,
    Timestamp, Verified, header, verify,
};

/// The head of a request, borrowed from the `http` crate's.
#[derive(Clone, Debug)]
pub struct HttpHead<'a> {
    method: &'a str,
    target: &'a str,
    headers: SmallVec<[Header<'a>; 32]>,
}

impl<'a> HttpHead<'a> {
    /// Of the parts of a request as a server has received them, with nothing changed.
    ///
    /// `:authority` of HTTP/2, and the host of a target in absolute form, count as the Host header where there is none.
    /// HTTP/2 needs no `Content-Length`, S3 does: an upload without one is refused.
    ///
    /// # Errors
    ///
    /// [`HeaderError::ContradictsTarget`] for a Host header that names another host than the target does;
    /// [`TargetError::NotOriginForm`] for the target of CONNECT.
    pub fn new(parts: &'a Parts) -> Result<Self, Error> {
        let target = parts.uri.path_and_query().ok_or(TargetError::NotOriginForm)?;
        let headers = parts.headers.iter();
        let mut headers: SmallVec<[_; 32]> = headers
            .map(|(name, value)| Header { name: name.as_str().as_bytes(), value: value.as_bytes() })
            .collect();
        if let Some(authority) = parts.uri.authority() {
            // One of them is signed, the other may route.
            let authority = authority.as_str().as_bytes();
            match parts.headers.get(http::header::HOST).map(http::HeaderValue::as_bytes) {
                Some(host) if host.eq_ignore_ascii_case(authority) => (),
                Some(host) => {
                    return Err(HeaderError::ContradictsTarget { host: host.to_vec() }.into());
                }
                None => headers.push(Header { name: header::HOST.as_bytes(), value: authority }),
            }
        }
        Ok(Self { method: parts.method.as_str(), target: target.as_str(), headers })
    }

    /// The head as the functions of this crate take it.
    pub fn request(&self) -> RequestParts<'_> {
        RequestParts {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            headers: &self.headers,
        }
    }
}

/// [`verify`](crate::verify()), for a request of the `http` crate.
///
/// ```
/// use sigv4::{Keyring, Policy, TargetBuffers, Timestamp};
///
/// let request = http::Request::get("/bucket/key").header("Host", "s3.example.com");
/// let (parts, _) = request.body(()).unwrap().into_parts();
/// let keyring = Keyring::<()>::default();
/// let (policy, now) = (Policy::default(), Timestamp::from_unix(1_773_576_000).unwrap());
/// let mut buffers = TargetBuffers::default();
/// let verdict = sigv4::http::verify_parts(&parts, &keyring, &policy, now, &mut buffers);
/// assert_eq!(verdict.unwrap_err().to_string(), "request is not signed");
/// ```
///
/// # Errors
///
/// As [`HttpHead::new`] and [`verify`](crate::verify()).
pub fn verify_parts<'k, 'b, G>(
    parts: &Parts,
    keyring: &'k Keyring<G>,
    policy: &Policy,
    now: Timestamp,
    buffers: &'b mut TargetBuffers,
) -> Result<Verified<'k, 'b, G>, Error> {
    verify(&HttpHead::new(parts)?.request(), keyring, policy, now, buffers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credential, OriginCredential, Payload, Secret, SignatureError, sign_request};

    /// Signs for `signed_for`, sends to `uri` with this Host, if any, and verifies.
    fn decide(signed_for: &str, uri: &str, host: Option<&str>) -> Result<Vec<u8>, Error> {
        let now = Timestamp::from_unix(1_773_576_000).unwrap();
        let key = OriginCredential::new("AKID", Secret::new("secret"), None, "r", "s3");
        let headers = [Header { name: b"Host", value: signed_for.as_bytes() }];
        let signed = RequestParts { method: b"GET", target: b"/b/a%20b?x=1", headers: &headers };
        let signed = sign_request(&signed, &Payload::Unsigned, &key, now).unwrap();
        let mut request = http::Request::get(uri);
        for (name, value) in &signed.headers {
            request = request.header(*name, value.as_slice());
        }
        request = host.into_iter().fold(request, |request, host| request.header("host", host));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut keyring = Keyring::default();
        keyring.insert(Credential::new("AKID", Secret::new("secret"), ())).unwrap();
        let mut buffers = TargetBuffers::default();
        let verified = verify_parts(&parts, &keyring, &Policy::default(), now, &mut buffers)?;
        Ok(verified.target().path().to_vec())
    }

    #[test]
    fn requests() {
        let path = Ok(b"/b/a%20b".to_vec());
        assert_eq!(decide("h:1", "/b/a%20b?x=1", Some("h:1")), path);
        // Absolute form, and HTTP/2.
        assert_eq!(decide("h:1", "http://h:1/b/a%20b?x=1", Some("h:1")), path);
        assert_eq!(decide("h:1", "http://h:1/b/a%20b?x=1", None), path);
        let other = decide("h:1", "http://g:1/b/a%20b?x=1", Some("h:1"));
        let contradicts = HeaderError::ContradictsTarget { host: b"h:1".to_vec() };
        assert_eq!(other, Err(contradicts.into()));
        for (uri, host) in [
            ("/b/a%20c?x=1", Some("h:1")),
            ("/b/a%20b", Some("h:1")),
            ("http://g:1/b/a%20b?x=1", None),
        ] {
            let mismatch = decide("h:1", uri, host);
            let is_mismatch =
                matches!(mismatch, Err(Error::Signature(SignatureError::Mismatch { .. })));
            assert!(is_mismatch, "{uri}: {mismatch:?}");
        }
        let connect = http::Request::connect("h:1").body(()).unwrap().into_parts().0;
        let error = HttpHead::new(&connect).map(drop);
        assert_eq!(error, Err(TargetError::NotOriginForm.into()));
    }
}
