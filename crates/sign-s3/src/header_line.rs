//! A header of the command line: `NAME:VALUE`.

/// A header; its name is a token, its value has no control bytes and no blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderLine {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl HeaderLine {
    /// Splits at the first colon.
    ///
    /// # Errors
    ///
    /// No colon, a name that is no token of RFC 9110, or a line end or other control byte in the value.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("not a header like NAME:VALUE")?;
        if !is_token(name.as_bytes()) {
            return Err("not a header name".to_owned());
        }
        if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return Err("control byte in a header value".to_owned());
        }
        Ok(Self { name: name.to_owned(), value: value.trim_matches([' ', '\t']).to_owned() })
    }

    /// Whether the name is this one, which is lower case.
    pub(crate) fn is(&self, lower: &str) -> bool {
        self.name.eq_ignore_ascii_case(lower)
    }
}

/// Whether this is a token of RFC 9110, which methods and header names are.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !text.is_empty() && text.iter().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let line = HeaderLine::parse(text).ok();
            let line = line.as_ref().map(|line| (line.name.as_str(), line.value.as_str()));
            assert_eq!(line, expected, "{text:?}");
        };
        check("a:b", Some(("a", "b")));
        check("X-Amz-Meta-A: \tb: c ", Some(("X-Amz-Meta-A", "b: c")));
        check("a:", Some(("a", "")));
        check("a", None);
        check(":a", None);
        check("a :b", None);
        check("a:b\r\nc:d", None);
    }
}
