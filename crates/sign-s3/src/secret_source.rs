//! Where a secret comes from.

use std::ffi::OsString;
use std::io::Read as _;

use sigv4::Secret;

use crate::Failure;

/// Longest secret that is read from standard input, in bytes; session tokens have about a thousand.
const MAX_SECRET: u64 = 65_536;

/// A secret, or the place where it stands.
#[derive(Clone)]
pub(crate) enum SecretSource {
    /// The value of this environment variable, as it is.
    Environment(OsString),
    /// Standard input up to its end, without the last line end.
    StandardInput,
    /// The text on the command line.
    Text(Secret),
}

impl SecretSource {
    /// From an argument: `env:NAME`, `-`, or the secret itself.
    pub(crate) fn new(argument: OsString) -> Self {
        let bytes = argument.as_encoded_bytes();
        if bytes == b"-" {
            return Self::StandardInput;
        }
        match argument.to_str().and_then(|text| text.strip_prefix("env:")) {
            Some(name) => Self::Environment(name.into()),
            None => Self::Text(Secret::new(bytes)),
        }
    }

    /// Whether standard input is used up by this.
    pub(crate) fn is_standard_input(&self) -> bool {
        matches!(self, Self::StandardInput)
    }

    /// Fetches the secret.
    ///
    /// # Errors
    ///
    /// An environment variable that is not set, an unreadable standard input, an empty secret.
    pub(crate) fn read(&self) -> Result<Secret, Failure> {
        let (secret, place) = match self {
            Self::Environment(name) => {
                let place = format!("environment variable \"{}\"", name.to_string_lossy());
                let value = std::env::var_os(name).ok_or_else(|| format!("{place} is not set"))?;
                (Secret::new(value.into_encoded_bytes()), place)
            }
            Self::StandardInput => (standard_input()?, "secret on standard input".to_owned()),
            Self::Text(secret) => (secret.clone(), "secret".to_owned()),
        };
        if secret.expose().is_empty() { Err(format!("{place} is empty")) } else { Ok(secret) }
    }
}

/// Whether there is white space at an end of the secret: nearly always the line end of a file.
pub(crate) fn has_white_space_at_end(secret: &Secret) -> bool {
    secret.expose().trim_ascii().len() != secret.expose().len()
}

fn standard_input() -> Result<Secret, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_SECRET)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read the secret from standard input: {error}"))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        assert!(SecretSource::new("-".into()).is_standard_input());
        assert!(matches!(
            SecretSource::new("env:A".into()),
            SecretSource::Environment(name) if name == "A"
        ));
        for text in ["--", "envy", "a/b+c="] {
            let secret = SecretSource::new(text.into()).read().unwrap();
            assert_eq!(secret.expose(), text.as_bytes());
        }
        assert!(SecretSource::new("".into()).read().is_err());
        assert!(SecretSource::new("env:SIGN_S3_NO_SUCH_VARIABLE".into()).read().is_err());
    }
}
