//! `region` of `s3_clients` and `s3_origin`.

use nginx::ConfError;
use nginx::conf::text;

/// A region as it stands in a signature's scope: between two slashes, in a list between commas.
///
/// # Errors
///
/// No request could name it.
pub(super) fn region(word: &[u8]) -> Result<&str, ConfError> {
    if word.iter().all(|byte| byte.is_ascii_graphic() && !b"/,".contains(byte)) {
        return text(word, "region");
    }
    let region = word.escape_ascii();
    Err(format!("region \"{region}\" must be of visible ASCII characters without slash or comma")
        .into())
}
