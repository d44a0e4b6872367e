//! A request as a curl command.

use crate::header_line::HeaderLine;

/// The command that sends a presigned request. An upload reads the file `FILE`, a name to be replaced.
pub(crate) fn command(method: &str, headers: &[HeaderLine], url: &str) -> String {
    let mut words = vec!["curl".to_owned()];
    match method {
        "GET" => (),
        "HEAD" => words.push("--head".to_owned()),
        "PUT" => words.extend(["--upload-file", "FILE"].map(str::to_owned)),
        method => words.extend(["--request".to_owned(), quote(method)]),
    }
    for HeaderLine { name, value } in headers {
        // curl takes a header without value for one to leave out, unless it ends in a semicolon.
        let line = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.extend(["--header".to_owned(), quote(&line)]);
    }
    // Dots are parts of keys, but curl resolves them.
    if url.contains("/./") || url.contains("/../") || url.contains("/.?") || url.contains("/..?") {
        words.push("--path-as-is".to_owned());
    }
    words.push(quote(url));
    words.join(" ")
}

/// One word of a POSIX shell.
fn quote(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:=@%+".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, headers: &[&str], url: &str, expected: &str) {
        let headers: Vec<_> = headers.iter().map(|h| HeaderLine::parse(h).unwrap()).collect();
        assert_eq!(command(method, &headers, url), expected);
    }

    #[test]
    fn commands() {
        check("GET", &[], "http://a/b?c=1&d=2", "curl 'http://a/b?c=1&d=2'");
        check("HEAD", &[], "http://a/b", "curl --head http://a/b");
        check(
            "PUT",
            &["x-amz-meta-a:it's", "x-amz-meta-b:"],
            "http://a/b",
            r"curl --upload-file FILE --header 'x-amz-meta-a: it'\''s' --header 'x-amz-meta-b;' http://a/b",
        );
        check("DELETE", &[], "http://a/b", "curl --request DELETE http://a/b");
        check("GET", &[], "http://a/b/../c", "curl --path-as-is http://a/b/../c");
    }
}
