//! Where the root goes: in front of the key in the path, in front of prefixes and markers in the query, and of a copy's key.
//!
//! Everything is put in as text, since the root reads the same in every spelling; what the client wrote stays as it is spelled. What
//! came of it is looked at again when it is signed ([`KeyRoot::holds`]), in the form in which the origin gets it.

use percent_encoding::percent_decode;

use crate::address::cut;
use crate::addressing::{AddressingError, has_source_parameter, key_of_source};
use crate::operation::parameters;
use crate::{Access, Address, KeyRoot, Operation};

/// The parameters of a list that name a key, or the beginning of keys.
const PREFIX: &[u8] = b"prefix";
const MARKERS: &[&[u8]] = &[b"key-marker", b"marker", b"start-after"];

/// Whether a parameter of the operation names a key, by its canonical name.
pub(super) fn holds_key(operation: Operation, name: &[u8]) -> bool {
    lists_keys(operation) && (name == PREFIX || MARKERS.contains(&name))
}

fn lists_keys(operation: Operation) -> bool {
    use Operation::*;
    matches!(operation, ListMultipartUploads | ListObjects | ListObjectsV2 | ListObjectVersions)
}

impl KeyRoot {
    /// The target, in path style, of a request that [`check`](Self::check) has let pass as one for `operation`, with the root in
    /// it.
    ///
    /// ```
    /// use s3::{KeyRoot, Operation};
    ///
    /// let root = KeyRoot::new("tenants/a/").unwrap();
    /// assert_eq!(root.place(Operation::GetObject, b"/media/a+b?partNumber=1"), b"/media/tenants/a/a+b?partNumber=1");
    /// assert_eq!(root.place(Operation::ListObjects, b"/media?marker=k"), b"/media?marker=tenants/a/k&prefix=tenants/a/");
    /// ```
    pub fn place(&self, operation: Operation, target: &[u8]) -> Vec<u8> {
        let (path, query) = cut(target, b'?');
        let root = self.as_bytes();
        let (front, key) = split_key(path);
        let mut out = Vec::with_capacity(target.len().saturating_add(root.len()));
        out.extend_from_slice(front);
        if !key.is_empty() {
            out.extend_from_slice(root);
            out.extend_from_slice(key);
        }
        if !lists_keys(operation) {
            out.extend_from_slice(query);
            return out;
        }
        self.place_in_query(query.strip_prefix(b"?").unwrap_or_default(), &mut out);
        out
    }

    fn place_in_query(&self, query: &[u8], out: &mut Vec<u8>) {
        let mut separator = b'?';
        let mut has_prefix = false;
        for pair in query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            out.push(std::mem::replace(&mut separator, b'&'));
            let (name, value) = cut(pair, b'=');
            out.extend_from_slice(name);
            let is = |own: &[u8]| percent_decode(name).eq(own.iter().copied());
            let value = value.strip_prefix(b"=").unwrap_or_default();
            has_prefix |= is(PREFIX);
            out.push(b'=');
            // A marker that is empty is none.
            if is(PREFIX) || (!value.is_empty() && MARKERS.iter().any(|own| is(own))) {
                out.extend_from_slice(self.as_bytes());
            }
            out.extend_from_slice(value);
        }
        if !has_prefix {
            out.push(separator);
            out.extend_from_slice(PREFIX);
            out.push(b'=');
            out.extend_from_slice(self.as_bytes());
        }
    }

    /// The value of `x-amz-copy-source` with the root in front of its key: a client with a root copies from what is below it.
    ///
    /// # Errors
    ///
    /// [`AddressingError::SourceUnclear`]: it is not clear where its key begins.
    pub fn place_source(&self, value: &[u8]) -> Result<Vec<u8>, AddressingError> {
        let at = key_of_source(value).ok_or(AddressingError::SourceUnclear)?;
        let (front, key) = value.split_at_checked(at).ok_or(AddressingError::SourceUnclear)?;
        Ok([front, self.as_bytes(), key].concat())
    }

    /// A path in path style without the root in front of its key; none where the key is not below it. A path of a bucket alone
    /// stays.
    pub fn strip(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (front, key) = split_key(path);
        if key.is_empty() || key.starts_with(b"?") {
            return Some(path.to_vec());
        }
        key.strip_prefix(self.as_bytes()).map(|key| [front, key].concat())
    }

    /// Whether a request that is about to leave names nothing but what is below the root. It is in path style, canonical, whatever
    /// the origin calls its bucket.
    pub fn holds(&self, access: &Access<'_>) -> bool {
        let operation = access.operation();
        let begins = |value: &[u8]| {
            let mut value = percent_decode(value);
            self.as_bytes().iter().all(|&byte| value.next() == Some(byte))
        };
        let address = Address::of(access.path);
        let key_holds = address.key.is_empty() || begins(address.key);
        let mut keys = parameters(access.query).filter(|(name, _)| holds_key(operation, name));
        let keys_hold =
            keys.all(|(name, value)| (value.is_empty() && name != PREFIX) || begins(value));
        let has_prefix =
            !lists_keys(operation) || parameters(access.query).any(|(name, _)| name == PREFIX);
        let source_holds = access.copy_source.is_none_or(|value| {
            key_of_source(value).and_then(|at| value.get(at..)).is_some_and(begins)
        });
        Self::serves(operation)
            && key_holds
            && keys_hold
            && has_prefix
            && source_holds
            && access.rename_source.is_none()
            && !has_source_parameter(access.query)
    }
}

/// A path in path style up to where its key begins, and the key, not decoded.
fn split_key(path: &[u8]) -> (&[u8], &[u8]) {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let second = slashes.map(|(at, _)| at).nth(1);
    let begins = second.map_or(path.len(), |at| at.saturating_add(1));
    path.split_at_checked(begins).unwrap_or((path, b""))
}
