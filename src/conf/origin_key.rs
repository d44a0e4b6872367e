//! `key` and `credentials` of `s3_origin`: what requests to it are signed with, until when.

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;

use nginx::conf::{argument, text};
use nginx::{Conf, ConfError, worker};
use s3::CredentialsFile;
use sigv4::{OriginCredential, Secret};
use watch::FileReading;

use crate::conf::secret::KeyWords;
use crate::live::{Live, LiveSource};
use crate::time::rfc3339;

/// The largest credentials file, in bytes. Session tokens have up to some kilobytes.
const MAX_CREDENTIALS_FILE: u64 = 64 * 1024;

/// So many seconds before its end the log warns of it. AWS hands out another key about as early.
const NEAR_END: i64 = 300;

/// An origin's key, as long as it is the one that is there.
pub(crate) struct OriginKey {
    pub(crate) credential: OriginCredential,
    /// The second since 1970 from which on it is good for nothing.
    pub(crate) end: Option<i64>,
    /// What was said of its end.
    said: Cell<Option<KeyEnd>>,
    /// Whether the origin has refused it in words, and has not answered well since; each worker's own knowledge.
    pub(crate) is_refused: Cell<bool>,
}

/// How far it is to a key's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEnd {
    Near,
    Past,
}

impl OriginKey {
    /// Why it cannot be used any more; none while it can.
    pub(crate) fn ended(&self, now: i64) -> Option<String> {
        let end = self.end.filter(|end| now >= *end)?;
        Some(format!("key ended {}", rfc3339(end)))
    }

    /// That its end is near or past, and when it is; to be said once each.
    pub(crate) fn approaches_end(&self, now: i64) -> Option<(KeyEnd, String)> {
        let end = self.end?;
        let news = match end.saturating_sub(now) {
            left if left <= 0 => KeyEnd::Past,
            left if left <= NEAR_END => KeyEnd::Near,
            _ => return None,
        };
        (self.said.replace(Some(news)) != Some(news)).then(|| (news, rfc3339(end)))
    }
}

/// What the log calls it. An access key id is no secret, but it is nobody's business either.
impl fmt::Display for OriginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "a key that ends at {}", rfc3339(end)),
            None => f.write_str("a key"),
        }
    }
}

/// The line that says where the key is.
enum OriginKeyLine {
    Credentials(PathBuf),
    Key(KeyWords),
}

/// What the line gives.
struct OriginKeyParts {
    access_key: Vec<u8>,
    secret: Secret,
    token: Option<Secret>,
    end: Option<i64>,
}

/// Where an origin's key is, and the region to sign for.
pub(crate) struct OriginKeys {
    line: OriginKeyLine,
    region: String,
}

/// The line, and what was read of it with the configuration.
pub(crate) struct OriginKeysBuilder {
    line: OriginKeyLine,
    parts: OriginKeyParts,
    reading: FileReading,
}

impl OriginKeysBuilder {
    /// `key ID SECRET [token=TOKEN]`
    pub(crate) fn key(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<Self, ConfError> {
        let key = KeyWords::of(cf, words, b"token=", "session token")?;
        Self::read(OriginKeyLine::Key(key))
    }

    /// `credentials PATH`
    pub(crate) fn credentials(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<Self, ConfError> {
        let path = cf.prefix().join(text(argument(words), "file name")?);
        let builder = Self::read(OriginKeyLine::Credentials(path))?;
        let end = builder.parts.end.filter(|end| worker::unix_time() >= *end);
        if let Some(end) = end {
            cf.warn(&format!("the key ended {}: requests wait for another one", rfc3339(end)));
        }
        Ok(builder)
    }

    fn read(line: OriginKeyLine) -> Result<Self, ConfError> {
        let mut reading = FileReading::first();
        let parts = line.read(&mut reading)?;
        Ok(OriginKeysBuilder { line, parts, reading })
    }

    /// When the block has ended.
    pub(crate) fn build(self, region: String) -> Live<OriginKeys> {
        let OriginKeysBuilder { line, parts, reading } = self;
        let key = parts.with_region(&region);
        Live::new(OriginKeys { line, region }, key, &reading)
    }
}

impl LiveSource for OriginKeys {
    type State = OriginKey;

    fn read(&self, reading: &mut FileReading) -> Result<OriginKey, String> {
        Ok(self.line.read(reading)?.with_region(&self.region))
    }
}

impl OriginKeyLine {
    fn read(&self, reading: &mut FileReading) -> Result<OriginKeyParts, String> {
        let parts = match self {
            OriginKeyLine::Key(key) => OriginKeyParts {
                access_key: key.read_id(reading)?.expose().to_vec(),
                secret: key.secret.read(reading)?,
                token: key.extra.as_ref().map(|token| token.read(reading)).transpose()?,
                end: None,
            },
            OriginKeyLine::Credentials(path) => {
                let in_file = |fault: &dyn fmt::Display| {
                    format!("credentials file \"{}\": {fault}", path.display())
                };
                let content = reading.read(path, MAX_CREDENTIALS_FILE);
                let content = Secret::new(content.map_err(|error| in_file(&error))?);
                let file =
                    CredentialsFile::parse(content.expose()).map_err(|error| in_file(&error))?;
                OriginKeyParts {
                    access_key: file.access_key,
                    secret: file.secret_key,
                    token: file.session_token,
                    end: file.expiration,
                }
            }
        };
        Ok(parts)
    }
}

impl OriginKeyParts {
    fn with_region(self, region: &str) -> OriginKey {
        let OriginKeyParts { access_key, secret, token, end } = self;
        OriginKey {
            credential: OriginCredential::new(access_key, secret, token, region, "s3"),
            end,
            said: Cell::new(None),
            is_refused: Cell::new(false),
        }
    }
}
