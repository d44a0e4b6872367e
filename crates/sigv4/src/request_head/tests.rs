use super::*;

/// Method, target, minor version, headers and body, written as one line of text.
fn parsed(bytes: &[u8]) -> Result<String, HeadError> {
    parsed_after(bytes, &mut HeadNames::default())
}

fn parsed_after(bytes: &[u8], names: &mut HeadNames) -> Result<String, HeadError> {
    let mut lines = HeadLines::new();
    let (head, body) = parse_next(bytes, &mut lines, names)?;
    for (header, known) in head.known_headers() {
        assert_eq!(known, KnownHeader::of(header.name));
    }
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut out =
        format!("{} {} {}", text(head.method()), text(head.target()), head.minor_version());
    for Header { name, value } in head.headers() {
        out += &format!(" [{}={}]", text(name), text(value));
    }
    Ok(format!("{out} +{}", text(body)))
}

fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    let bytes = bytes.as_ref();
    assert_eq!(parsed(bytes).as_deref(), Ok(expected), "{}", bytes.escape_ascii());
}

fn refuse(bytes: impl AsRef<[u8]>, expected: HeadError) {
    let bytes = bytes.as_ref();
    assert_eq!(parsed(bytes), Err(expected), "{}", bytes.escape_ascii());
}

#[test]
fn another_target() {
    let mut lines = HeadLines::new();
    let (head, _) = parse(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &mut lines).unwrap();
    let other = head.with_target(b"/b").unwrap();
    assert_eq!((other.method(), other.target()), (&b"GET"[..], &b"/b"[..]));
    assert_eq!(other.headers().len(), 1);
    for target in [&b""[..], b"/a b", b"/a\r\n", b"/\0"] {
        assert!(head.with_target(target).is_none());
    }
}

#[test]
fn names_of_the_head_before() {
    let long = ["a".repeat(29), "a".repeat(30), "a".repeat(31), "a".repeat(32), "a".repeat(70)];
    let names =
        ["Host", "host", "hos", "hosts", "x-amz-date", "X-Amz-Date", "x-amz-dat", "a_b.c", "Date"];
    let names = names.into_iter().chain(long.iter().map(String::as_str));
    let mut lines = vec![String::new(), ": x\r\n".into(), "Host : x\r\n".into(), "Host\r\n".into()];
    for name in names {
        for end in [
            ": v\r\n",
            ":v\r\n",
            ":\tv \r\n",
            ": \r\n",
            ": v\n",
            ": a value of more than a block\r\n",
        ] {
            lines.push(format!("{name}{end}"));
        }
    }
    let host = "Host: example.com\r\n".to_owned();
    let head = |first: &str, second: &str, body: &str| {
        format!("GET / HTTP/1.1\r\n{first}{second}\r\n{body}").into_bytes()
    };
    let body = "of more than two blocks, so that no line is too short";
    for before in &lines {
        for line in &lines {
            for (first, second, body) in
                [(line, &host, body), (&host, line, ""), (line, line, body)]
            {
                // Those of the first head are kept at once.
                let mut kept = HeadNames::default();
                let _ = parsed_after(&head(before, before, body), &mut kept);
                let head = head(first, second, body);
                let found = parsed_after(&head, &mut kept);
                assert_eq!(found, parsed(&head), "{before:?} {}", head.escape_ascii());
            }
        }
    }
    // More than are kept.
    let many: String = (0..100).map(|i| format!("x-{i}: v\r\n")).collect();
    let mut kept = HeadNames::default();
    for text in [many.as_str(), "x-1: v\r\n", many.as_str()] {
        let head = head(text, "", "");
        assert_eq!(parsed_after(&head, &mut kept), parsed(&head));
    }
}

#[test]
fn names_stay_until_many_heads_have_others() {
    let mut kept = HeadNames::default();
    let mut first_after = |name: &str| {
        parsed_after(format!("GET / HTTP/1.1\r\n{name}: v\r\n\r\n").as_bytes(), &mut kept).unwrap();
        let line = |name: &str| format!("{name}: and a value of more than two blocks");
        let is_first = |name: &&str| {
            kept.each().next().is_some_and(|kept| kept.find(line(name).as_bytes()).is_some())
        };
        ["Host", "Date"].into_iter().find(is_first).unwrap()
    };
    assert_eq!(first_after("Host"), "Host");
    for round in 0..3 {
        for _ in 0..8 {
            assert_eq!(first_after("Date"), "Host", "{round}");
        }
        assert_eq!(first_after("Host"), "Host");
    }
    for _ in 0..8 {
        assert_eq!(first_after("Date"), "Host");
    }
    assert_eq!(first_after("Date"), "Date");
}

#[test]
fn sources_of_copies() {
    let check = |names: &[&str], expected: &[&str]| {
        let text: String = names.iter().map(|name| format!("{name}: v\r\n")).collect();
        let (text, mut lines) = (format!("GET / HTTP/1.1\r\n{text}\r\n"), HeadLines::new());
        let (head, _) = parse(text.as_bytes(), &mut lines).unwrap();
        let found: Vec<_> = head.sources().map(|header| header.name).collect();
        assert_eq!(found, expected.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
    };
    check(&["Host", "x-amz-acl", "x-amz-copy-source-range"], &[]);
    let names = ["X_Amz-Copy_Source", "x-amz-copy-source", "x-amz-rename-source"];
    check(&["Host", names[0], "a", names[1], names[2]], &names);
}

#[test]
fn heads_as_nginx_writes_them() {
    check("GET / HTTP/1.0\r\n\r\n", "GET / 0 +");
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1 [Host=a] +");
    check(
        "PUT /b/k?x=%20&y HTTP/1.1\r\nA: 1\r\nb: 2\r\nA: 3\r\n\r\n",
        "PUT /b/k?x=%20&y 1 [A=1] [b=2] [A=3] +",
    );
    check("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS * 1 +");
    check(b"GET /\xff\xc3\xa4 HTTP/1.1\r\nA: \xff\r\n\r\n", r"GET /\xff\xc3\xa4 1 [A=\xff] +");
}

#[test]
fn body_behind_the_head_is_left_alone() {
    check(b"PUT / HTTP/1.1\r\nA: 1\r\n\r\nB: 2\r\n\r\n\0\n", r"PUT / 1 [A=1] +B: 2\r\n\r\n\x00\n");
    check("PUT / HTTP/1.0\r\n\r\n\r\n", r"PUT / 0 +\r\n");
}

#[test]
fn values_are_trimmed_and_no_more() {
    check(
        "G / HTTP/1.1\r\nA:1\r\nB: \t x\t y \t\r\nC:\r\nD:  \r\n\r\n",
        r"G / 1 [A=1] [B=x\t y] [C=] [D=] +",
    );
    check("G / HTTP/1.1\r\nA: :b:c\r\n\r\n", "G / 1 [A=:b:c] +");
    check("G / HTTP/1.1\r\nx-amz-meta-a_b.c: 1\r\n\r\n", "G / 1 [x-amz-meta-a_b.c=1] +");
}

#[test]
fn other_protocols_and_versions() {
    refuse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", HeadError::Http2);
    refuse("PRI * HTTP/2.0\n", HeadError::BareLineFeed { line: 1 });
    refuse("GET / HTTP/2.0\r\n\r\n", HeadError::Version);
    refuse("GET / HTTP/1.2\r\n\r\n", HeadError::Version);
    refuse("GET / http/1.1\r\n\r\n", HeadError::Version);
    refuse("GET / HTTP/1.1 \r\n\r\n", HeadError::Version);
    refuse("GET /\r\n\r\n", HeadError::Version);
    refuse("GET /a b HTTP/1.1\r\n\r\n", HeadError::Target);
    refuse(b"\x16\x03\x01\x02\0\x01\r\n", HeadError::Nul { line: 1 });
    refuse(b"\x16\x03\x01\r\n", HeadError::Control { line: 1 });
}

#[test]
fn request_line_shape() {
    refuse(" GET / HTTP/1.1\r\n\r\n", HeadError::Method);
    refuse("\r\nGET / HTTP/1.1\r\n\r\n", HeadError::Method);
    refuse("G:T / HTTP/1.1\r\n\r\n", HeadError::Method);
    refuse("GET  / HTTP/1.1\r\n\r\n", HeadError::Target);
    refuse("GET\r\n\r\n", HeadError::Target);
    refuse("GET /\t HTTP/1.1\r\n\r\n", HeadError::Target);
    refuse(b"GET /\x7f HTTP/1.1\r\n\r\n", HeadError::Control { line: 1 });
}

#[test]
fn line_ends() {
    refuse("GET / HTTP/1.1\n\n", HeadError::BareLineFeed { line: 1 });
    refuse("GET / HTTP/1.1\r\nA: 1\n\r\n", HeadError::BareLineFeed { line: 2 });
    refuse("GET / HTTP/1.1\r\nA: 1\r\n\n", HeadError::BareLineFeed { line: 3 });
    refuse("GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n", HeadError::BareCarriageReturn { line: 2 });
    refuse("GET / HTTP/1.1\r\r\n\r\n", HeadError::BareCarriageReturn { line: 1 });
}

#[test]
fn header_lines() {
    refuse("GET / HTTP/1.1\r\nA 1\r\n\r\n", HeadError::MissingColon { line: 2 });
    refuse("GET / HTTP/1.1\r\nA: 1\r\n 2\r\n\r\n", HeadError::Folded { line: 3 });
    refuse("GET / HTTP/1.1\r\nA: 1\r\n\tB: 2\r\n\r\n", HeadError::Folded { line: 3 });
    refuse("GET / HTTP/1.1\r\nA : 1\r\n\r\n", HeadError::Name { line: 2 });
    refuse("GET / HTTP/1.1\r\n: 1\r\n\r\n", HeadError::Name { line: 2 });
    for control in ["\x01", "\x1f", "\x7f", "\x0b"] {
        let head = format!("GET / HTTP/1.1\r\nA: 1\r\nB: x{control}\r\n\r\n");
        refuse(head, HeadError::Control { line: 3 });
    }
    refuse(b"GET / HTTP/1.1\r\n\xe4: 1\r\n\r\n", HeadError::Name { line: 2 });
    refuse("GET / HTTP/1.1\r\nA: 1\r\nB: \0\r\n\r\n", HeadError::Nul { line: 3 });
}

#[test]
fn every_truncation_has_no_end() {
    let whole = b"PUT /b/k?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    for length in 0..whole.len() {
        refuse(&whole[..length], HeadError::Truncated);
    }
    check(whole, "PUT /b/k?x 1 [Host=a] [Content-Length=3] +");
}

#[test]
fn parts_stand_in_the_input() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: b\r\n\r\nc";
    let mut lines = HeadLines::new();
    let (head, body) = parse(bytes, &mut lines).unwrap();
    let within = |part: &[u8]| bytes.as_ptr_range().contains(&part.as_ptr());
    assert!(within(head.method()) && within(head.target()) && within(body));
    assert!(head.headers().all(|header| within(header.name) && within(header.value)));
}

#[test]
fn text_of_lines() {
    let mut lines = HeadLines::new();
    let (head, _) = parse(b"GET / HTTP/1.1\r\nA: 1\r\nb:2 \r\nC:\r\n\r\n", &mut lines).unwrap();
    assert_eq!(head.text(0, 3), b"A: 1\r\nb:2 \r\nC:\r\n");
    assert_eq!(head.text(0, 1), b"A: 1\r\n");
    assert_eq!(head.text(1, 2), b"b:2 \r\n");
    for (first, end) in [(0, 0), (3, 3), (2, 1), (0, 4), (9, 9)] {
        assert_eq!(head.text(first, end), b"", "{first}..{end}");
    }
}

#[test]
fn arbitrary_bytes_do_not_panic_and_accepted_heads_can_be_written_again() {
    // A generator with a fixed seed; the alphabet is biased to what the parser looks at.
    let alphabet = b"GET / HTTP/1.1\r\n\r\n\r\n:: \t\0\x7f\xffaB";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut accepted = 0;
    for round in 0..50_000 {
        let mut bytes = if round % 2 == 0 { b"GET / HTTP/1.1\r\n".to_vec() } else { Vec::new() };
        loop {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let draw = (state >> 33) as usize;
            if draw % 24 == 0 {
                break;
            }
            bytes.push(alphabet[draw % alphabet.len()]);
        }
        let mut lines = HeadLines::new();
        let Ok((head, body)) = parse(&bytes, &mut lines) else { continue };
        accepted += 1;
        let version = [b'0' + head.minor_version()];
        let mut again =
            [head.method(), b" ", head.target(), b" HTTP/1.", &version, b"\r\n"].concat();
        for Header { name, value } in head.headers() {
            again.extend([name, b": ", value, b"\r\n"].concat());
        }
        let again = [&again, &b"\r\n"[..], body].concat();
        assert_eq!(parsed(&again), parsed(&bytes));
    }
    assert!(accepted > 100, "{accepted} heads were accepted");
}
