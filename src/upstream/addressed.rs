//! A request in the words of its origin: below its client's root, another bucket's name, another style, a base path.

use s3::addressing::{bucket_of, has_source_parameter, is_source};
use s3::{Access, Addressing, AddressingError, BucketName, KeyRoot, Placed};
use sigv4::request_head::RequestHead;
use sigv4::{Header, Target, TargetBuffers, canonical_target, header};
use smallvec::SmallVec;

use super::refusal::Refusal;
use crate::conf::origin::Origin;

/// What is said to an origin that is addressed otherwise than clients address the proxy.
pub(super) struct Addressed {
    pub(super) target: Vec<u8>,
    /// The Host header, where the bucket stands in it.
    pub(super) authority: Option<Vec<u8>>,
    pub(super) bucket_in_host: Option<BucketName>,
    /// The origin's words for the sources of a copy or rename.
    sources: SmallVec<[TranslatedSource; 1]>,
}

/// A header that names another object.
struct TranslatedSource {
    name: &'static str,
    value: Vec<u8>,
}

impl Addressed {
    /// None for an origin with the clients' idea of it, and all requests of its, but for those of a client with a root.
    #[inline]
    pub(super) fn of(
        head: &RequestHead<'_>,
        origin: &Origin,
        root: Option<&KeyRoot>,
        buffers: &mut TargetBuffers,
    ) -> Result<Option<Box<Self>>, Refusal> {
        if origin.addressing.is_plain() && root.is_none() {
            return Ok(None);
        }
        Self::otherwise(head, origin, root, buffers).map(|addressed| Some(Box::new(addressed)))
    }

    #[inline(never)]
    fn otherwise(
        head: &RequestHead<'_>,
        origin: &Origin,
        root: Option<&KeyRoot>,
        buffers: &mut TargetBuffers,
    ) -> Result<Self, Refusal> {
        let addressing = &origin.addressing;
        let below_root = root.map(|root| below_root(head, root, buffers)).transpose()?;
        let Placed { target, bucket_in_host } = addressing
            .place(below_root.as_deref().unwrap_or(head.target()))
            .map_err(Refusal::Addressing)?;
        let authority = bucket_in_host.as_ref().map(|bucket| {
            [bucket.as_slice(), b".", origin.endpoint.authority().as_bytes()].concat()
        });
        let sources = sources(head, addressing, root, buffers).map_err(Refusal::Addressing)?;
        Ok(Self { target, authority, bucket_in_host, sources })
    }

    /// The headers that say something else than the client's.
    pub(super) fn headers(&self) -> SmallVec<[Header<'_>; 1]> {
        let sources = self.sources.iter();
        sources
            .map(|source| Header { name: source.name.as_bytes(), value: &source.value })
            .collect()
    }

    /// Whether another header stands in the place of those of that name.
    pub(super) fn replaces(&self, name: &[u8]) -> bool {
        self.sources.iter().any(|source| header::is(name, source.name))
    }

    /// Whether nothing is left that names an object in the clients' words: what was not taken for a header may be one to the
    /// origin. (That of a client with a root was refused.)
    pub(super) fn covers(&self, addressing: &Addressing, target: Target<'_>) -> bool {
        addressing.names.is_empty()
            || (!has_source_parameter(target.query())
                && target.hoisted().all(|(name, _)| !is_source(name) || self.replaces(name)))
    }
}

/// The target with the client's root in it. The access phase has checked the client's target; this one may be rewritten, or that
/// of a subrequest.
fn below_root(
    head: &RequestHead<'_>,
    root: &KeyRoot,
    buffers: &mut TargetBuffers,
) -> Result<Vec<u8>, Refusal> {
    let target = canonical_target(head.target(), buffers);
    let target = target.map_err(|error| Refusal::Sign(error.into()))?;
    let headers = head.headers().map(|header| (header.name, header.value));
    let headers = headers.chain(target.hoisted());
    let access = Access::new(head.method(), target.path(), target.query(), headers);
    root.check(&access).map_err(Refusal::Root)?;
    Ok(root.place(access.operation(), head.target()))
}

/// The sources that a request names, in headers or in parameters that become headers.
fn sources(
    head: &RequestHead<'_>,
    addressing: &Addressing,
    root: Option<&KeyRoot>,
    buffers: &mut TargetBuffers,
) -> Result<SmallVec<[TranslatedSource; 1]>, AddressingError> {
    let mut sources = SmallVec::<[TranslatedSource; 1]>::new();
    if addressing.names.is_empty() && root.is_none() {
        return Ok(sources);
    }
    let bucket = bucket_of(head.target());
    // What cannot be read is refused when it is signed.
    let target = canonical_target(head.target(), buffers).ok();
    let hoisted = target.iter().flat_map(Target::hoisted);
    for (name, value) in head.headers().map(|line| (line.name, line.value)).chain(hoisted) {
        // A client with a root has renames refused.
        let below_root = root
            .filter(|_| header::is(name, header::X_AMZ_COPY_SOURCE))
            .map(|root| root.place_source(value))
            .transpose()?;
        let own = below_root.as_deref().unwrap_or(value);
        let value = addressing.header_value(name, own, &bucket)?.or(below_root);
        let names = [header::X_AMZ_COPY_SOURCE, header::X_AMZ_RENAME_SOURCE];
        let name = names.into_iter().find(|own| header::is(name, own));
        let Some((name, value)) = name.zip(value) else { continue };
        match sources.iter().find(|source| source.name == name) {
            None => sources.push(TranslatedSource { name, value }),
            Some(first) if first.value == value => {}
            // Which of them the origin would obey is not known.
            Some(_) => return Err(AddressingError::SourceUnclear),
        }
    }
    Ok(sources)
}
