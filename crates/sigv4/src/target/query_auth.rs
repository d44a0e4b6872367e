//! The values of query authentication.

use crate::target::param::Field;

/// A range of a buffer; an empty one if it is out of bounds, which the code that makes them excludes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.end).unwrap_or_default()
    }
}

/// Where the values stand; in which text, each of them knows.
#[derive(Debug, Default)]
pub(crate) struct AuthSpans([Option<AuthSpan>; 8]);

/// A value without escapes stands in the query, another one decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AuthSpan {
    InQuery(Span),
    Decoded(Span),
}

impl AuthSpans {
    pub(crate) fn set(&mut self, field: Field, span: AuthSpan) {
        if let Some(slot) = self.0.get_mut(field as usize) {
            *slot = Some(span);
        }
    }
}

/// The values, decoded; none where a parameter is absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryAuth<'a> {
    pub(crate) spans: &'a AuthSpans,
    pub(crate) query: &'a [u8],
    pub(crate) decoded: &'a [u8],
}

impl<'a> QueryAuth<'a> {
    pub(crate) fn get(&self, field: Field) -> Option<&'a [u8]> {
        Some(match self.spans.0.get(field as usize)?.as_ref()? {
            AuthSpan::InQuery(span) => span.of(self.query),
            AuthSpan::Decoded(span) => span.of(self.decoded),
        })
    }
}
