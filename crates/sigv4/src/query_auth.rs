//! The values of query authentication.

use crate::param::Field;
use crate::query::Span;

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
