//! Whether a client's grants cover a request, source of a copy included.
//!
//! This is the one call between a verified signature and an origin that obeys the proxy's own, more powerful key.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;
use sigv4::header;

use crate::copy_source::{Source, copy_source, rename_source};
use crate::grants::{Action, ClientAddress, Decision};
use crate::operation::parameters;
use crate::reserved::{Reserved, is_reserved_source};
use crate::right::{self, Extent, Right, Rights};
use crate::{Address, Addressing, ErrorCode, Grants, Operation, OperationKind, S3Error};

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
    /// Where the client calls from, if that is known.
    client: Option<ClientAddress>,
    /// What headers ask for besides.
    rights: Rights,
    /// Whether a copy source is in a place that is no bucket. (A rename's is a key of the same bucket.)
    reserved_source: bool,
}

impl<'a> Access<'a> {
    /// Picks what matters out of all headers of a request, given as `(name, value)`: the sources of copies, and what
    /// asks for a [`Right`] of its own. Names are in any case, and `_` is `-` in them.
    ///
    /// For a presigned request the headers that stood in its query, [`sigv4::TargetBuffers::hoisted`], belong to them. A
    /// header that comes with two values becomes empty: which of them the origin would obey is not known.
    pub fn new(
        method: &'a [u8],
        path: &'a [u8],
        query: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut access = Self {
            method,
            path,
            query,
            copy_source: None,
            rename_source: None,
            client: None,
            rights: Rights::default(),
            reserved_source: false,
        };
        for (name, value) in headers {
            let source = if header::is(name, header::X_AMZ_COPY_SOURCE) {
                access.reserved_source |= is_reserved_source(value);
                &mut access.copy_source
            } else if header::is(name, header::X_AMZ_RENAME_SOURCE) {
                &mut access.rename_source
            } else {
                if let Some(right) = Right::of(name, value) {
                    access.rights.insert(right);
                }
                continue;
            };
            *source = Some(if source.is_none_or(|first| first == value) { value } else { b"" });
        }
        access
    }

    /// The same for a client that calls from there.
    #[must_use]
    pub fn from_client(self, client: Option<ClientAddress>) -> Self {
        Self { client, ..self }
    }

    /// The same with another path.
    #[must_use]
    pub fn with_path(self, path: &'a [u8]) -> Self {
        Self { path, ..self }
    }

    /// Where the client calls from, if that is known.
    pub fn client(&self) -> Option<ClientAddress> {
        self.client
    }

    /// What headers ask for besides the operation.
    pub(crate) fn rights(&self) -> impl Iterator<Item = Right> {
        self.rights.iter()
    }

    /// What the request asks for that is not S3's: by its target, or by the source of its copy.
    pub fn reserved(&self) -> Option<Reserved> {
        Reserved::of(self.method, self.path, self.query).or_else(|| self.reserved_source())
    }

    /// The same of a request that is about to leave for an origin, in its words; `bucket_in_host` is its bucket where that
    /// stands in the host name.
    pub fn reserved_at(
        &self,
        addressing: &Addressing,
        bucket_in_host: Option<&[u8]>,
    ) -> Option<Reserved> {
        let by_target = addressing.reserved(self.method, self.path, self.query, bucket_in_host);
        by_target.or_else(|| self.reserved_source())
    }

    fn reserved_source(&self) -> Option<Reserved> {
        let by_parameter = || {
            hoisted(self.query, header::X_AMZ_COPY_SOURCE).any(|value| is_reserved_source(&value))
        };
        (self.reserved_source || by_parameter()).then_some(Reserved::AdminApi)
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
    /// An interface that is not S3's, and that `admin_api` does not open.
    AdminApi,
    /// The source of a copy may not be read, or is none that could be told.
    CopySource,
    /// A name has a segment `.` or `..`, which may lead out of the client's root.
    DotSegment,
    /// A grant denies the operation there, whatever others allow.
    Grant {
        /// Its place in the client's list, counted from 0.
        by: usize,
        /// What was asked for.
        operation: Operation,
    },
    /// The key is too long with the client's root in front.
    KeyTooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest that the client can have.
        longest: usize,
    },
    /// The client may not call from where it does.
    Network,
    /// A client with a root sees a part of a bucket, and the operation is about more.
    NotBelowRoot(Operation),
    /// The operation is not allowed there.
    Operation(Operation),
    /// The source of a rename may not be read and removed, or is none that could be told.
    RenameSource,
    /// A header asks for more than the operation.
    Right(Right),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminApi => f.write_str("an administration interface is no bucket"),
            Self::CopySource => f.write_str("grants do not cover the copy source"),
            Self::DotSegment => f.write_str("a segment \".\" or \"..\" may lead out of its root"),
            Self::Grant { by, operation } => write!(f, "grants[{by}] denies {operation}"),
            Self::KeyTooLong { length, longest } => {
                write!(f, "with its root the key is too long: {length} bytes, of {longest}")
            }
            Self::Network => f.write_str("its key is not for use from there"),
            Self::NotBelowRoot(operation) => {
                write!(f, "{operation} like this is about more than what is below its root")
            }
            Self::Operation(operation) => write!(f, "grants do not cover {operation}"),
            Self::RenameSource => f.write_str("grants do not cover the rename source"),
            Self::Right(right) => {
                write!(f, "grants do not cover {right:?}, which a header asks for")
            }
        }
    }
}

impl std::error::Error for Denied {}

impl From<Denied> for S3Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::KeyTooLong { length, longest } => Self::new(ErrorCode::KeyTooLongError)
                .with_member("Size", length.to_string())
                .with_member("MaxSizeAllowed", longest.to_string()),
            Denied::NotBelowRoot(operation) => Self::access_denied().with_message(format!(
                "Access Denied. This access key sees a part of the bucket only: {operation} like this is not for it."
            )),
            Denied::DotSegment => Self::access_denied().with_message(
                "Access Denied. Names with a segment \".\" or \"..\" are not for this access key.",
            ),
            _ => Self::access_denied(),
        }
    }
}

/// How far a request is authorized.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Authorized {
    /// Only for those keys that its body names and that grants cover: a [`DeleteCheck`](crate::DeleteCheck) has to see it before
    /// the origin does.
    EachKey,
    /// Of a list of buckets those that [`Grants::shows`].
    OwnBuckets,
    /// As a whole.
    Whole,
}

/// Decides whether `grants` cover a request.
///
/// A copy reads its source and a rename reads and removes it, wherever the header (or the query parameter that
/// stands for it) occurs; other headers ask for a [`Right`]. An operation that is not
/// known needs the whole bucket, since what it touches cannot be seen here. Several keys deleted at once stand in the body:
/// where the whole bucket is not granted, it is to be looked at. `CreateSession` is refused to everybody, and
/// so are interfaces that are not S3's, unless the operator says `admin_api`: then they are for whoever may do anything
/// anywhere. Buckets may be listed by whoever may do something in one; the answer says what is to be seen of the list.
///
/// ```
/// use s3::{Access, Grant, Grants, Verb, authorize};
///
/// let grants = Grants::limited(vec![Grant::new(&["media"], b"", &[Verb::Write]).unwrap()]);
/// let mut access = Access::new(b"PUT", b"/media/k", b"", []);
/// assert!(authorize(&grants, false, &access).is_ok());
/// access.copy_source = Some(b"/secret/k");
/// assert!(authorize(&grants, false, &access).is_err());
/// ```
///
/// # Errors
///
/// [`Denied`], which becomes a 403 `AccessDenied` but for keys that are too long.
pub fn authorize(
    grants: &Grants,
    admin_api: bool,
    access: &Access<'_>,
) -> Result<Authorized, Denied> {
    if !grants.admits(access.client) {
        return Err(Denied::Network);
    }
    match access.reserved() {
        Some(Reserved::CreateSession) => return Err(Denied::Operation(Operation::CreateSession)),
        Some(Reserved::AdminApi) if !admin_api || !is_granted_all(grants, access.client) => {
            return Err(Denied::AdminApi);
        }
        _ => {}
    }
    if let Some(root) = grants.root() {
        root.check(access)?;
    }
    if grants.is_unrestricted() {
        return Ok(Authorized::Whole);
    }
    let operation = access.operation();
    let denied = Denied::Operation(operation);
    let address = Address::of(access.path);
    let key = match operation.kind() {
        // The prefix of this one is of bucket names, and whether an origin knows it is not known.
        OperationKind::List if operation == Operation::ListBuckets => b"",
        OperationKind::List => listed_prefix(access.query).ok_or(denied)?,
        _ => address.key,
    };
    let authorized = match grants.decide(operation, address.bucket, key, access.client) {
        Decision::Allowed { .. } => Authorized::Whole,
        _ if operation == Operation::DeleteObjects
            && grants.may_allow_keys(operation.into(), address.decoded_bucket(), access.client) =>
        {
            Authorized::EachKey
        }
        // Each client may know of the buckets where it may do anything at all.
        Decision::NotCovered
            if operation == Operation::ListBuckets
                && !grants.is_empty()
                && parameters(access.query).all(|(name, _)| is_of_bucket_list(name)) =>
        {
            Authorized::OwnBuckets
        }
        Decision::Denied { by } => return Err(Denied::Grant { by, operation }),
        Decision::NotCovered => return Err(denied),
    };
    // A preflight asks for nothing, and is not signed.
    if operation == Operation::Preflight {
        return Ok(authorized);
    }
    authorize_rights(grants, access, &address)?;
    authorize_sources(grants, access, &address)?;
    Ok(authorized)
}

/// Whether this is a parameter of ListBuckets. What another would make of the list (`format=json` has an origin answer in
/// another form) nobody knows, and only a list that can be read is for clients that see a part of it.
fn is_of_bucket_list(name: &[u8]) -> bool {
    matches!(name, b"bucket-region" | b"continuation-token" | b"max-buckets" | b"prefix" | b"x-id")
        || right::after(name, b"x-amz-").is_some()
}

/// Whether the client may do anything anywhere.
fn is_granted_all(grants: &Grants, client: Option<ClientAddress>) -> bool {
    let (bucket, key) = (std::iter::empty(), std::iter::empty());
    grants.judge(OperationKind::Unknown.into(), bucket, key, client).is_allowed()
}

/// Decides about what headers ask for, and parameters that may stand for them.
fn authorize_rights(
    grants: &Grants,
    access: &Access<'_>,
    address: &Address<'_>,
) -> Result<(), Denied> {
    let mut rights = access.rights;
    for (name, value) in parameters(access.query) {
        let value: Cow<'_, [u8]> = percent_decode(value).into();
        if let Some(right) = Right::of(name, &value) {
            rights.insert(right);
        }
    }
    for right in rights.iter() {
        let (action, extent) = right.needs(address.is_bucket());
        let (bucket, client) = (address.decoded_bucket(), access.client);
        let granted = match extent {
            Extent::Bucket => grants.judge(action, bucket, std::iter::empty(), client).is_allowed(),
            Extent::Everywhere => is_granted_all(grants, client),
            Extent::Key => grants.judge(action, bucket, address.decoded_key(), client).is_allowed(),
        };
        if !granted {
            return Err(Denied::Right(right));
        }
    }
    Ok(())
}

/// Decides about the sources of a copy or rename: as headers first, then as the parameters that may stand for them.
fn authorize_sources(
    grants: &Grants,
    access: &Access<'_>,
    address: &Address<'_>,
) -> Result<(), Denied> {
    for value in access
        .copy_source
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(hoisted(access.query, header::X_AMZ_COPY_SOURCE))
    {
        if !covers(grants, access.client, &[Operation::GetObject], copy_source(&value)) {
            return Err(Denied::CopySource);
        }
    }
    let bucket: Vec<u8> = address.decoded_bucket().collect();
    for value in access
        .rename_source
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(hoisted(access.query, header::X_AMZ_RENAME_SOURCE))
    {
        if !covers(
            grants,
            access.client,
            &[Operation::GetObject, Operation::DeleteObject],
            rename_source(&value, &bucket),
        ) {
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
fn hoisted<'a>(query: &'a [u8], own: &'static str) -> impl Iterator<Item = Vec<u8>> + 'a {
    parameters(query)
        .filter(move |(name, _)| header::is(name, own))
        .map(|(_, value)| percent_decode(value).collect())
}

/// Whether every reading of a source is covered for all operations.
fn covers(
    grants: &Grants,
    client: Option<ClientAddress>,
    operations: &[Operation],
    sources: Option<Vec<Source>>,
) -> bool {
    sources.is_some_and(|sources| {
        sources.iter().all(|source| {
            let bucket = || source.bucket.iter().copied();
            let key = || source.key.iter().copied();
            operations.iter().all(|&operation| {
                grants.judge(Action::from(operation), bucket(), key(), client).is_allowed()
            })
        })
    })
}

#[cfg(test)]
mod tests;
