//! What of a request decides who may ask for it.

use percent_encoding::percent_decode;
use sigv4::header;

use crate::grants::ClientAddress;
use crate::operation::parameters;
use crate::reserved::{Reserved, is_reserved_source};
use crate::right::{self, Right, Rights};
use crate::{Addressing, Operation};

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
        // Not `for`: the headers come from several lists, each of which is walked by itself this way.
        headers.into_iter().for_each(|(name, value)| {
            if right::may_matter(name) {
                access.note(name, value);
            }
        });
        access
    }

    #[inline(never)]
    fn note(&mut self, name: &'a [u8], value: &'a [u8]) {
        let source = if header::is(name, header::X_AMZ_COPY_SOURCE) {
            self.reserved_source |= is_reserved_source(value);
            &mut self.copy_source
        } else if header::is(name, header::X_AMZ_RENAME_SOURCE) {
            &mut self.rename_source
        } else {
            if let Some(right) = Right::of(name, value) {
                self.rights.insert(right);
            }
            return;
        };
        *source = Some(if source.is_none_or(|first| first == value) { value } else { b"" });
    }

    /// The same for a client that calls from there.
    #[must_use]
    pub fn from_client(self, client: Option<ClientAddress>) -> Self {
        Self { client, ..self }
    }

    /// The same by another method.
    #[must_use]
    pub fn with_method(self, method: &'a [u8]) -> Self {
        Self { method, ..self }
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
    pub(crate) fn rights(&self) -> Rights {
        self.rights
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

/// The values, decoded, of parameters that stand for a header.
pub(crate) fn hoisted<'a>(
    query: &'a [u8],
    own: &'static str,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    parameters(query)
        .filter(move |(name, _)| header::is(name, own))
        .map(|(_, value)| percent_decode(value).collect())
}
