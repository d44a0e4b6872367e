//! One grant of a client: what it may, or may not, do, where.

use std::fmt;

use super::actions::{Action, Actions};
use super::network::{ClientAddress, Network};
use super::pattern::{BucketPattern, KeyPrefix};
use crate::{Operation, OperationKind};

/// One grant: some buckets, prefixes of their keys, and what is allowed, or denied, there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    actions: Actions,
    buckets: Vec<BucketPattern>,
    denies: bool,
    /// Networks that it is for; all if there are none.
    from: Vec<Network>,
    /// Where it reaches in a bucket, never empty. One of no bytes is the whole bucket.
    prefixes: Vec<KeyPrefix>,
}

/// For people: `allow read, list on photos, logs-* below "2026/" from 192.0.2.0/24`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = if self.denies { "deny" } else { "allow" };
        write!(f, "{effect} {} on ", self.actions)?;
        list(f, &self.buckets)?;
        if !self.prefixes.iter().all(KeyPrefix::is_empty) {
            f.write_str(" below ")?;
            list(f, &self.prefixes)?;
        }
        if !self.from.is_empty() {
            f.write_str(" from ")?;
            list(f, &self.from)?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(at, item)| {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")
    })
}

/// Why something is not a [`Grant`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantError {
    /// Empty, or with a slash, a `*` that is not its last character, or nothing but dots.
    Bucket,
    /// Nothing is allowed.
    NoActions,
    /// No bucket at all.
    NoBuckets,
}

impl Grant {
    /// Makes a grant of bucket names, or their beginnings followed by `*`; the prefix may be empty.
    ///
    /// ```
    /// use s3::{Grant, Operation, Verb};
    ///
    /// assert!(Grant::new(&["photos", "logs-*"], b"2026/", &[Verb::Read, Verb::List]).is_ok());
    /// assert!(Grant::new(&["photos"], b"", &[Operation::GetObject]).is_ok());
    /// assert!(Grant::new(&["a*b"], b"", &[Verb::Read]).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`GrantError`] for what would grant nothing or look like more than it is.
    pub fn new<S: AsRef<str>, A: Copy + Into<Actions>>(
        buckets: &[S],
        prefix: &[u8],
        actions: &[A],
    ) -> Result<Self, GrantError> {
        if buckets.is_empty() {
            return Err(GrantError::NoBuckets);
        }
        if actions.is_empty() {
            return Err(GrantError::NoActions);
        }
        let buckets = buckets
            .iter()
            .map(|name| BucketPattern::new(name.as_ref()))
            .collect::<Option<_>>()
            .ok_or(GrantError::Bucket)?;
        let actions = actions.iter().map(|action| (*action).into()).collect();
        let prefixes = vec![KeyPrefix::new(prefix)];
        Ok(Self { actions, buckets, denies: false, from: Vec::new(), prefixes })
    }

    /// The same grant, of which nothing is allowed: it wins over all that allow.
    #[must_use]
    pub fn denying(self) -> Self {
        Self { denies: true, ..self }
    }

    /// The same for clients that call from one of these networks only.
    #[must_use]
    pub fn only_from(self, from: Vec<Network>) -> Self {
        Self { from, ..self }
    }

    /// The same for one more prefix.
    #[must_use]
    pub fn and_prefix(mut self, prefix: &[u8]) -> Self {
        self.prefixes.push(KeyPrefix::new(prefix));
        self
    }

    pub(super) fn denies(&self) -> bool {
        self.denies
    }

    /// Whether it allows anything to a client that calls from there.
    pub(super) fn may_allow(&self, client: Option<ClientAddress>) -> bool {
        !self.denies && self.is_for(client, false)
    }

    pub(super) fn buckets(&self) -> &[BucketPattern] {
        &self.buckets
    }

    /// Whether it allows an operation in one of its buckets, at whatever key.
    pub(super) fn allows_somewhere(
        &self,
        action: Action,
        bucket: &(impl Iterator<Item = u8> + Clone),
        client: Option<ClientAddress>,
    ) -> bool {
        !self.denies
            && self.actions.contain(action)
            && self.names(bucket)
            && self.is_for(client, false)
    }

    /// Whether it allows an operation on a bucket and key.
    pub(super) fn allows(
        &self,
        action: Action,
        bucket: &(impl Iterator<Item = u8> + Clone),
        key: &(impl Iterator<Item = u8> + Clone),
        client: Option<ClientAddress>,
    ) -> bool {
        if self.denies || !self.is_for(client, false) || !self.names(bucket) {
            return false;
        }
        match action.kind {
            OperationKind::Preflight | OperationKind::Probe => true,
            OperationKind::Unknown => {
                self.actions.are_all() && self.prefixes.iter().any(KeyPrefix::is_empty)
            }
            _ => {
                self.actions.contain(action)
                    && self.prefixes.iter().any(|prefix| prefix.begins(key.clone()))
            }
        }
    }

    /// Whether an operation touches anything of what this denies: a list that would show it, an operation on the whole bucket
    /// that it is in, or one that is not known.
    pub(super) fn denies_any_of(
        &self,
        action: Action,
        bucket: &(impl Iterator<Item = u8> + Clone),
        key: &(impl Iterator<Item = u8> + Clone),
        client: Option<ClientAddress>,
    ) -> bool {
        // Nobody knows what it does, so it may be what is denied; and without a bucket it may be in any.
        if action.kind == OperationKind::Unknown {
            let anywhere = bucket.clone().next().is_none();
            return self.denies && (anywhere || self.names(bucket)) && self.is_for(client, true);
        }
        if !self.denies || !self.is_for(client, true) || !self.names(bucket) {
            return false;
        }
        let is_whole = || self.prefixes.iter().any(KeyPrefix::is_empty);
        match action.kind {
            OperationKind::Preflight => false,
            // That a bucket exists is no secret but where nothing of it is to be known.
            OperationKind::Probe => {
                is_whole() && (self.actions.are_all() || self.actions.contain(action))
            }
            // It shows no keys.
            _ if action.operation == Some(Operation::ListBuckets) => {
                is_whole() && self.actions.contain(action)
            }
            OperationKind::List => {
                self.actions.contain(action)
                    && self.prefixes.iter().any(|prefix| prefix.overlaps(key.clone()))
            }
            _ => {
                let is_of_bucket = key.clone().next().is_none();
                self.actions.contain(action)
                    && (is_of_bucket
                        || self.prefixes.iter().any(|prefix| prefix.begins_loosely(key.clone())))
            }
        }
    }

    fn names(&self, bucket: &(impl Iterator<Item = u8> + Clone)) -> bool {
        self.buckets.iter().any(|pattern| pattern.matches(bucket.clone()))
    }

    /// Whether it is for who calls from there; `unknown` is the answer where nobody knows from where.
    fn is_for(&self, client: Option<ClientAddress>, unknown: bool) -> bool {
        self.from.is_empty()
            || client.map_or(unknown, |client| self.from.iter().any(|net| net.contains(client)))
    }
}
