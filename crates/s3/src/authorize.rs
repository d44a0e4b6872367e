//! Whether a client's grants cover a request, source of a copy included.
//!
//! This is the one call between a verified signature and an origin that obeys the proxy's own, more powerful key.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use sigv4::header;

use crate::access::hoisted;
use crate::copy_source::{Source, copy_source, rename_source};
use crate::grants::{Action, ClientAddress, Decision};
use crate::operation::parameters;
use crate::reserved::Reserved;
use crate::right::{self, Extent, Right};
use crate::{Access, Address, Denied, Grants, Operation, OperationKind};

/// How far a request is authorized.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Authorized {
    /// Only for those keys that its body names and that grants cover, or only with a root in front of them: a [`DeleteCheck`](crate::DeleteCheck) has to see it before
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
    if !grants.admits(access.client()) {
        return Err(Denied::Network);
    }
    match access.reserved() {
        Some(Reserved::CreateSession) => return Err(Denied::Operation(Operation::CreateSession)),
        Some(Reserved::AdminApi) if !admin_api || !is_granted_all(grants, access.client()) => {
            return Err(Denied::AdminApi);
        }
        _ => {}
    }
    if let Some(root) = grants.root() {
        root.check(access)?;
    }
    if grants.is_unrestricted() && grants.root().is_none() {
        return Ok(Authorized::Whole);
    }
    let operation = access.operation();
    let replaces_keys = grants.root().is_some() && operation == Operation::DeleteObjects;
    if grants.is_unrestricted() && !replaces_keys {
        return Ok(Authorized::Whole);
    }
    let denied = Denied::Operation(operation);
    let address = Address::of(access.path);
    let key = match operation.kind() {
        // The prefix of this one is of bucket names, and whether an origin knows it is not known.
        OperationKind::List if operation == Operation::ListBuckets => b"",
        OperationKind::List => listed_prefix(access.query).ok_or(denied)?,
        _ => address.key,
    };
    let authorized = match grants.decide(operation, address.bucket, key, access.client()) {
        Decision::Allowed { .. } if replaces_keys => Authorized::EachKey,
        Decision::Allowed { .. } => Authorized::Whole,
        _ if operation == Operation::DeleteObjects
            && grants.may_allow_keys(
                operation.into(),
                address.decoded_bucket(),
                access.client(),
            ) =>
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
    let mut rights = access.rights();
    for (name, value) in parameters(access.query) {
        let value: Cow<'_, [u8]> = percent_decode(value).into();
        if let Some(right) = Right::of(name, &value) {
            rights.insert(right);
        }
    }
    for right in rights.iter() {
        let (action, extent) = right.needs(address.is_bucket());
        let (bucket, client) = (address.decoded_bucket(), access.client());
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
        if !covers(grants, access.client(), &[Operation::GetObject], copy_source(&value)) {
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
            access.client(),
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
