//! Whether a client's grants cover a request, source of a copy included.
//!
//! This is the one call between a verified signature and an origin that obeys the proxy's own, more powerful key.

use std::fmt;

use crate::copy_source::{Source, copy_source, rename_source};
use crate::operation::parameters;
use crate::{Address, Grants, Kind, Operation, S3Error};

/// What of a request the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// As received.
    pub method: &'a [u8],
    /// The canonical path: the one that goes to the origin.
    pub path: &'a [u8],
    /// The canonical query, likewise; parameters that stand for headers may be among them.
    pub query: &'a [u8],
    /// The value of `x-amz-copy-source`, if the request has that header; an empty one names nothing and is refused.
    pub copy_source: Option<&'a [u8]>,
    /// The value of `x-amz-rename-source`, likewise.
    pub rename_source: Option<&'a [u8]>,
}

impl<'a> Access<'a> {
    /// Picks the source headers out of all headers of a request, given as `(name, value)` with names in any case.
    ///
    /// For a presigned request the headers that stood in its query, [`sigv4::Scratch::hoisted`], belong to them. A
    /// header that comes with two values becomes empty: which of them the origin would obey is not known.
    pub fn new(
        method: &'a [u8],
        path: &'a [u8],
        query: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut access = Self { method, path, query, copy_source: None, rename_source: None };
        for (name, value) in headers {
            let source = if sigv4::header::is(name, sigv4::header::X_AMZ_COPY_SOURCE) {
                &mut access.copy_source
            } else if sigv4::header::is(name, sigv4::header::X_AMZ_RENAME_SOURCE) {
                &mut access.rename_source
            } else {
                continue;
            };
            *source = Some(if source.is_none_or(|first| first == value) { value } else { b"" });
        }
        access
    }

    /// The operation that the request asks for.
    pub fn operation(&self) -> Operation {
        Operation::of(self.method, self.path, self.query, self.copy_source.is_some())
    }
}

/// Why a request is refused; for the log, since the client learns no more than `AccessDenied`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Denied {
    /// The source of a copy may not be read, or is none that could be told.
    CopySource,
    /// The operation is not allowed there.
    Operation(Operation),
    /// The source of a rename may not be read and removed, or is none that could be told.
    RenameSource,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopySource => f.write_str("grants do not cover the copy source"),
            Self::Operation(operation) => write!(f, "grants do not cover {operation}"),
            Self::RenameSource => f.write_str("grants do not cover the rename source"),
        }
    }
}

impl std::error::Error for Denied {}

impl From<Denied> for S3Error {
    fn from(_: Denied) -> Self {
        Self::access_denied()
    }
}

/// Decides whether `grants` cover a request.
///
/// A copy reads its source and a rename reads and removes it, wherever the header (or the query parameter that
/// stands for it) occurs. Several keys deleted at once, a form, or an operation that is not known need the whole
/// bucket, since what they touch cannot be seen here. `CreateSession` is refused to everybody: its answer is an
/// origin's credential.
///
/// ```
/// use s3::{Access, Grant, Grants, Verb, authorize};
///
/// let grants = Grants::limited(vec![Grant::new(&["media"], b"", &[Verb::Write]).unwrap()]);
/// let mut access = Access::new(b"PUT", b"/media/k", b"", []);
/// assert!(authorize(&grants, &access).is_ok());
/// access.copy_source = Some(b"/secret/k");
/// assert!(authorize(&grants, &access).is_err());
/// ```
///
/// # Errors
///
/// [`Denied`], which becomes a 403 `AccessDenied`.
pub fn authorize(grants: &Grants, access: &Access<'_>) -> Result<(), Denied> {
    if grants.is_unrestricted() && access.query.is_empty() {
        return Ok(());
    }
    let operation = access.operation();
    let denied = Denied::Operation(operation);
    if operation == Operation::CreateSession {
        return Err(denied);
    }
    if grants.is_unrestricted() {
        return Ok(());
    }
    let address = Address::of(access.path);
    let key = match operation.kind() {
        // The prefix of this one is of bucket names, and whether an origin knows it is not known.
        Kind::List if operation == Operation::ListBuckets => b"",
        Kind::List => listed_prefix(access.query).ok_or(denied)?,
        _ => address.key,
    };
    if !grants.allows(operation, address.bucket, key) {
        return Err(denied);
    }
    // As headers first, then as the parameters that may stand for them.
    for value in access
        .copy_source
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(hoisted(access.query, sigv4::header::X_AMZ_COPY_SOURCE))
    {
        if !covers(grants, &[Kind::Read], copy_source(&value)) {
            return Err(Denied::CopySource);
        }
    }
    let bucket: Vec<u8> = address.decoded_bucket().collect();
    for value in access
        .rename_source
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(hoisted(access.query, sigv4::header::X_AMZ_RENAME_SOURCE))
    {
        if !covers(grants, &[Kind::Read, Kind::Delete], rename_source(&value, &bucket)) {
            return Err(Denied::RenameSource);
        }
    }
    Ok(())
}

/// The `prefix` parameter, percent-encoded, empty if there is none; none if there are two.
fn listed_prefix(query: &[u8]) -> Option<&[u8]> {
    let mut prefixes =
        parameters(query).filter(|(name, _)| *name == b"prefix").map(|(_, value)| value);
    let prefix = prefixes.next().unwrap_or_default();
    prefixes.next().is_none().then_some(prefix)
}

/// The values, decoded, of parameters that stand for a header.
fn hoisted<'a>(query: &'a [u8], header: &'static str) -> impl Iterator<Item = Vec<u8>> + 'a {
    parameters(query)
        .filter(move |(name, _)| sigv4::header::is(name, header))
        .map(|(_, value)| percent_encoding::percent_decode(value).collect())
}

/// Whether every reading of a source is covered for all kinds.
fn covers(grants: &Grants, kinds: &[Kind], sources: Option<Vec<Source>>) -> bool {
    sources.is_some_and(|sources| {
        sources.iter().all(|source| {
            let bucket = || source.bucket.iter().copied();
            let key = || source.key.iter().copied();
            kinds.iter().all(|&kind| grants.covers(kind, bucket(), key()))
        })
    })
}

#[cfg(test)]
mod tests;
