//! `domain` of `s3_clients`: where buckets stand in host names.

use nginx::{Conf, ConfError, request};
use sigv4::Policy;

use crate::S3Signature;

/// Takes the names of a `domain` line, in the place of those of an earlier one.
///
/// # Errors
///
/// Names what is no host name without a port.
pub(super) fn set(policy: &mut Policy, names: &[&[u8]]) -> Result<(), ConfError> {
    for name in names {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let mut labels = name.split(|byte| *byte == b'.');
        if !labels.all(|label| !label.is_empty() && label.iter().all(is_plain)) {
            let name = name.escape_ascii();
            return Err(
                format!("\"domain\" must be host names without a port, not \"{name}\"").into()
            );
        }
    }
    policy.domains = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(())
}

/// Checks that no host is both that of path-style requests and one with a bucket's name in it.
///
/// # Errors
///
/// Names the host.
pub(super) fn check(policy: &Policy) -> Result<(), ConfError> {
    let Some(host) = policy.host_below_domain() else { return Ok(()) };
    let host = host.escape_ascii();
    Err(format!("\"host\" \"{host}\" is below a \"domain\", where it is a bucket's name").into())
}

/// Prepares for requests whose target is going to change. For postconfiguration.
pub(crate) fn configure(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let clients = &cf.main_conf::<S3Signature>()?.clients;
    if clients.iter().all(|clients| clients.policy.domains.is_empty()) {
        return Ok(());
    }
    request::note_target_variable::<S3Signature>(cf)
}
