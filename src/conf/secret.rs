//! Secrets in the configuration: the text itself, `env=NAME` or `file=PATH`.

use std::path::PathBuf;

use nginx::conf::text;
use nginx::{Conf, ConfError, environment};
use sigv4::Secret;

/// Longest file that is taken for a secret; whoever names a larger one has named the wrong file.
const MAX_SECRET_FILE: u64 = 16 * 1024;

/// What a word of the configuration stands for.
///
/// `env=` is read from the environment that nginx was started with, and handed on when it starts a new binary, so no `env`
/// directive is needed; `file=` is relative to the configuration's folder, and a newline at its end is not part of the secret.
///
/// # Errors
///
/// The variable is not set, the file cannot be read, or nothing is in it. The message names the place, never the content.
pub(crate) fn value(cf: &Conf<'_>, word: &[u8], what: &str) -> Result<Vec<u8>, ConfError> {
    let value = if let Some(name) = word.strip_prefix(b"env=") {
        from_environment(cf, text(name, "environment variable")?, what)?
    } else if let Some(path) = word.strip_prefix(b"file=") {
        from_file(&cf.prefix().join(text(path, "file name")?), what)?
    } else {
        word.to_vec()
    };
    if value.is_empty() {
        return Err(format!("{what} is empty").into());
    }
    Ok(value)
}

/// The same, as a [`Secret`].
pub(crate) fn secret(cf: &Conf<'_>, word: &[u8], what: &str) -> Result<Secret, ConfError> {
    value(cf, word, what).map(Secret::new)
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
pub(crate) fn from_file(path: &PathBuf, what: &str) -> Result<Vec<u8>, String> {
    let unreadable =
        |error| format!("file \"{}\" with {what} cannot be read: {error}", path.display());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_SECRET_FILE {
        return Err(format!("file \"{}\" is too large for {what}", path.display()));
    }
    let mut content = std::fs::read(path).map_err(unreadable)?;
    while content.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        content.pop();
    }
    Ok(content)
}
