//! URLs as the client uses them.

use std::borrow::Cow;

use nginx::Request;
use s3::KeyRoot;
use s3::answer::{client_arn, client_path};

use crate::conf::origin::Origin;
use crate::ctx;
use crate::virtual_host::{bucket_in_front, client_target, host};

/// The URL that the client used, as far as nginx knows it, or its path where no host was named.
pub(super) fn url(r: Request<'_>, host: &[u8]) -> Vec<u8> {
    let main = r.main();
    // As the client sent it, whose host may have the bucket.
    let target = ctx::existing(main).map_or(main.target(), |ctx| client_target(main, ctx));
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    [&*url_of_host(r, host), path].concat()
}

/// Its scheme and host.
fn url_of_host<'a>(r: Request<'_>, host: &[u8]) -> Cow<'a, [u8]> {
    if host.is_empty() {
        return Cow::Borrowed(b"");
    }
    let scheme: &[u8] = if r.main().is_tls() { b"https://" } else { b"http://" };
    Cow::Owned([scheme, host].concat())
}

/// Puts the client's name of the bucket in the place of the origin's in `x-amz-bucket-arn`. Tells whether there was any.
pub(super) fn translate_arn(r: Request<'_>, origin: &Origin) -> bool {
    const NAME: &[u8] = b"x-amz-bucket-arn";
    let Some(value) = r.response_header(NAME).filter(|_| !origin.addressing.names.is_empty())
    else {
        return false;
    };
    let arn = client_arn(value, |bucket| origin.addressing.names.to_client(bucket));
    if let Some(arn) = r.allocate_copy(&arn) {
        r.set_response_header(NAME, arn);
    }
    true
}

/// Puts the client's host and bucket in the place of the origin's in `Location`, and takes the client's root off its key. What is
/// not below that is no place for the client. Tells whether it changed anything.
pub(super) fn translate_location(r: Request<'_>, origin: &Origin, root: Option<&KeyRoot>) -> bool {
    let Some(value) = r.response_header(b"location") else { return false };
    let address = origin.endpoint.to_string();
    let authorities = [origin.endpoint.authority().as_bytes(), address.as_bytes()];
    let path = client_path(value, &authorities, &origin.addressing);
    let path = match root {
        None => path,
        Some(root) => path.and_then(|path| root.strip(&path)),
    };
    let Some(path) = path else {
        if root.is_some() {
            r.remove_response_header(b"location");
        }
        return root.is_some();
    };
    let main = r.main();
    let front = ctx::existing(main).map_or(&b""[..], |ctx| bucket_in_front(main, ctx));
    let without_bucket = path.strip_prefix(front);
    let path = without_bucket.filter(|rest| rest.starts_with(b"/")).unwrap_or(&path);
    let host =
        if value.starts_with(b"/") { Cow::Borrowed(&b""[..]) } else { url_of_host(r, host(main)) };
    if let Some(place) = r.allocate_copy(&[&*host, path].concat()) {
        r.set_response_header(b"location", place);
    }
    true
}
