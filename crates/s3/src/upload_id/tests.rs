use super::*;

const B: &str = "b";

fn keys(key: &str, old: Option<&str>) -> UploadIdKeys {
    UploadIdKeys::new(Secret::new(key), old.map(Secret::new))
}

#[test]
fn an_id_is_what_it_was_documented_to_be() {
    // From Python's hmac and base64: HMAC-SHA256("key", "s3 upload id 1\0" + "3e23e816" + length + "media" + "u+1").
    let id = keys("key", None).mark(OriginTag::of(B), b"media", b"u+1");
    assert_eq!(id.escape_ascii().to_string(), "s3u1.3e23e816.Kw9OAlohWHfzGi9DTkWM1A.u+1");
}

#[test]
fn nothing_of_an_id_can_be_changed() {
    let keys = keys("key", None);
    let id = keys.mark(OriginTag::of(B), b"media", b"2~abc");
    assert!(keys.read(b"media", &id).unwrap().is_some());
    for at in 0..id.len() {
        let mut other = id.clone();
        other[at] ^= 1;
        let is_marked = other.starts_with(MARK);
        let read = keys.read(b"media", &other);
        assert_eq!(read, if is_marked { Err(UnknownUploadId) } else { Ok(None) }, "{at}");
        let cut = keys.read(b"media", &id[..at]);
        assert_eq!(cut, if at < MARK.len() { Ok(None) } else { Err(UnknownUploadId) }, "{at}");
    }
    assert_eq!(keys.read(b"medi", &id), Err(UnknownUploadId));
    assert_eq!(keys.read(b"media", &[&id[..], b"x"].concat()), Err(UnknownUploadId));
    // The bits that base64 leaves over are none to play with.
    let at = MARK.len() + 9 + AUTHENTICATOR_TEXT - 1;
    let others = (b'!'..=b'~').filter(|byte| *byte != id[at]);
    for byte in others {
        let mut other = id.clone();
        other[at] = byte;
        assert_eq!(keys.read(b"media", &other), Err(UnknownUploadId));
    }
}

#[test]
fn bucket_and_id_are_kept_apart() {
    let keys = keys("key", None);
    let id = keys.mark(OriginTag::of(B), b"ab", b"c");
    let moved = [&id[..id.len() - 1], b"bc"].concat();
    assert_eq!(keys.read(b"a", &moved), Err(UnknownUploadId));
}

#[test]
fn the_key_may_change() {
    let before = keys("first", None).mark(OriginTag::of(B), b"media", b"u");
    assert!(keys("second", None).read(b"media", &before).is_err());
    assert!(keys("second", Some("first")).read(b"media", &before).unwrap().is_some());
    let after = keys("second", Some("first")).mark(OriginTag::of(B), b"media", b"u");
    assert!(keys("second", None).read(b"media", &after).unwrap().is_some());
}

#[test]
fn ids_of_origins_are_no_ids_of_ours() {
    let keys = keys("key", None);
    for id in ["", "u", "s3u1", "2~x.y_z-", "VXBsb2FkIElE"] {
        assert_eq!(keys.read(b"media", id.as_bytes()), Ok(None), "{id}");
    }
    assert_eq!(keys.mark(OriginTag::of(B), b"media", b""), b"");
}

fn of<'a>(method: &str, target: &'a str) -> Option<UploadRequest<'a>> {
    UploadRequest::of(method.as_bytes(), target.as_bytes())
}

fn about(id: &str, asks_for_ids: bool) -> Option<UploadRequest<'_>> {
    Some(UploadRequest { id: Some(Cow::Borrowed(id.as_bytes())), asks_for_ids })
}

#[test]
fn requests_about_an_upload() {
    for (method, target) in [
        ("PUT", "/b/k?partNumber=1&uploadId=u"),
        ("PUT", "/b/k?uploadId=u&partNumber=1&X-Amz-Signature=0&X-Amz-Algorithm=x"),
        ("PUT", "/b/k?partNumber=1&uploadId=u&x-id=UploadPart"),
        ("POST", "/b/k?uploadId=u"),
        ("GET", "/b/k?uploadId=u&max-parts=2"),
        ("DELETE", "/b/k?uploadId=u&AWSAccessKeyId=A&Expires=1&Signature=s"),
        ("GET", "/b?uploads&upload-id-marker=u&key-marker=k"),
        ("GET", "/b/?uploads=&upload-id-marker=u"),
    ] {
        assert_eq!(of(method, target), about("u", target.contains("uploads")), "{method} {target}");
    }
    assert_eq!(of("POST", "/b/k?uploadId=a%2Bb+c"), about("a+b c", false));
    for (method, target) in [("POST", "/b/k?uploads"), ("GET", "/b?uploads&prefix=x")] {
        let any = UploadRequest { id: None, asks_for_ids: true };
        assert_eq!(of(method, target), Some(any), "{method} {target}");
    }
}

#[test]
fn other_requests_have_no_upload() {
    for (method, target) in [
        ("PUT", "/b/k"),
        ("PUT", "/b/k?uploadId=u"),
        ("HEAD", "/b/k?uploadId=u"),
        ("GET", "/b?uploadId=u"),
        ("GET", "/b?upload-id-marker=u&list-type=2"),
        ("PUT", "/b/k?partNumber=1&uploadId=u&acl"),
        ("PUT", "/b/k?partNumber=1&uploadId=u&uploadId=v"),
        ("GET", "/b/k?versionId=uploadId"),
    ] {
        assert_eq!(of(method, target), None, "{method} {target}");
    }
}

#[test]
fn another_id_takes_the_place_of_the_first() {
    let put = |target: &str, id: &str| {
        String::from_utf8(with_upload_id(target.as_bytes(), id.as_bytes())).unwrap()
    };
    assert_eq!(
        put("/b/k?partNumber=1&uploadId=u", "a+/="),
        "/b/k?partNumber=1&uploadId=a%2B%2F%3D"
    );
    assert_eq!(put("/b?upload-id-marker=u&uploads", "2~x"), "/b?upload-id-marker=2~x&uploads");
    assert_eq!(put("/b/k%3FuploadId=u?uploadId=&x=", "v"), "/b/k%3FuploadId=u?uploadId=v&x=");
}
