use super::*;

/// Lines `client origin`, separated by `;`.
fn names(lines: &str) -> Result<BucketNames, BucketNameError> {
    let mut names = BucketNames::default();
    for line in lines.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let (client, origin) = line.split_once(' ').unwrap();
        names.insert(client, origin)?;
    }
    Ok(names)
}

/// Each pair is a client's name and the origin's, `-` for none, and must hold both ways.
#[track_caller]
fn check(lines: &str, pairs: &[(&str, &str)]) {
    let names = names(lines).unwrap();
    let shown =
        |name: Option<BucketName>| name.map_or("-".into(), |name| name.escape_ascii().to_string());
    for (client, origin) in pairs {
        if *client != "-" {
            assert_eq!(shown(names.to_origin(client.as_bytes())), *origin, "{lines}: {client}");
        }
        if *origin != "-" {
            assert_eq!(shown(names.to_client(origin.as_bytes())), *client, "{lines}: {origin}");
        }
    }
}

#[track_caller]
fn refused(lines: &str, expected: &str) {
    let error = names(lines).map(|_| ()).map_err(|error| error.to_string());
    assert!(error.as_ref().is_err_and(|error| error.contains(expected)), "{lines}: {error:?}");
}

#[test]
fn without_a_line_names_are_the_same() {
    let names = BucketNames::default();
    assert!(names.is_empty());
    assert_eq!(names.to_origin(b"\xff /").as_deref(), Some(&b"\xff /"[..]));
    assert_eq!(names.to_client(b"..").as_deref(), Some(&b".."[..]));
}

#[test]
fn exact_names() {
    check("media eu-media; logs l", &[("media", "eu-media"), ("logs", "l"), ("eu-media", "-")]);
    check("media eu-media", &[("-", "media"), ("x", "-"), ("-", "x"), ("", "-")]);
    check("a b; b a", &[("a", "b"), ("b", "a")]);
    check("a a", &[("a", "a"), ("b", "-"), ("-", "b")]);
}

#[test]
fn patterns() {
    check("* eu-*", &[("a", "eu-a"), ("eu-a", "eu-eu-a"), ("-", "a"), ("-", "us-a")]);
    check("* *-eu-1", &[("a.b", "a.b-eu-1"), ("-", "a.b")]);
    check("*-x a*b", &[("1-x", "a1b"), ("1", "-"), ("-", "ab1")]);
    // The two sides of a `*` never share a character.
    check("aa*aa x-*", &[("aaa", "-"), ("aaaa", "x-"), ("aabaa", "x-b")]);
}

#[test]
fn exact_names_come_first_and_are_nobody_elses() {
    let lines = "* eu-*; media eu-pictures; old new";
    check(lines, &[("media", "eu-pictures"), ("a", "eu-a"), ("old", "new"), ("new", "eu-new")]);
    // Both would be the origin's "eu-pictures"; and "eu-media", which only the pattern gives, is nobody's.
    check(lines, &[("pictures", "-"), ("-", "eu-media"), ("-", "eu-old")]);
    check("* *; media eu-media", &[("media", "eu-media"), ("eu-media", "-"), ("x", "x")]);
    check("* *; media eu-media", &[("-", "media")]);
}

#[test]
fn the_narrower_pattern_comes_first() {
    for lines in ["* eu-*; logs-* archive-*", "logs-* archive-*; * eu-*"] {
        check(lines, &[("logs-1", "archive-1"), ("x", "eu-x"), ("-", "eu-logs-1")]);
    }
    for lines in ["* 0*; a* 1*; ab* 2*", "ab* 2*; * 0*; a* 1*", "a* 1*; ab* 2*; * 0*"] {
        check(lines, &[("abc", "2c"), ("ac", "1c"), ("c", "0c"), ("-", "1bc"), ("-", "0ac")]);
    }
}

#[test]
fn what_stands_for_a_star_stays_a_name() {
    check("* eu-*", &[("a/b", "-"), ("a b", "-"), ("a%2F", "-"), ("a\n", "-")]);
    // The origin's would be none, or a directory.
    check("x* *", &[("x", "-"), ("x.", "-"), ("x..", "-"), ("x...", "-"), ("x.a", ".a")]);
    check("* eu-*", &[("", "-"), ("-", "eu-"), ("..", "-"), ("-", "eu-..")]);
}

#[test]
fn clashes() {
    refused("a b; a c", "clients' name \"a\"");
    refused("a c; b c", "origin's name \"c\"");
    refused("a* x*; b* x*", "origin's name \"x*\"");
    refused("a* x*; b* xy*", "origin's name \"xy*\"");
    refused("a* x*; b* *y", "origin's name \"*y\"");
    refused("a* x*; a* y*", "clients' name \"a*\"");
    // "ab" is in both, and neither is the narrower one.
    refused("a* x*; *b y*", "clients' name \"*b\"");
    assert!(names("a* x*; b* y*; *-b z-*").is_err());
    assert!(names("a* x*; b* y*; a*-b z-*; * 0*; a a; x1 x1").is_ok());
}

#[test]
fn no_names() {
    for name in ["", ".", "..", "...", "a/b", "a b", "a%2Fb", "a*b*", "ü", "a:1", "a\r\nb"] {
        refused_either(name);
    }
    refused("a* b", "both names or neither");
    refused("a b*", "both names or neither");
}

#[track_caller]
fn refused_either(name: &str) {
    for (client, origin) in [(name, "b"), ("b", name)] {
        let result = BucketNames::default().insert(client, origin);
        assert!(
            matches!(result, Err(BucketNameError::Invalid(_))),
            "{client} {origin}: {result:?}"
        );
    }
}

/// However lines are combined, two names of one side are never one name of the other.
#[test]
fn the_map_is_one_to_one() {
    let sides = ["a", "b", "ab", "*", "a*", "*b", "a*b", "ab*"];
    let lines: Vec<_> =
        sides.iter().flat_map(|client| sides.map(|origin| (*client, origin))).collect();
    let letters = || [b'a', b'b', b'c'];
    let words: Vec<Vec<u8>> = letters()
        .iter()
        .map(|first| vec![*first])
        .chain(letters().iter().flat_map(|first| letters().map(|second| vec![*first, second])))
        .chain([&b"aab"[..], b"abb", b"acb", b"aabb", b"aaab"].map(<[u8]>::to_vec))
        .collect();
    let mut tried = 0;
    for first in &lines {
        for second in &lines {
            let mut names = BucketNames::default();
            let added = names.insert(first.0, first.1).is_ok();
            if !added || names.insert(second.0, second.1).is_err() {
                continue;
            }
            tried += 1;
            for word in &words {
                if let Some(origin) = names.to_origin(word) {
                    let back = names.to_client(&origin);
                    assert_eq!(back.as_deref(), Some(&word[..]), "{first:?} {second:?}");
                }
                if let Some(client) = names.to_client(word) {
                    let back = names.to_origin(&client);
                    assert_eq!(back.as_deref(), Some(&word[..]), "{first:?} {second:?}");
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}
