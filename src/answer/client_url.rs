//! URLs as the client uses them.

use std::borrow::Cow;

use nginx::Request;
use s3::answer::client_path;
use sigv4::header;

use crate::conf::origin::Origin;
use crate::ctx;

/// The host that the client named; empty if it named none.
pub(super) fn host(r: Request<'_>) -> &[u8] {
    let main = r.main();
    main.header(header::HOST.as_bytes()).or(main.authority_without_host()).unwrap_or_default()
}

/// The URL that the client used, as far as nginx knows it, or its path where no host was named.
pub(super) fn url(r: Request<'_>, host: &[u8]) -> Vec<u8> {
    let target = r.main().target();
    // As the client sent it, whose host may have the bucket.
    let target = target.get(bucket_in_front(r).len()..).unwrap_or_default();
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    [&*url_of_host(r, host), path].concat()
}

/// What stands in front of the client's path, since its host has the bucket: `/BUCKET`, or nothing.
fn bucket_in_front(r: Request<'_>) -> &[u8] {
    let main = r.main();
    let length = ctx::existing(main).map_or(0, |ctx| ctx.access.bucket_in_front.get());
    main.target().get(..length).unwrap_or_default()
}

/// Its scheme and host.
fn url_of_host<'a>(r: Request<'_>, host: &[u8]) -> Cow<'a, [u8]> {
    if host.is_empty() {
        return Cow::Borrowed(b"");
    }
    let scheme: &[u8] = if r.main().is_tls() { b"https://" } else { b"http://" };
    Cow::Owned([scheme, host].concat())
}

/// Puts the client's host and bucket in the place of the origin's in `Location`.
pub(super) fn translate_location(r: Request<'_>, origin: &Origin) {
    let Some((_, value)) =
        r.response_headers().find(|(name, _)| name.eq_ignore_ascii_case(b"location"))
    else {
        return;
    };
    let address = origin.endpoint.to_string();
    let authorities = [origin.endpoint.authority().as_bytes(), address.as_bytes()];
    let Some(path) = client_path(value, &authorities, &origin.addressing) else { return };
    let without_bucket = path.strip_prefix(bucket_in_front(r));
    let path = without_bucket.filter(|rest| rest.starts_with(b"/")).unwrap_or(&path);
    let host =
        if value.starts_with(b"/") { Cow::Borrowed(&b""[..]) } else { url_of_host(r, host(r)) };
    if let Some(place) = r.allocate_copy(&[&*host, path].concat()) {
        r.set_response_header(b"location", place);
    }
}
