//! `style`, `bucket` and the path of `endpoint` of `s3_origin`: how its buckets are addressed.

use nginx::ConfError;
use nginx::conf::text;
use s3::{Addressing, AddressingStyle};

/// Takes a `style` line.
///
/// # Errors
///
/// It is neither of both.
pub(super) fn style(addressing: &mut Addressing, word: &[u8]) -> Result<(), ConfError> {
    addressing.style = match word {
        b"path" => AddressingStyle::Path,
        b"virtual" => AddressingStyle::Virtual,
        word => {
            let word = word.escape_ascii();
            return Err(format!("invalid \"style\" \"{word}\": path or virtual").into());
        }
    };
    Ok(())
}

/// Takes a `bucket` line: the clients' name and the origin's.
///
/// # Errors
///
/// It is not one-to-one with those before it, or no name.
pub(super) fn bucket(addressing: &mut Addressing, words: &[&[u8]]) -> Result<(), ConfError> {
    let [_, client, origin] = words else { return Err("\"bucket\" takes two names".into()) };
    let (client, origin) = (text(client, "bucket")?, text(origin, "bucket")?);
    let wrong = |error| format!("invalid \"bucket\" \"{client}\" \"{origin}\": {error}").into();
    addressing.names.insert(client, origin).map_err(wrong)
}

/// Splits the path off what follows the scheme of a URL: host and port, and the path without a slash at its end.
///
/// # Errors
///
/// It has a query, or is no path that could be in front of a bucket's name.
pub(super) fn split_base_path(rest: &str) -> Result<(&str, &str), &'static str> {
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    let mut segments = path.strip_prefix('/').into_iter().flat_map(|path| path.split('/'));
    match segments.all(is_segment) {
        true => Ok((host, path)),
        false => Err("its path must be of letters, digits, \"-\", \".\", \"_\" and \"~\""),
    }
}

/// Checks what the lines together say.
///
/// # Errors
///
/// A bucket cannot stand in front of an address.
pub(super) fn check(addressing: &Addressing, host: &str) -> Result<(), ConfError> {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    if addressing.style == AddressingStyle::Virtual && is_address {
        return Err(format!(
            "\"style virtual\" needs a name that buckets can stand in front of, not \"{host}\": say \"host\""
        )
        .into());
    }
    Ok(())
}
