//! Where an origin has its buckets: in the path or in the host name, behind a base path, and by which names.
//!
//! A request that comes here is one in path style that speaks the clients' names; what leaves is the origin's. Nothing is
//! changed where the origin has the same idea of it, which costs nothing.

mod source;

use percent_encoding::percent_decode;
use sigv4::header;
pub(crate) use source::key_of_source;

use crate::address::cut;
use crate::bucket_names::host_label::can_be_in_host;
use crate::right::{Right, after};
use crate::{Address, BucketName, BucketNames, Reserved};

/// How an origin's buckets are addressed.
#[derive(Clone, Debug, Default)]
pub struct Addressing {
    /// Where the bucket stands.
    pub style: AddressingStyle,
    /// What stands in front of each path: empty, or with a slash at its beginning and none at its end.
    pub base_path: String,
    /// The buckets' names.
    pub names: BucketNames,
}

/// Where the bucket stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AddressingStyle {
    /// `https://endpoint/bucket/key`
    #[default]
    Path,
    /// `https://bucket.endpoint/key`
    Virtual,
}

/// A request's place at an origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed {
    /// The request target, its key as it was written.
    pub target: Vec<u8>,
    /// The origin's name of the bucket, where that stands in the host name.
    pub bucket_in_host: Option<BucketName>,
}

/// Why a request cannot be put in the origin's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressingError {
    /// The origin has no such bucket, as far as clients are concerned.
    NoSuchBucket,
    /// It names an object in a way of which it is not known what the origin would make of it.
    SourceUnclear,
}

impl Addressing {
    /// Whether requests leave as they are.
    pub fn is_plain(&self) -> bool {
        self.style == AddressingStyle::Path && self.base_path.is_empty() && self.names.is_empty()
    }

    /// The place of a request target in path style, not decoded, at the origin.
    ///
    /// ```
    /// let mut addressing = s3::Addressing::default();
    /// addressing.style = s3::AddressingStyle::Virtual;
    /// addressing.names.insert("*", "eu-*").unwrap();
    /// let placed = addressing.place(b"/media/2026/a+b?versionId=1").unwrap();
    /// assert_eq!(placed.target, b"/2026/a+b?versionId=1");
    /// assert_eq!(placed.bucket_in_host.as_deref(), Some(&b"eu-media"[..]));
    /// ```
    ///
    /// # Errors
    ///
    /// [`AddressingError::NoSuchBucket`]
    pub fn place(&self, target: &[u8]) -> Result<Placed, AddressingError> {
        let (path, query) = cut(target, b'?');
        let base = self.base_path.as_bytes();
        let is_virtual = self.style == AddressingStyle::Virtual;
        if path == b"/" || (self.names.is_empty() && !is_virtual) {
            return Ok(Placed { target: [base, target].concat(), bucket_in_host: None });
        }
        let path = path.strip_prefix(b"/").ok_or(AddressingError::NoSuchBucket)?;
        let (bucket, key) = cut(path, b'/');
        let bucket: BucketName = percent_decode(bucket).collect();
        let bucket = self.name(&bucket)?;
        if is_virtual {
            let key = if key.is_empty() { b"/" } else { key };
            let target = [base, key, query].concat();
            return Ok(Placed { target, bucket_in_host: Some(bucket) });
        }
        Ok(Placed { target: [base, b"/", &bucket, key, query].concat(), bucket_in_host: None })
    }

    /// What a header, or a parameter that stands for one, says to the origin in a request for `bucket`, which is decoded and the
    /// clients' name. None where it says the same.
    ///
    /// # Errors
    ///
    /// It names an object in a bucket that the origin does not have, or in another protocol's words, which are not known here.
    pub fn header_value(
        &self,
        name: &[u8],
        value: &[u8],
        bucket: &[u8],
    ) -> Result<Option<Vec<u8>>, AddressingError> {
        if self.names.is_empty() {
            return Ok(None);
        }
        if header::is(name, header::X_AMZ_COPY_SOURCE) {
            return source::of_copy(value, |bucket| self.name(bucket)).map(Some);
        }
        if header::is(name, header::X_AMZ_RENAME_SOURCE) {
            return source::of_rename(value, bucket, &self.name(bucket)?);
        }
        let names_object = |own: &&[u8]| {
            name.len()
                .checked_sub(own.len())
                .and_then(|start| name.get(start..))
                .is_some_and(|end| after(end, own).is_some())
        };
        if Right::of(name, value) == Some(Right::OtherVendor) && SOURCES.iter().any(names_object) {
            return Err(AddressingError::SourceUnclear);
        }
        Ok(None)
    }

    /// What a request asks an origin for that is not S3's, by the canonical path and query that it leaves with.
    ///
    /// The path is judged in path style. In virtual-host style it is judged as it is sent, too: some look for their own
    /// interfaces there whatever the host.
    pub(crate) fn reserved(
        &self,
        method: &[u8],
        path: &[u8],
        query: &[u8],
        bucket_in_host: Option<&[u8]>,
    ) -> Option<Reserved> {
        let behind_base = path.strip_prefix(self.base_path.as_bytes()).unwrap_or(path);
        let Some(bucket) = bucket_in_host else {
            let whole = Reserved::of(method, path, query);
            return match self.base_path.is_empty() {
                true => whole,
                false => whole.or_else(|| Reserved::of(method, behind_base, query)),
            };
        };
        let in_path_style = [b"/", bucket, behind_base].concat();
        Reserved::of(method, &in_path_style, query)
            .or_else(|| Reserved::of_any_host(path))
            .or_else(|| Reserved::of_any_host(behind_base))
    }

    /// The origin's name of a bucket, both decoded.
    fn name(&self, bucket: &[u8]) -> Result<BucketName, AddressingError> {
        let name = self.names.to_origin(bucket).filter(|name| {
            !name.is_empty() && (self.style == AddressingStyle::Path || can_be_in_host(name))
        });
        name.ok_or(AddressingError::NoSuchBucket)
    }
}

/// Whether the query has a parameter that an origin may take for the source of a copy or rename.
pub fn has_source_parameter(query: &[u8]) -> bool {
    crate::operation::parameters(query).any(|(name, _)| is_source(name))
}

/// Whether a header names the source of a copy or rename.
pub fn is_source(name: &[u8]) -> bool {
    [header::X_AMZ_COPY_SOURCE, header::X_AMZ_RENAME_SOURCE].iter().any(|own| header::is(name, own))
}

/// The bucket of a target in path style, decoded.
pub fn bucket_of(target: &[u8]) -> BucketName {
    let (path, _) = cut(target, b'?');
    Address::of(path).decoded_bucket().collect()
}

/// The ends of names of headers that name another object in protocols that are not S3's.
const SOURCES: &[&[u8]] =
    &[b"-copy-source", b"x-copy-from", b"x-object-manifest", b"-symlink-target"];

#[cfg(test)]
mod tests;
