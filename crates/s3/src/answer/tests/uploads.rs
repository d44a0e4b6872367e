//! Ids of multipart uploads.

use super::*;

/// A client that has another id of every upload.
struct Marking;

impl ClientNames for Marking {
    fn upload_id<'a>(&'a self, origin: &'a [u8]) -> Cow<'a, [u8]> {
        match origin {
            b"" => Cow::Borrowed(origin),
            id => Cow::Owned([b"b<", id].concat()),
        }
    }

    fn url(&self) -> &[u8] {
        b"http://s3.lan/media/k"
    }

    fn host(&self) -> &[u8] {
        b"s3.lan"
    }
}

fn rewrite(pieces: &[&[u8]]) -> String {
    let (mut rewriter, mut out) = (AnswerRewriter::new(), Vec::new());
    for piece in pieces {
        rewriter.feed(piece, &Marking, &mut out).unwrap();
    }
    rewriter.finish(&Marking).unwrap();
    String::from_utf8(out).unwrap()
}

/// Split at every byte, and byte by byte.
fn check(document: &str, expected: &str) {
    let bytes = document.as_bytes();
    for at in 0..=bytes.len() {
        let (one, two) = bytes.split_at(at);
        assert_eq!(rewrite(&[one, two]), expected, "{document} at {at}");
    }
    assert_eq!(rewrite(&bytes.chunks(1).collect::<Vec<_>>()), expected);
}

#[test]
fn ids_where_s3_has_them() {
    for (before, after) in [
        (
            "<InitiateMultipartUploadResult><Key>k</Key><UploadId>",
            "</UploadId></InitiateMultipartUploadResult>",
        ),
        (
            "<ListPartsResult><UploadId>",
            "</UploadId><Part><PartNumber>1</PartNumber></Part></ListPartsResult>",
        ),
        ("<Error><Code>NoSuchUpload</Code><UploadId>", "</UploadId></Error>"),
        (
            "<ListMultipartUploadsResult><UploadIdMarker>",
            "</UploadIdMarker></ListMultipartUploadsResult>",
        ),
        (
            "<ListMultipartUploadsResult><NextUploadIdMarker>",
            "</NextUploadIdMarker></ListMultipartUploadsResult>",
        ),
        (
            "<ListMultipartUploadsResult><Upload><UploadId>",
            "</UploadId></Upload></ListMultipartUploadsResult>",
        ),
    ] {
        check(&format!("{before}2~a&amp;b{after}"), &format!("{before}b&lt;2~a&amp;b{after}"));
        check(&format!("{before}{after}"), &format!("{before}{after}"));
    }
}

#[test]
fn what_is_called_alike_elsewhere_stays() {
    check(
        "<ListPartsResult><Part><UploadId>u</UploadId></Part></ListPartsResult>",
        "<ListPartsResult><Part><UploadId>u</UploadId></Part></ListPartsResult>",
    );
}

#[test]
fn answers_that_have_one() {
    use Operation::*;
    let changes = Changes { uploads: true, ..Changes::default() };
    for operation in [CreateMultipartUpload, ListMultipartUploads, ListParts, UploadPartCopy] {
        assert!(rewritten(operation, 200, changes), "{operation:?}");
        assert!(!rewritten(operation, 200, Changes::default()), "{operation:?}");
    }
    for operation in [UploadPart, AbortMultipartUpload, CompleteMultipartUpload] {
        assert!(rewritten(operation, 404, changes), "{operation:?}");
        assert!(!rewritten(operation, 404, Changes::default()), "{operation:?}");
    }
    assert!(!rewritten(UploadPart, 200, changes));
}
