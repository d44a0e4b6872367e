use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const KEY: &str = "AKIDORIGINB";

fn finish_all<'a>(encoding: &str, document: &[u8], check: impl Fn(Finding<'_>) + 'a) {
    for cut in (0..=document.len()).step_by(1 + document.len() / 64) {
        let (head, tail) = document.split_at(cut);
        let mut origin = OriginError::new(encoding, KEY);
        assert_eq!(origin.feed(head), Finding::NeedMore);
        assert_eq!(origin.feed(tail), Finding::NeedMore);
        assert_eq!(origin.bytes(), document);
        check(origin.finish());
    }
}

/// Cut in two at every place, a document gives one answer, packed or not.
fn check(document: impl AsRef<[u8]>, expected: Finding<'_>) {
    let document = document.as_ref();
    let shown = document.escape_ascii().to_string();
    let check = |finding: Finding<'_>| assert_eq!(finding, expected, "{shown}");
    finish_all("", document, check);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(document).unwrap();
    finish_all("gzip", &gzip.finish().unwrap(), check);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(document).unwrap();
    finish_all("deflate", &zlib.finish().unwrap(), check);
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(document).unwrap();
    finish_all("Deflate", &raw.finish().unwrap(), check);
}

fn check_doubt(encoding: &str, document: impl AsRef<[u8]>) {
    let document = document.as_ref();
    let mut origin = OriginError::new(encoding, KEY);
    origin.feed(document);
    let finding = origin.finish();
    assert!(matches!(finding, Finding::Doubt(_)), "{}: {finding:?}", document.escape_ascii());
}

fn relayed(code: &str) -> Finding<'_> {
    Finding::Origin(code.as_bytes())
}

fn withheld(code: &str) -> Finding<'_> {
    Finding::ProxyCredential(code.as_bytes())
}

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>m</Message></Error>")
}

#[test]
fn codes() {
    for code in [
        "NoSuchKey",
        "AccessDenied",
        "XAmzContentSHA256Mismatch",
        "InvalidRequest",
        "BadDigest",
        "MalformedXML",
        "IllegalLocationConstraintException",
        "KMS.DisabledException",
        "QuotaExceeded",
        "AllAccessDisabled",
        "InvalidObjectState",
    ] {
        check(error(code), relayed(code));
    }
    for code in PROXY_CREDENTIAL.iter().copied() {
        let code = std::str::from_utf8(code).unwrap();
        check(error(code), withheld(code));
    }
    for code in ["SignatureDoesNotMatchX", "InvalidTokenId", "XVendorAuthFailed", "accountProblem"]
    {
        check(error(code), withheld(code));
    }
}

#[test]
fn spellings_of_the_document() {
    let prologue = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let code = "<Code>ExpiredToken</Code>";
    for document in [
        format!("{prologue}\n<Error>\n  <Code>\n ExpiredToken </Code></Error>\n"),
        format!("\u{feff} <Error>{code}</Error>"),
        "<Error xmlns=\"http://a/\"><Code a='b'>ExpiredToken</Code ></Error>".to_owned(),
        "<s:Error xmlns:s='x'><s:Code>ExpiredToken</s:Code></s:Error>".to_owned(),
        format!("<!-- <Code>A</Code> --><?p q?><Error>{code}</Error>"),
        "<Error><Code><![CDATA[ExpiredToken]]></Code></Error>".to_owned(),
        "<Error><Code>Expired<!-- -->Tok&#101;n</Code></Error>".to_owned(),
        "<Error><Code>&#x45;xpired<![CDATA[Token]]></Code></Error>".to_owned(),
        format!("<Response><Errors><Error>{code}</Error></Errors></Response>"),
        format!("<Error><Code>A</Code>{code}</Error>"),
        format!("<html><body>{code}</body></html>"),
    ] {
        check(document, withheld("ExpiredToken"));
    }
    check("<Error><Message>a &lt;Code&gt; b</Message><Code>A</Code></Error>", relayed("A"));
    check("<Error><CodeX>A</CodeX><Code>B</Code></Error>", relayed("B"));
}

#[test]
fn what_shows_the_key() {
    let shown = Finding::ProxyCredential(SHOWS_KEY);
    for more in [
        "<AWSAccessKeyId>A</AWSAccessKeyId>",
        "<StringToSign>AWS4</StringToSign>",
        "<a><CanonicalRequestBytes/></a>",
        "<SignatureProvided>a</SignatureProvided>",
        "<Token-0>a</Token-0>",
        "<Message>key AKIDORIGINB has no rights</Message>",
        "<Message>key AKID&#79;RIGIN<![CDATA[B]]> has no rights</Message>",
        "<Message a='AKIDORIGINB'/>",
        "<!-- AKIDORIGINB -->",
    ] {
        check(format!("<Error><Code>AccessDenied</Code>{more}</Error>"), shown);
    }
    check("{\"error\": \"AKIDORIGINB is unknown\"}", shown);
    check("<html>AKIDORIGINB is unknown<br></html>", shown);
}

#[test]
fn refusals_that_explain_whose_rights_are_lacking() {
    for message in [
        "User: arn:aws:iam::123456789012:user/proxy is not authorized to perform: s3:GetObject",
        "proxy@project.iam.gserviceaccount.com does not have storage.objects.get access",
    ] {
        let document =
            format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        check(document, Finding::Denied);
        let document =
            format!("<Error><Code>MalformedPolicy</Code><Message>{message}</Message></Error>");
        check(document, relayed("MalformedPolicy"));
    }
}

#[test]
fn doubts() {
    for document in [
        "",
        " \n",
        "{\"code\":\"SignatureDoesNotMatch\"}",
        "<html><body>403</body></html>",
        "<Error><Code/></Error>",
        "<Error><Code> </Code></Error>",
        "<Error><Code>a b</Code></Error>",
        "<Error><Code>A<b/></Code></Error>",
        "<Error><Code>A<b>c</b></Code></Error>",
        "<Error><Code>A",
        "<Error><Code>A</Code>",
        "<Error><Code>A</Code></Error>x",
        "x<Error><Code>A</Code></Error>",
        "<Error><Code>A</Code></Error><Error/>",
        "<Error><Code>A</Code></Wrong>",
        "<Error><Code>A</Code><Code>B</Code></Error>",
        "<Error><a><Code>A</Code></a></Error>",
        "<Fault><Code>A</Code></Fault>",
        "<Error><Code>A</Code>&a;</Error>",
        "<!DOCTYPE a [<!ENTITY a 'b'>]><Error><Code>A</Code></Error>",
        "<?xml version='1.0' encoding='UTF-7'?><Error><Code>A</Code></Error>",
        "<\0<<>>",
    ] {
        check_doubt("", document);
    }
    check_doubt("", b"<Error><Code>A</Code>\xff</Error>");
    for order in [u16::to_be_bytes, u16::to_le_bytes] {
        let utf16: Vec<u8> = error("A").encode_utf16().flat_map(order).collect();
        check_doubt("", &utf16);
        check_doubt("", [&order(0xfeff)[..], &utf16].concat());
    }
    for encoding in ["br", "zstd", "compress", "gzip, gzip", "aws-chunked", "gzip", "deflate"] {
        check_doubt(encoding, error("NoSuchKey"));
    }
}

#[test]
fn packed_documents_end_where_they_end() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(error("A").as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    check_doubt("", &gzip);
    check_doubt("gzip", gzip.get(..gzip.len() - 1).unwrap());
    check_doubt("gzip", [&gzip[..], b"x"].concat());
    check_doubt("gzip", [&gzip[..], &gzip[..]].concat());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(error("A").as_bytes()).unwrap();
    check_doubt("deflate", [&zlib.finish().unwrap()[..], b"x"].concat());
}

#[test]
fn memory_is_bounded() {
    let mut origin = OriginError::default();
    assert_eq!(origin.feed(&vec![b' '; LIMIT]), Finding::NeedMore);
    assert_eq!(origin.feed(b" "), Finding::Doubt(TOO_LARGE));
    assert_eq!(origin.finish(), Finding::Doubt(TOO_LARGE));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 50 << 20]).unwrap();
    let mut origin = OriginError::new("gzip", "");
    assert_eq!(origin.feed(&gzip.finish().unwrap()), Finding::NeedMore);
    assert_eq!(origin.finish(), Finding::Doubt(TOO_LARGE));
    // Deep nesting takes a stack of names, and not one of calls.
    check_doubt("", "<Error>".repeat(LIMIT / 8));
}
