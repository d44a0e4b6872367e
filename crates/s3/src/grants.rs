//! What a client may do, where.
//!
//! A client either has no limits, which is the default, or a list of grants: a request is allowed if one of them
//! covers it and none denies it. Keys are compared decoded, byte for byte, with no notion of directories. There are two
//! exceptions. Segments `.` and `..` are names like any other to S3, but an origin that keeps objects in files may
//! follow them out of the prefix, or out of the bucket, that was granted; so no grant covers them. And what is denied is
//! denied with empty segments in its key, too, since there are origins that drop those.

mod actions;
mod grant;
mod network;
mod pattern;

use std::sync::Arc;

use percent_encoding::percent_decode;

pub(crate) use actions::Action;
pub use actions::{Actions, Verb};
pub use grant::{Grant, GrantError};
pub use network::{ClientAddress, Network, NotANetwork};
pub(crate) use pattern::has_dot_segment;

use crate::{KeyRoot, Operation, OperationKind};

/// What a client may do, from where: anything, or what its grants cover. A copy is a reference.
///
/// Grants speak of keys as the client does, without its root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grants {
    grants: Option<Arc<[Grant]>>,
    /// Networks that the client has to call from; any if there are none.
    from: Arc<[Network]>,
    /// Whether one of the grants denies something.
    denies: bool,
    /// What all of its keys begin with at the origins.
    root: Option<KeyRoot>,
}

/// What grants say about an operation on a bucket and key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// One of them covers it.
    Allowed {
        /// Its place in the list, counted from 0; none where the client has no limits.
        by: Option<usize>,
    },
    /// One of them denies it, whatever others allow.
    Denied {
        /// Its place in the list, counted from 0.
        by: usize,
    },
    /// None of them covers it.
    NotCovered,
}

impl Decision {
    /// Whether the operation is allowed.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

impl Grants {
    /// Anything anywhere, as far as the origin allows.
    pub fn unrestricted() -> Self {
        Self { grants: None, from: Arc::default(), denies: false, root: None }
    }

    /// What the grants cover together, nothing if there are none.
    pub fn limited(grants: Vec<Grant>) -> Self {
        let denies = grants.iter().any(Grant::denies);
        Self { grants: Some(grants.into()), from: Arc::default(), denies, root: None }
    }

    /// The same for a client that calls from one of these networks only; from anywhere if there are none.
    #[must_use]
    pub fn only_from(self, from: Vec<Network>) -> Self {
        Self { from: from.into(), ..self }
    }

    /// The same for a client with that root, if any.
    #[must_use]
    pub fn below(self, root: Option<KeyRoot>) -> Self {
        Self { root, ..self }
    }

    /// What all of the client's keys begin with at the origins; none where they are the same.
    pub fn root(&self) -> Option<&KeyRoot> {
        self.root.as_ref()
    }

    /// The grants, in their order; none where there are no limits to what may be done.
    pub fn list(&self) -> Option<&[Grant]> {
        self.grants.as_deref()
    }

    /// Networks that the client has to call from; any if there are none.
    pub fn networks(&self) -> &[Network] {
        &self.from
    }

    /// Whether there are no limits to what may be done.
    pub fn is_unrestricted(&self) -> bool {
        self.grants.is_none()
    }

    /// Whether nothing is allowed anywhere.
    pub fn is_empty(&self) -> bool {
        self.grants.as_ref().is_some_and(|grants| grants.is_empty())
    }

    /// Whether the client may call from there at all.
    pub fn admits(&self, client: Option<ClientAddress>) -> bool {
        self.from.is_empty()
            || client.is_some_and(|client| self.from.iter().any(|net| net.contains(client)))
    }

    /// Whether one grant covers the operation on this bucket and key, both percent-encoded, and none denies it to a client
    /// whose address is not known.
    ///
    /// For an operation on a whole bucket the key is empty, which only a grant without prefix covers. For one that
    /// lists, the key is the request's `prefix` parameter: what begins with it may then be told. For
    /// [`Operation::ListBuckets`] both are empty, which only the bucket pattern `*` covers; others see those that it
    /// [`shows`](Self::shows).
    ///
    /// This does not look at the source of a copy; [`authorize`](crate::authorize()) looks at everything.
    pub fn allows(&self, operation: Operation, bucket: &[u8], key: &[u8]) -> bool {
        self.decide(operation, bucket, key, None).is_allowed()
    }

    /// Whether a list of buckets shows this one, by its decoded name, to a client that calls from `client`: some grant is for
    /// it, as for [`Probe`](OperationKind::Probe).
    pub fn shows(&self, bucket: &[u8], client: Option<ClientAddress>) -> bool {
        let probe = Operation::HeadBucket.into();
        self.judge(probe, bucket.iter().copied(), std::iter::empty(), client).is_allowed()
    }

    /// The same for a client that calls from `client`, and which grant says so.
    pub fn decide(
        &self,
        operation: Operation,
        bucket: &[u8],
        key: &[u8],
        client: Option<ClientAddress>,
    ) -> Decision {
        self.judge(operation.into(), percent_decode(bucket), percent_decode(key), client)
    }

    /// The same for anything that can be asked for, on a bucket and key that are decoded.
    pub(crate) fn judge(
        &self,
        action: Action,
        bucket: impl Iterator<Item = u8> + Clone,
        key: impl Iterator<Item = u8> + Clone,
        client: Option<ClientAddress>,
    ) -> Decision {
        let Some(grants) = &self.grants else { return Decision::Allowed { by: None } };
        if has_dot_segment(bucket.clone()) || has_dot_segment(key.clone()) {
            return Decision::NotCovered;
        }
        if action.kind == OperationKind::Preflight {
            return Decision::Allowed { by: None };
        }
        let denies = |grant: &Grant| grant.denies_any_of(action, &bucket, &key, client);
        if let Some(by) = self.denies.then(|| grants.iter().position(denies)).flatten() {
            return Decision::Denied { by };
        }
        match grants.iter().position(|grant| grant.allows(action, &bucket, &key, client)) {
            Some(by) => Decision::Allowed { by: Some(by) },
            None => Decision::NotCovered,
        }
    }

    /// Whether some keys of a bucket may be covered where the whole of it is not.
    pub(crate) fn may_allow_keys(
        &self,
        action: Action,
        bucket: impl Iterator<Item = u8> + Clone,
        client: Option<ClientAddress>,
    ) -> bool {
        self.grants.as_ref().is_none_or(|grants| {
            grants.iter().any(|grant| grant.allows_somewhere(action, &bucket, client))
        })
    }

    /// The buckets that a list [`shows`](Self::shows) to a client that calls from `client`, sorted, where grants name each of
    /// them; none where there are no limits, or where a grant is for every bucket whose name begins in some way.
    pub fn own_buckets(&self, client: Option<ClientAddress>) -> Option<Vec<&[u8]>> {
        let mut names = Vec::new();
        for grant in self.grants.as_ref()?.iter().filter(|grant| grant.may_allow(client)) {
            for pattern in grant.buckets() {
                names.push(pattern.exact()?);
            }
        }
        names.sort_unstable();
        names.dedup();
        // What a grant is for is shown, unless another denies it.
        names.retain(|name| !self.denies || self.shows(name, client));
        Some(names)
    }
}

#[cfg(test)]
mod tests;
