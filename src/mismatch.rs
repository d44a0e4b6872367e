//! `s3_explain_mismatch`: why a signature does not match, for the error log.

use std::cell::Cell;

use s3::Grants;
use sigv4::{Error, Keyring, RequestParts, SignatureError, TargetBuffers, Timestamp};

use crate::conf::clients::Clients;
use crate::conf::location::LocationConf;

thread_local! {
    /// A second, and how many causes this worker has looked for in it.
    static LOOKED_FOR: Cell<(i64, u32)> = const { Cell::new((0, 0)) };
}

/// The cause of a refusal, to stand behind it in the log; None for those that say it themselves, if nothing that is known
/// fits, and once as many were looked for in this second as `s3_explain_mismatch` allows: whoever sends wrong signatures buys
/// no more of the worker's time.
#[cold]
#[inline(never)]
pub(crate) fn cause(
    error: &Error,
    request: &RequestParts<'_>,
    keyring: &Keyring<Grants>,
    clients: &Clients,
    conf: &LocationConf,
    now: Timestamp,
    buffers: &mut TargetBuffers,
) -> Option<String> {
    if !matches!(error, Error::Signature(SignatureError::Mismatch { .. }))
        || !may_look(now.unix(), conf.explained_mismatches())
    {
        return None;
    }
    sigv4::mismatch_cause(request, keyring, &clients.policy, buffers)
}

fn may_look(second: i64, most: u32) -> bool {
    let (last, count) = LOOKED_FOR.get();
    let count = if last == second { count } else { 0 };
    if count >= most {
        return false;
    }
    LOOKED_FOR.set((second, count.saturating_add(1)));
    true
}
