//! Secrets in the configuration: the text itself, `env=NAME` or `file=PATH`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nginx::conf::text;
use nginx::{Conf, ConfError, environment};
use sigv4::Secret;
use watch::FileReading;

/// Longest file that is taken for a secret; whoever names a larger one has named the wrong file.
const MAX_SECRET_FILE: u64 = 16 * 1024;

/// A value, or where it is read from, again when the file changes.
///
/// `env=` is read from the environment that nginx was started with, and handed on when it starts a new binary, so no `env`
/// directive is needed; `file=` is relative to the configuration's folder, and a newline at its end is not part of the secret.
pub(crate) struct Value {
    /// What it is, for messages.
    what: &'static str,
    place: ValuePlace,
}

enum ValuePlace {
    File(PathBuf),
    Here(Secret),
}

impl Value {
    /// What a word of the configuration stands for. A file is not read yet.
    ///
    /// # Errors
    ///
    /// The variable is not set. The message names the place, never the content.
    pub(crate) fn of(cf: &Conf<'_>, word: &[u8], what: &'static str) -> Result<Self, ConfError> {
        let place = if let Some(name) = word.strip_prefix(b"env=") {
            ValuePlace::Here(Secret::new(from_environment(
                cf,
                text(name, "environment variable")?,
                what,
            )?))
        } else if let Some(path) = word.strip_prefix(b"file=") {
            ValuePlace::File(cf.prefix().join(text(path, "file name")?))
        } else {
            ValuePlace::Here(Secret::new(word))
        };
        Ok(Value { what, place })
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nothing is in it. The message names the place, never the content.
    pub(crate) fn read(&self, reading: &mut FileReading) -> Result<Secret, String> {
        let value = match &self.place {
            ValuePlace::File(path) => from_file(path, self.what, reading)?,
            ValuePlace::Here(value) => value.clone(),
        };
        if value.expose().is_empty() {
            return Err(match &self.place {
                ValuePlace::File(path) => {
                    format!("{} in file \"{}\" is empty", self.what, path.display())
                }
                ValuePlace::Here(_) => format!("{} is empty", self.what),
            });
        }
        Ok(value)
    }
}

/// What stands in a `key` line.
pub(crate) struct KeyWords {
    access_key: Value,
    pub(crate) secret: Value,
    /// Behind `parameter`.
    pub(crate) extra: Option<Value>,
}

impl KeyWords {
    /// The access key id.
    ///
    /// # Errors
    ///
    /// As [`Value::read`], and where no request could name it.
    pub(crate) fn read_id(&self, reading: &mut FileReading) -> Result<Secret, String> {
        let access_key = self.access_key.read(reading)?;
        if sigv4::is_usable_id(access_key.expose()) {
            return Ok(access_key);
        }
        let id = access_key.expose().escape_ascii();
        Err(format!(
            "access key \"{id}\" must be 1 to 128 visible ASCII characters without slash or comma"
        ))
    }

    /// `key ID SECRET [PARAMETER=VALUE]`, where `parameter` is the one that may stand there, with its `=`, and `what` its value.
    ///
    /// # Errors
    ///
    /// There is something else, or a variable is not set.
    pub(crate) fn of(
        cf: &Conf<'_>,
        words: &[&[u8]],
        parameter: &[u8],
        what: &'static str,
    ) -> Result<Self, ConfError> {
        let [_, access_key, secret, parameters @ ..] = words else {
            return Err("\"key\" takes an access key and a secret key".into());
        };
        let extra = match parameters {
            [] => None,
            [extra] if extra.starts_with(parameter) => extra.strip_prefix(parameter),
            [other, ..] => {
                let other = other.escape_ascii();
                return Err(format!("invalid parameter \"{other}\" of \"key\"").into());
            }
        };
        Ok(KeyWords {
            access_key: Value::of(cf, access_key, "access key")?,
            secret: Value::of(cf, secret, "secret key")?,
            extra: extra.map(|extra| Value::of(cf, extra, what)).transpose()?,
        })
    }
}

/// The environment variable `name`.
///
/// `nginx -s reload` reads the configuration in a process of its own before it sends the signal, often without the
/// environment of the service. There a variable that is not set is worth a warning: the nginx that runs has its own, and
/// the last word.
pub(crate) fn from_environment(cf: &Conf<'_>, name: &str, what: &str) -> Result<Vec<u8>, String> {
    match environment::variable(cf, name.as_bytes()) {
        Some(value) if !value.is_empty() => Ok(value),
        Some(_) => Err(format!("environment variable \"{name}\" with {what} is empty")),
        None if environment::is_signaller() => {
            cf.warn(&format!(
                "environment variable \"{name}\" with {what} is not set here: the nginx that runs reads its own, \
                 and logs if it has none"
            ));
            // Never used; the name, for access keys have to differ.
            Ok(name.as_bytes().to_vec())
        }
        None => Err(format!("environment variable \"{name}\" with {what} is not set")),
    }
}

/// The content of a file without the newline at its end.
pub(crate) fn from_file(
    path: &Path,
    what: &str,
    reading: &mut FileReading,
) -> Result<Secret, String> {
    let mut content = reading.read(path, MAX_SECRET_FILE).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => format!("file \"{}\" is too large for {what}", path.display()),
        _ => format!("file \"{}\" with {what} cannot be read: {error}", path.display()),
    })?;
    while content.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        content.pop();
    }
    Ok(Secret::new(content))
}
