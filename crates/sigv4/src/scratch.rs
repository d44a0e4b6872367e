//! Buffers that live from request to request, so that verifying and signing allocate nothing once they have grown.

use crate::param::{self, Field, Role};
use crate::query::{Pair, Query, Span};
use crate::query_auth::{AuthSpans, QueryAuth};
use crate::{Error, UriFault, canonical, header};

/// Buffers for [`verify`](crate::verify) and [`resign`](crate::resign), and what these leave for the caller: the
/// canonical target of the last request.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The raw target that the buffers are of, and how its query was parted. A request that is signed right after it was
    /// verified has the same target, which then is not taken apart again.
    target: Vec<u8>,
    strip: Option<Strip>,
    path: Vec<u8>,
    forwarded: Vec<u8>,
    signed: Vec<u8>,
    parsed: Query,
    decoded: Vec<u8>,
    hoisted: Vec<[Span; 2]>,
    auth: AuthSpans,
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

impl Scratch {
    /// The canonical path of the last request.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The canonical query of the last request as it is forwarded: without the parameters of query authentication and
    /// without those that stand for headers.
    pub fn query(&self) -> &[u8] {
        &self.forwarded
    }

    /// Headers that stood in the query of the last presigned request: lower-case names and decoded values.
    ///
    /// [`resign`](crate::resign) makes headers of them, so whoever decides what a request may do has to look here as well
    /// as at the headers: a copy source may stand here. What S3 does not look at in a query, checksums, is left out.
    ///
    /// Sorted by name; no header twice, whether its name is written with `-` or with `_`.
    pub fn hoisted(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.all_hoisted().filter(|(name, _)| !header::is_left_aside(name))
    }

    /// The same with checksums, which a Signature V2 covers as it covers headers.
    pub(crate) fn all_hoisted(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.hoisted.iter().map(|[name, value]| (name.of(&self.decoded), value.of(&self.decoded)))
    }

    /// The place among [`all_hoisted`](Self::all_hoisted) of a header that stood in the query.
    pub(crate) fn hoisted_place(&self, name: &[u8]) -> Option<usize> {
        let by_name = |[own, _]: &[Span; 2]| header::order(own.of(&self.decoded), name);
        self.hoisted.binary_search_by(by_name).ok()
    }

    /// The query that is signed: all parameters but the signature.
    pub(crate) fn signed_query(&self) -> &[u8] {
        &self.signed
    }

    pub(crate) fn parsed_query(&self) -> &Query {
        &self.parsed
    }

    /// The values of query authentication, those that were taken out.
    pub(crate) fn query_auth(&self) -> QueryAuth<'_> {
        QueryAuth { spans: &self.auth, query: self.parsed.text(), decoded: &self.decoded }
    }

    /// Brings the target into canonical form. `virtual_host`: the bucket stands in the Host header.
    pub(crate) fn parse_target(&mut self, target: &[u8], virtual_host: bool) -> Result<(), Error> {
        let is_known = self.strip.is_some() && self.target == target;
        if is_known && virtual_host {
            return Ok(());
        }
        let (path, query) = octets::cut(target, b'?').unwrap_or((target, b""));
        if !is_known {
            self.clear();
            canonical::canonical_path(path, &mut self.path)?;
        }
        // What is canonical as it is has no escaped slash.
        if !virtual_host && self.path != path && canonical::has_escaped_slash_in_bucket(path) {
            return Err(Error::InvalidUri { fault: UriFault::EscapedSlashInBucket });
        }
        if !is_known {
            self.parsed.parse(query)?;
            self.target.extend_from_slice(target);
        }
        Ok(())
    }

    /// Parts the query into what authenticates, what stands for headers, and what is forwarded.
    pub(crate) fn split_query(&mut self, strip: Strip) -> Result<(), Error> {
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
                    if strip == Strip::V4 && param::v4_but_for_case(pair.name).is_some() {
                        let name = decoded(pair.name, &mut self.decoded);
                        return Err(Error::ParameterCase { name: name.of(&self.decoded).to_vec() });
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
            Some(name) => Err(Error::ParameterRepeated { name: name.of(decoded).to_vec() }),
            None => Ok(()),
        }
    }

    fn clear(&mut self) {
        [&mut self.target, &mut self.path].into_iter().for_each(empty);
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
    canonical::decode(canonical, out);
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

    /// What a scratch holds after a target, or that there was an error.
    fn outcome(scratch: &mut Scratch, target: &str, strip: Strip, virtual_host: bool) -> String {
        let parsed = scratch.parse_target(target.as_bytes(), virtual_host);
        match parsed.and_then(|()| scratch.split_query(strip)) {
            Ok(()) => format!(
                "{:?} {:?} {:?} {:?} {:?}",
                scratch.path(),
                scratch.query(),
                scratch.signed_query(),
                scratch.hoisted().collect::<Vec<_>>(),
                scratch.query_auth(),
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
        let mut scratch = Scratch::default();
        for strip in [Strip::Nothing, Strip::V2, Strip::V4] {
            for next_strip in [Strip::Nothing, Strip::V2, Strip::V4] {
                for virtual_host in [true, false] {
                    for first in targets {
                        for second in targets {
                            outcome(&mut scratch, first, strip, !virtual_host);
                            let reused = outcome(&mut scratch, second, next_strip, virtual_host);
                            let fresh = &mut Scratch::default();
                            let expected = outcome(fresh, second, next_strip, virtual_host);
                            assert_eq!(reused, expected, "{first} {second}");
                        }
                    }
                }
            }
        }
    }
}
