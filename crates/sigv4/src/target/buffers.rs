//! Buffers that live from request to request, so that verifying and signing allocate nothing once they have grown, and the
//! target that is in them.

use std::cell::RefCell;

use crate::bytes;
use crate::canonical::signed_headers::{LastSignedHeaders, SignedHeaders};
use crate::target::encoding;
use crate::target::param::{self, Field, Role};
use crate::target::query::{Pair, Query};
use crate::target::query_auth::{AuthSpans, QueryAuth, Span};
use crate::{Error, QueryError, TargetError, header};

/// Memory for the parts of one target at a time, for [`verify`](crate::verify()), [`resign`](crate::resign()) and
/// [`canonical_target`](crate::canonical_target), which give a [`Target`] that lies in it; and for the last list of signed names.
#[derive(Debug, Default)]
pub struct TargetBuffers {
    /// The raw target that is in the buffers, and how its query was split; none where it is not, or not to the end. A request
    /// that is signed right after it was verified has the same target, which then is not taken apart again.
    raw: Vec<u8>,
    strip: Option<Strip>,
    path: Vec<u8>,
    forwarded: Vec<u8>,
    signed: Vec<u8>,
    parsed: Query,
    decoded: Vec<u8>,
    hoisted: Vec<[Span; 2]>,
    auth: AuthSpans,
    /// No part of the target, but kept as long.
    signed_headers: RefCell<LastSignedHeaders>,
}

/// The target of a request in canonical form, and what stood in its query.
#[derive(Clone, Copy, Debug)]
pub struct Target<'b> {
    buffers: &'b TargetBuffers,
}

/// A target of which it is not known yet whether its query authenticates.
pub(crate) struct UnsplitTarget<'b> {
    buffers: &'b mut TargetBuffers,
}

/// Which parameters are taken out of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strip {
    Nothing,
    V2,
    V4,
}

/// Buffers that one large request has grown beyond this many bytes are given back.
const KEPT: usize = 64 << 10;

impl<'b> Target<'b> {
    /// The canonical path.
    pub fn path(&self) -> &'b [u8] {
        &self.buffers.path
    }

    /// The canonical query as it is forwarded: without the parameters of query authentication and without those that stand
    /// for headers.
    pub fn query(&self) -> &'b [u8] {
        &self.buffers.forwarded
    }

    /// Headers that stood in the query of a presigned request: lower-case names and decoded values.
    ///
    /// [`resign`](crate::resign()) makes headers of them, so whoever decides what a request may do has to look here as well
    /// as at the headers: a copy source may stand here. What S3 does not look at in a query, checksums, is left out.
    ///
    /// Sorted by name; no header twice, whether its name is written with `-` or with `_`.
    pub fn hoisted(&self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'b> {
        self.all_hoisted().filter(|(name, _)| !header::is_left_aside(name))
    }

    /// The list of signed names that a request with this target has; none if the text is no such list.
    pub(crate) fn signed_headers<'a>(&self, text: &'a [u8]) -> Option<SignedHeaders<'a>> {
        self.buffers.signed_headers.borrow_mut().parse(text)
    }

    /// Whether any stood there.
    #[inline]
    pub(crate) fn has_hoisted(&self) -> bool {
        !self.buffers.hoisted.is_empty()
    }

    /// The same with checksums, which a Signature V2 covers as it covers headers.
    pub(crate) fn all_hoisted(&self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'b> {
        let decoded = &self.buffers.decoded;
        self.buffers.hoisted.iter().map(|[name, value]| (name.of(decoded), value.of(decoded)))
    }

    /// The place among [`all_hoisted`](Self::all_hoisted) of a header that stood in the query.
    pub(crate) fn hoisted_place(&self, name: &[u8]) -> Option<usize> {
        let by_name = |[own, _]: &[Span; 2]| header::order(own.of(&self.buffers.decoded), name);
        self.buffers.hoisted.binary_search_by(by_name).ok()
    }

    /// The query that is signed: all parameters but the signature.
    pub(crate) fn signed_query(&self) -> &'b [u8] {
        &self.buffers.signed
    }

    pub(crate) fn parsed_query(&self) -> &'b Query {
        &self.buffers.parsed
    }

    /// The values of query authentication, those that were taken out.
    pub(crate) fn query_auth(&self) -> QueryAuth<'b> {
        let TargetBuffers { auth, parsed, decoded, .. } = self.buffers;
        QueryAuth { spans: auth, query: parsed.text(), decoded }
    }
}

impl<'b> UnsplitTarget<'b> {
    pub(crate) fn query(&self) -> &Query {
        &self.buffers.parsed
    }

    /// Splits the query into what authenticates, what stands for headers, and what is forwarded.
    pub(crate) fn split(self, strip: Strip) -> Result<Target<'b>, Error> {
        self.buffers.split(strip)?;
        Ok(Target { buffers: self.buffers })
    }
}

impl TargetBuffers {
    /// Brings the target into canonical form. `virtual_host`: the bucket stands in the Host header.
    pub(crate) fn parse(
        &mut self,
        target: &[u8],
        virtual_host: bool,
    ) -> Result<UnsplitTarget<'_>, Error> {
        let is_known = self.strip.is_some() && self.raw == target;
        if is_known && virtual_host {
            return Ok(UnsplitTarget { buffers: self });
        }
        let (path, query) = bytes::cut(target, b'?').unwrap_or((target, b""));
        if !is_known {
            self.clear();
            encoding::canonical_path(path, &mut self.path)?;
        }
        // What is canonical as it is has no escaped slash.
        if !virtual_host && self.path != path && encoding::has_escaped_slash_in_bucket(path) {
            return Err(Error::Target(TargetError::EscapedSlashInBucket));
        }
        if !is_known {
            self.parsed.parse(query)?;
            self.raw.extend_from_slice(target);
        }
        Ok(UnsplitTarget { buffers: self })
    }

    fn split(&mut self, strip: Strip) -> Result<(), Error> {
        if self.strip == Some(strip) {
            return Ok(());
        }
        self.clear_parts();
        if strip != Strip::Nothing {
            let is_signed = |role| role != Role::V4(Field::Signature);
            self.parsed.write(&mut self.signed, is_signed);
            self.take_out(strip)?;
        }
        self.parsed.write(&mut self.forwarded, |role| match role {
            Role::Other => true,
            Role::V2(_) => strip != Strip::V2,
            Role::V4(_) | Role::Header => strip == Strip::Nothing,
        });
        self.strip = Some(strip);
        Ok(())
    }

    /// Decodes what authenticates and what stands for headers.
    fn take_out(&mut self, strip: Strip) -> Result<(), Error> {
        for parameter in self.parsed.parameters() {
            match (parameter.role, strip) {
                (Role::V4(field), Strip::V4) | (Role::V2(field), Strip::V2) => {
                    self.auth.set(field, self.parsed.decode(parameter, &mut self.decoded));
                }
                (Role::V4(_) | Role::Header, _) => {
                    let pair = self.parsed.pair(parameter);
                    if strip == Strip::V4 && param::v4_ignore_ascii_case(pair.name).is_some() {
                        let name = decoded(pair.name, &mut self.decoded);
                        return Err(Error::Query(QueryError::WrongCase {
                            name: name.of(&self.decoded).to_vec(),
                        }));
                    }
                    hoist(pair, &mut self.decoded, &mut self.hoisted);
                }
                (Role::V2(_) | Role::Other, _) => (),
            }
        }
        self.sort_hoisted()
    }

    /// Sorts the headers that stood in the query by the names that they will be known by. They come sorted by their names to
    /// the letter, which is another order where names are in mixed case.
    fn sort_hoisted(&mut self) -> Result<(), Error> {
        let decoded = &self.decoded;
        self.hoisted.sort_by(|[a, _], [b, _]| header::order(a.of(decoded), b.of(decoded)));
        // Two parameters whose names differ in spelling only would be one header twice.
        let twice = |pair: &[[Span; 2]]| match pair {
            [[a, _], [b, _]] if header::is_same(a.of(decoded), b.of(decoded)) => Some(*b),
            _ => None,
        };
        match self.hoisted.windows(2).find_map(twice) {
            Some(name) => {
                Err(Error::Query(QueryError::Repeated { name: name.of(decoded).to_vec() }))
            }
            None => Ok(()),
        }
    }

    fn clear(&mut self) {
        [&mut self.raw, &mut self.path].into_iter().for_each(empty);
        self.parsed.shrink(KEPT);
        self.clear_parts();
    }

    fn clear_parts(&mut self) {
        self.strip = None;
        [&mut self.forwarded, &mut self.signed, &mut self.decoded].into_iter().for_each(empty);
        self.hoisted.clear();
        self.auth = AuthSpans::default();
    }
}

fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

fn decoded(canonical: &[u8], out: &mut Vec<u8>) -> Span {
    let start = out.len();
    encoding::decode(canonical, out);
    Span::new(start, out.len())
}

/// Keeps a parameter as a header: its name in lower case, its value decoded.
fn hoist(pair: Pair<'_>, decoded_text: &mut Vec<u8>, hoisted: &mut Vec<[Span; 2]>) {
    let start = decoded_text.len();
    let name = decoded(pair.name, decoded_text);
    decoded_text.iter_mut().skip(start).for_each(|b| b.make_ascii_lowercase());
    let value = decoded(pair.value, decoded_text);
    hoisted.push([name, value]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a target is in these buffers, or that there was an error.
    fn outcome(
        buffers: &mut TargetBuffers,
        target: &str,
        strip: Strip,
        virtual_host: bool,
    ) -> String {
        let parsed = buffers.parse(target.as_bytes(), virtual_host);
        match parsed.and_then(|target| target.split(strip)) {
            Ok(target) => format!(
                "{:?} {:?} {:?} {:?} {:?}",
                target.path(),
                target.query(),
                target.signed_query(),
                target.hoisted().collect::<Vec<_>>(),
                target.query_auth(),
            ),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn nothing_is_left_of_the_target_before() {
        let targets = [
            "/b/k",
            "/b/k?a=1",
            "/b%2Fk",
            "/b/%zz",
            "/b/k?%zz",
            "/b/k?X-Amz-Signature=0&X-Amz-Date=1&x-amz-acl=private&a=1",
            "/b/k?X-Amz-Signature=0&x-amz-date=1",
            "/b/k?AWSAccessKeyId=A&Signature=s&Expires=1&a=1",
        ];
        let mut buffers = TargetBuffers::default();
        for strip in [Strip::Nothing, Strip::V2, Strip::V4] {
            for next_strip in [Strip::Nothing, Strip::V2, Strip::V4] {
                for virtual_host in [true, false] {
                    for first in targets {
                        for second in targets {
                            outcome(&mut buffers, first, strip, !virtual_host);
                            let reused = outcome(&mut buffers, second, next_strip, virtual_host);
                            let fresh = &mut TargetBuffers::default();
                            let expected = outcome(fresh, second, next_strip, virtual_host);
                            assert_eq!(reused, expected, "{first} {second}");
                        }
                    }
                }
            }
        }
    }
}
