//! Signature Version 2: what is signed, and the signature (7).
//!
//! ```text
//! method \n content-md5 \n content-type \n date \n (x-amz-name:value\n)* resource
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use crate::bytes;
use crate::canonical::TextSink as _;
use crate::header::{self, trim};
use crate::target::{Target, encoding};
use crate::{Header, RequestParts, Secret};

/// Sub-resources that are signed. Servers differ; this is the list of the reference.
pub(crate) const SIGNED: [&str; 33] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// What a signature covers, besides the date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResourceV2<'a> {
    pub(crate) request: &'a RequestParts<'a>,
    pub(crate) target: Target<'a>,
    /// Names of headers that may come unsigned: see [`Policy::ignored`](crate::Policy::ignored).
    pub(crate) ignored: &'a [Vec<u8>],
    /// The bucket that stands in the host name.
    pub(crate) bucket: Option<&'a [u8]>,
}

/// The string to sign. Its signed part of the query is what [`check_parameters`] leaves no doubt about.
pub(crate) fn string_to_sign(what: &ResourceV2<'_>, date_line: &[u8], form: BucketForm) -> Vec<u8> {
    let ResourceV2 { request, target, .. } = *what;
    let mut text = Vec::new();
    let sink = &mut text;
    sink.put(request.method);
    sink.put(b"\n");
    for name in [header::CONTENT_MD5, header::CONTENT_TYPE] {
        // Presigning clients put these into the query, since they sign them as headers.
        let mut value = Vec::new();
        let hoisted = target.parsed_query().pairs().find(|pair| pair.name == name.as_bytes());
        match (request.header(name), hoisted) {
            (Some(header), _) => value.extend_from_slice(header),
            (None, Some(pair)) => encoding::decode(pair.value, &mut value),
            (None, None) => (),
        }
        sink.put(&value);
        sink.put(b"\n");
    }
    sink.put(date_line);
    sink.put(b"\n");
    amz_lines(what, sink);
    resource(what, form, sink);
    text
}

/// How the resource of a bucket is written. boto3 and aws-cli send `/bucket` and sign `/bucket/`; others sign what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketForm {
    AsSent,
    /// With the slash at its end that was not sent, or without the one that was.
    Other,
}

/// `x-amz-*` lines, headers and those that stand in the query: sorted, values of one name joined.
///
/// Headers that may come unsigned cannot be told from those that were signed; they count as unsigned, and go no further.
fn amz_lines(what: &ResourceV2<'_>, sink: &mut Vec<u8>) {
    let ResourceV2 { request, target, ignored, .. } = *what;
    let is_ignored = |name: &[u8]| ignored.iter().any(|own| bytes::eq_ignore_ascii_case(name, own));
    let is_signed = |header: &&Header<'_>| header::is_amz(header.name) && !is_ignored(header.name);
    let headers = request.headers.iter().filter(is_signed);
    let headers = headers.map(|header| (header.name.to_ascii_lowercase(), trim(header.value)));
    let mut lines: Vec<_> = headers.collect();
    let mut is_header = vec![false; target.all_hoisted().count()];
    for (name, _) in &lines {
        let place = target.hoisted_place(name).and_then(|place| is_header.get_mut(place));
        place.into_iter().for_each(|place| *place = true);
    }
    let hoisted = target.all_hoisted().zip(is_header).filter(|(_, is_header)| !is_header);
    lines.extend(hoisted.map(|((name, value), _)| (name.to_vec(), trim(value))));
    // Stable: values of one name keep their order.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    for same in lines.chunk_by(|(a, _), (b, _)| a == b) {
        let mut separator: &[u8] = b":";
        for (name, value) in same {
            if separator == b":" {
                sink.put(name);
            }
            sink.put(separator);
            sink.put(value);
            separator = b",";
        }
        sink.put(b"\n");
    }
}

/// The bucket of the host name, the raw path as sent, and the signed sub-resources with decoded values.
fn resource(what: &ResourceV2<'_>, form: BucketForm, sink: &mut Vec<u8>) {
    let ResourceV2 { request, target, bucket, .. } = *what;
    if let Some(bucket) = bucket {
        sink.put(b"/");
        sink.put(bucket);
    }
    let (path, raw_query) = request.split_target();
    let path = if path.is_empty() { b"/" } else { path };
    let is_bucket = match (bucket, path) {
        (Some(_), _) => path == b"/",
        (None, [b'/', name @ ..]) => {
            let name = name.strip_suffix(b"/").unwrap_or(name);
            !name.is_empty() && !name.contains(&b'/')
        }
        (None, _) => false,
    };
    match (form, path) {
        (BucketForm::Other, [bare @ .., b'/']) if is_bucket => sink.put(bare),
        (BucketForm::Other, _) if is_bucket => {
            sink.put(path);
            sink.put(b"/");
        }
        _ => sink.put(path),
    }
    let mut separator: &[u8] = b"?";
    for pair in target.parsed_query().pairs() {
        if !SIGNED.iter().any(|own| own.as_bytes() == pair.name) {
            continue;
        }
        sink.put(separator);
        sink.put(pair.name);
        if !pair.value.is_empty() || has_equals(raw_query, pair.name) {
            let mut value = Vec::new();
            encoding::decode(pair.value, &mut value);
            sink.put(b"=");
            sink.put(&value);
        }
        separator = b"&";
    }
}

/// Whether a parameter without a value came with its `=`, which is then signed.
fn has_equals(raw_query: &[u8], name: &[u8]) -> bool {
    raw_query.split(|&b| b == b'&').any(|pair| pair.strip_suffix(b"=") == Some(name))
}

/// The signature: Base64 of the HMAC-SHA1.
pub(crate) fn sign(secret: &Secret, string_to_sign: &[u8]) -> [u8; 28] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.expose()).expect("HMAC takes keys of every length");
    mac.update(string_to_sign);
    let mut text = [b'='; 28];
    // Cannot fail: 20 bytes are 28 characters.
    let _ = STANDARD.encode_slice(mac.finalize().into_bytes(), &mut text);
    text
}

/// Whether `claimed` is the signature, compared in constant time.
pub(crate) fn matches(secret: &Secret, string_to_sign: &[u8], claimed: &[u8]) -> bool {
    sign(secret, string_to_sign).as_slice().ct_eq(claimed).into()
}
