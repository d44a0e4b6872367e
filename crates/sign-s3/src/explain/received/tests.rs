use super::*;

/// Method, target and headers.
type Parts<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn check(text: &str, expected: Option<Parts<'_>>) {
    let received = Received::parse(text.as_bytes()).ok();
    let expected = expected.map(|(method, target, headers)| {
        let bytes =
            |(name, value): &(&str, &str)| (name.as_bytes().into(), value.as_bytes().into());
        (
            method.as_bytes().to_vec(),
            target.as_bytes().to_vec(),
            headers.iter().map(bytes).collect(),
        )
    });
    let received: Option<(_, _, Vec<_>)> = received.map(|r| (r.method, r.target, r.headers));
    assert_eq!(received, expected, "{text:?}");
}

#[test]
fn heads() {
    let get: Parts<'_> = ("GET", "/b?c", &[("Host", "a"), ("X", "y: z")]);
    check("GET /b?c HTTP/1.1\r\nHost: a\r\nX:\ty: z \r\n\r\nbody: b", Some(get));
    check("\nGET /b?c HTTP/1.1\nHost:a\nX: y: z", Some(get));
    check(
        "*   Trying 127.0.0.1:80...\n* Connected\n> GET /b?c HTTP/2\n> Host: a\n> X: y: z\n>\n< HTTP/2 200\n< a: b\n",
        Some(get),
    );
    check(
        "* Connected\r\n> GET /b?c HTTP/1.1\r\n> Host: a\r\n> X: y: z\r\n> \r\n* old\r\n> PUT /d HTTP/1.1\r\n",
        Some(get),
    );
    check("GET http://a:80/b HTTP/1.1\n", Some(("GET", "/b", &[])));
    check("GET http://a HTTP/1.1\n", Some(("GET", "/", &[])));
    for bad in [
        "",
        "\r\n",
        "GET /b\r\n",
        "GET /b c HTTP/1.1\r\n",
        "G ET / HTTP/1.1",
        "HTTP/1.1 200 OK\r\n",
        "GET / HTTP/1.1\r\nno header\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n",
        "> GET\n",
    ] {
        check(bad, None);
    }
}

#[test]
fn urls() {
    let received = Received::from_url("https://H:443?a=1#b", "PUT", &[]).unwrap();
    assert_eq!(received.target, b"/?a=1");
    assert_eq!(received.headers, [(b"host".to_vec(), b"h".to_vec())]);
    let line = HeaderLine::parse("Host: other").unwrap();
    let received = Received::from_url("http://h/b", "GET", &[line]).unwrap();
    assert_eq!(received.headers, [(b"Host".to_vec(), b"other".to_vec())]);
    assert_eq!(received.other_hosts.first().map(Vec::as_slice), Some(&b"h"[..]));
    for bad in ["ftp://h/b", "http://u@h/b", "http:///b", "http://h/a b"] {
        assert!(Received::from_url(bad, "GET", &[]).is_err(), "{bad}");
    }
}
