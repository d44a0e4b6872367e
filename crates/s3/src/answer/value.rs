//! What becomes of one value of a document.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};

use super::field::NameField;
use super::{AnswerError, ClientNames, client_arn};
use crate::address::cut;
use crate::error_xml;

/// What is to be written in the place of a value.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Mapped {
    /// What stood there, as it was spelled.
    Same,
    /// These bytes, escaped where XML wants it.
    Text(Vec<u8>),
    /// This end of what stood there, as it was spelled.
    Rest(usize),
    /// The element that the value is in is not for this client.
    Hidden,
}

impl Mapped {
    /// Whether nothing is left of the value.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Rest(0)) || matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// Finds the client's word for the value of a field, which is given as it stands in the document.
pub(super) fn mapped(
    field: NameField,
    raw: &[u8],
    names: &dyn ClientNames,
) -> Result<Mapped, AnswerError> {
    match field {
        NameField::Key => return key(raw, names.root()),
        // What an error is about may be something else than a key; the client's alone is shown.
        NameField::FaultyKey => {
            return match key(raw, names.root()) {
                Err(AnswerError::OutsideRoot) => Ok(Mapped::Text(Vec::new())),
                result => result,
            };
        }
        _ => {}
    }
    let value = decode(raw)?;
    let new = match field {
        NameField::Arn => arn(&value, names),
        NameField::Bucket => names.bucket(&value).unwrap_or_default(),
        NameField::Endpoint => Cow::Borrowed(names.host()),
        NameField::FaultyKey | NameField::Key => Cow::Borrowed(&*value),
        NameField::ListedBucket => match names.bucket(&value) {
            Some(bucket) if names.shows(&bucket) => bucket,
            _ => return Ok(Mapped::Hidden),
        },
        NameField::Location => Cow::Borrowed(names.url()),
        NameField::Region => region(&value, names),
        NameField::Resource => resource(&value, names),
        NameField::UploadId => names.upload_id(&value),
    };
    Ok(if *new == *value { Mapped::Same } else { Mapped::Text(escaped(&new)) })
}

/// Takes the root off a key or prefix. It is of characters that need no escape, neither XML's nor a URL's, so that the rest
/// can stay as it is spelled, which has characters that could not be written in another way.
fn key(raw: &[u8], root: &[u8]) -> Result<Mapped, AnswerError> {
    // A marker that was not asked for is empty.
    if root.is_empty() || raw.is_empty() {
        return Ok(Mapped::Same);
    }
    if let Some(rest) = raw.strip_prefix(root) {
        return Ok(Mapped::Rest(rest.len()));
    }
    let value = decode(raw)?;
    if value.is_empty() {
        return Ok(Mapped::Same);
    }
    below(&value, root).map(|rest| Mapped::Text(escaped(rest))).ok_or(AnswerError::OutsideRoot)
}

/// What follows the root in a key that may be percent-encoded. The root itself reads the same either way, and so a key that
/// has a literal `%2F` for its slash is outside.
fn below<'a>(value: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = value.strip_prefix(root) {
        return Some(rest);
    }
    let mut at = 0usize;
    for &expected in root {
        let part = value.get(at..)?;
        let length = if part.first() == Some(&b'%') { 3 } else { 1 };
        if !percent_decode(part.get(..length)?).eq([expected]) {
            return None;
        }
        at = at.saturating_add(length);
    }
    value.get(at..)
}

fn arn<'a>(value: &'a [u8], names: &'a dyn ClientNames) -> Cow<'a, [u8]> {
    client_arn(value, |bucket| names.bucket(bucket).map(Cow::into_owned))
}

/// The first of the regions that clients sign for. S3's oldest region has no name where a document's whole content is one.
fn region<'a>(value: &'a [u8], names: &'a dyn ClientNames) -> Cow<'a, [u8]> {
    match names.region() {
        Some(b"us-east-1") if value.is_empty() => Cow::Borrowed(value),
        Some(region) => Cow::Borrowed(region),
        None => Cow::Borrowed(value),
    }
}

/// `/BUCKET`, `/BUCKET/KEY`, or the like without the first slash.
fn resource<'a>(value: &'a [u8], names: &'a dyn ClientNames) -> Cow<'a, [u8]> {
    let path = value.strip_prefix(b"/").unwrap_or(value);
    let (bucket, rest) = cut(path, b'/');
    let Some(client) = names.bucket(bucket).filter(|_| !bucket.is_empty()) else {
        return Cow::Borrowed(value);
    };
    let key = rest.strip_prefix(b"/").unwrap_or(rest);
    let key = below(key, names.root()).unwrap_or(key);
    let first: &[u8] = if value.starts_with(b"/") { b"/" } else { b"" };
    let second: &[u8] = if rest.is_empty() { b"" } else { b"/" };
    Cow::Owned([first, &client, second, key].concat())
}

/// The text of a value as a parser reads it: references resolved, sections without their marks.
fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, AnswerError> {
    if !raw.iter().any(|byte| matches!(byte, b'&' | b'<' | b'\r')) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = String::new();
    let mut reader = Reader::from_reader(raw);
    loop {
        match reader.read_event().map_err(|_| AnswerError::Malformed)? {
            Event::Text(part) => {
                text.push_str(&part.xml10_content().map_err(|_| AnswerError::Malformed)?);
            }
            Event::CData(part) => {
                text.push_str(&part.xml10_content().map_err(|_| AnswerError::Malformed)?);
            }
            Event::GeneralRef(reference) => {
                text.push_str(&resolve(&reference).ok_or(AnswerError::Malformed)?);
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return Ok(Cow::Owned(text.into_bytes())),
            _ => return Err(AnswerError::Malformed),
        }
    }
}

/// One of XML's own five entities, or a character by its number.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref().ok()? {
        Some(character) => Some(character.to_string()),
        None => resolve_xml_entity(std::str::from_utf8(reference).ok()?).map(str::to_owned),
    }
}

fn escaped(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    error_xml::text(value, &mut out);
    out
}
