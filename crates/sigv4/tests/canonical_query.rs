//! Any query at all, against a second reading of the rules (2.3) that takes its time.

/// The rules of 2.3 one after the other, each on all of the text.
fn by_the_book(raw: &str) -> Option<String> {
    let recode = |part: &str| {
        let mut bytes = Vec::new();
        let mut rest = part.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digits = [rest.next()?, rest.next()?].map(char::from);
                    let [high, low] = digits.map(|digit| digit.to_digit(16));
                    (high? * 16 + low?) as u8
                }
                b'+' => b' ',
                byte => byte,
            });
        }
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
        let encode = |b| if plain(&b) { char::from(b).into() } else { format!("%{b:02X}") };
        Some(bytes.into_iter().map(encode).collect::<String>())
    };
    let mut pairs = std::collections::BTreeMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (recode(name)?, recode(value)?);
        if name.is_empty() || pairs.insert(name, value).is_some() {
            return None;
        }
    }
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(pairs.join("&"))
}

fn check(raw: &str) {
    let mut out = Vec::new();
    let found = sigv4::target::canonical_query(raw.as_bytes(), &mut out).ok();
    let found = found.map(|()| String::from_utf8(out).unwrap());
    assert_eq!(found, by_the_book(raw), "{raw}");
}

proptest::proptest! {
    #[test]
    fn any_text(raw in "([ab]|[aAzZ0~_.-]|%2[05F]|%[2c]f|[%/+;=&]){0,48}") {
        check(&raw);
    }

    #[test]
    fn any_order(names in proptest::collection::vec("[a-c]{1,2}", 0..12)) {
        check(&names.join("=1&"));
    }
}
