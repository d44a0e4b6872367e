//! A request in the words of its origin: another bucket's name, another style, a base path.

use s3::addressing::{bucket_of, has_source_parameter, is_source};
use s3::{Addressing, AddressingError, BucketName, Placed};
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
    /// None for an origin with the clients' idea of it, and all requests of its.
    pub(super) fn of(
        head: &RequestHead<'_>,
        origin: &Origin,
        buffers: &mut TargetBuffers,
    ) -> Result<Option<Self>, Refusal> {
        let addressing = &origin.addressing;
        if addressing.is_plain() {
            return Ok(None);
        }
        let Placed { target, bucket_in_host } =
            addressing.place(head.target()).map_err(Refusal::Addressing)?;
        let authority = bucket_in_host.as_ref().map(|bucket| {
            [bucket.as_slice(), b".", origin.endpoint.authority().as_bytes()].concat()
        });
        let sources = sources(head, addressing, buffers).map_err(Refusal::Addressing)?;
        Ok(Some(Self { target, authority, bucket_in_host, sources }))
    }

    /// The headers that say something else than the client's.
    pub(super) fn headers(&self) -> SmallVec<[Header<'_>; 1]> {
        let sources = self.sources.iter();
        sources
            .map(|source| Header { name: source.name.as_bytes(), value: &source.value })
            .collect()
    }

    /// Whether nothing is left that names an object in the clients' words: what was not taken for a header may be one to the
    /// origin.
    pub(super) fn covers(&self, addressing: &Addressing, target: Target<'_>) -> bool {
        let is_known =
            |name: &[u8]| self.sources.iter().any(|source| header::is(name, source.name));
        addressing.names.is_empty()
            || (!has_source_parameter(target.query())
                && target.hoisted().all(|(name, _)| !is_source(name) || is_known(name)))
    }
}

/// The sources that a request names, in headers or in parameters that become headers.
fn sources(
    head: &RequestHead<'_>,
    addressing: &Addressing,
    buffers: &mut TargetBuffers,
) -> Result<SmallVec<[TranslatedSource; 1]>, AddressingError> {
    let mut sources = SmallVec::<[TranslatedSource; 1]>::new();
    if addressing.names.is_empty() {
        return Ok(sources);
    }
    let bucket = bucket_of(head.target());
    // What cannot be read is refused when it is signed.
    let target = canonical_target(head.target(), buffers).ok();
    let hoisted = target.iter().flat_map(Target::hoisted);
    for (name, value) in head.headers().map(|line| (line.name, line.value)).chain(hoisted) {
        let value = addressing.header_value(name, value, &bucket)?;
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
