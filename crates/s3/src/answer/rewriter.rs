//! Goes through an answer while it streams.

use super::field::{self, Name, NameField, field};
use super::scanner::{Scanner, XmlPiece};
use super::value::{Mapped, mapped};
use super::{AnswerError, ClientNames};

/// Longest value, in bytes, as it is spelled: a key has up to 1024, each of which takes up to six as a reference, and thrice
/// as many where it is percent-encoded before; a URL has some more.
const MAX_VALUE: usize = 24 << 10;
/// Longest element of one bucket or object, in bytes. S3's have some 200, and an object's the key besides.
const MAX_ELEMENT: usize = 64 << 10;
/// Deepest nesting; S3's documents have four levels.
const MAX_DEPTH: usize = 32;

/// Puts the client's words into an answer, whatever pieces it comes in.
///
/// At most a tag, a value and the element of a bucket or an object are kept; everything else goes out at once. A body that is no document of S3
/// passes as it is, unless buckets are hidden, since then nobody can say what it shows.
#[derive(Debug, Default)]
pub struct AnswerRewriter {
    scanner: Scanner,
    document: AnswerDocument,
}

impl AnswerRewriter {
    /// At the beginning of an answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next part of the answer, and appends to `out` what of it can go on.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]: nothing of the answer may go on any more. What was appended before may.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        names: &dyn ClientNames,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        while !input.is_empty() {
            if self.document.is_other {
                out.extend_from_slice(input);
                return Ok(());
            }
            let (piece, used) = match self.scanner.step(input) {
                Ok(step) => step,
                // Some other text, which has the sign for a tag.
                Err(_) if !self.document.has_root => {
                    self.document.pass(names)?;
                    out.extend_from_slice(self.scanner.held());
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.document.take(piece, names, out)?;
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// The answer is complete.
    ///
    /// # Errors
    ///
    /// [`AnswerError::Incomplete`] where it ends within an element: the client must not take it for whole.
    pub fn finish(&self, names: &dyn ClientNames) -> Result<(), AnswerError> {
        let document = &self.document;
        if document.is_other {
            return Ok(());
        }
        if !self.scanner.is_between() || !document.open.is_empty() {
            return Err(AnswerError::Incomplete);
        }
        // An answer without a word shows no bucket; S3 has none such.
        if !document.has_root && !names.shows_all() {
            return Err(AnswerError::Malformed);
        }
        Ok(())
    }
}

/// What is known of the document so far.
#[derive(Debug, Default)]
struct AnswerDocument {
    /// The elements that are open, the root first.
    open: Vec<Name>,
    has_root: bool,
    /// Whether it is none that is looked into, and the rest passes.
    is_other: bool,
    /// The value that is being read, if the innermost element has one that matters.
    field: Option<NameField>,
    /// That value, as it is spelled.
    value: Vec<u8>,
    /// The element of one of the caller's buckets, or of an object, which goes out when it is known whether it may.
    held: Option<HeldElement>,
}

/// An element that waits.
#[derive(Debug, Default)]
struct HeldElement {
    bytes: Vec<u8>,
    /// Whether each name that it has is one to be shown; none while it has none.
    is_shown: Option<bool>,
}

impl AnswerDocument {
    fn take(
        &mut self,
        piece: XmlPiece<'_>,
        names: &dyn ClientNames,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        match piece {
            XmlPiece::Nothing => Ok(()),
            XmlPiece::Text(part) | XmlPiece::Other(part) if self.field.is_some() => self.keep(part),
            XmlPiece::Text(text) => {
                // S3 has nothing but blanks before the root; anything else is no document.
                let is_blank = |byte: &u8| byte.is_ascii_whitespace() || BOM.contains(byte);
                if !self.has_root && !text.iter().all(is_blank) {
                    self.pass(names)?;
                }
                self.write(text, out)
            }
            XmlPiece::Other(bytes) => self.write(bytes, out),
            XmlPiece::DocType(_) if self.has_root => Err(AnswerError::Malformed),
            XmlPiece::DocType(bytes) => {
                self.pass(names)?;
                self.write(bytes, out)
            }
            XmlPiece::Tag(tag) => self.tag(tag, names, out),
        }
    }

    /// The rest is no document of S3's, and passes.
    fn pass(&mut self, names: &dyn ClientNames) -> Result<(), AnswerError> {
        if !names.shows_all() {
            return Err(AnswerError::Malformed);
        }
        self.is_other = true;
        Ok(())
    }

    fn tag(
        &mut self,
        tag: &[u8],
        names: &dyn ClientNames,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        if tag.starts_with(b"</") {
            return self.end(tag, names, out);
        }
        // A value has no elements.
        if self.field.is_some() || self.open.len() >= MAX_DEPTH {
            return Err(if self.field.is_some() {
                AnswerError::Malformed
            } else {
                AnswerError::TooLarge
            });
        }
        let local = local_name(tag.get(1..).unwrap_or_default());
        let name = field::name(local);
        if self.open.is_empty() {
            if self.has_root {
                return Err(AnswerError::Malformed);
            }
            self.has_root = true;
            let is_known = if names.shows_all() {
                field::is_root(name)
            } else {
                field::is_bucket_list(name) || name == b"Error"
            };
            if !is_known {
                self.pass(names)?;
                return self.write(tag, out);
            }
        }
        let field = field(&self.open, local);
        if tag.ends_with(b"/>") {
            return self.empty(tag, field, names, out);
        }
        self.open.push(name);
        if is_held(&self.open, names) {
            self.held = Some(HeldElement::default());
        }
        self.field = field;
        self.value.clear();
        self.write(tag, out)
    }

    /// An element without content, which may have some for the client.
    fn empty(
        &mut self,
        tag: &[u8],
        field: Option<NameField>,
        names: &dyn ClientNames,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let Some(field) = field else { return self.write(tag, out) };
        match self.judge(field, b"", names)? {
            Mapped::Text(text) => {
                let start = tag.strip_suffix(b"/>").unwrap_or(tag);
                let name = start.get(1..).unwrap_or_default();
                let name = name.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                for part in [start, b">", &text, b"</", name, b">"] {
                    self.write(part, out)?;
                }
                Ok(())
            }
            Mapped::Same | Mapped::Rest(_) | Mapped::Hidden => self.write(tag, out),
        }
    }

    fn end(
        &mut self,
        tag: &[u8],
        names: &dyn ClientNames,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        if self.open.is_empty() {
            return Err(AnswerError::Malformed);
        }
        if let Some(field) = self.field.take() {
            let value = std::mem::take(&mut self.value);
            let mapped = self.judge(field, &value, names)?;
            match &mapped {
                Mapped::Same => self.write(&value, out)?,
                Mapped::Text(text) => self.write(text, out)?,
                Mapped::Rest(length) => {
                    let at = value.len().saturating_sub(*length);
                    self.write(value.get(at..).unwrap_or_default(), out)?;
                }
                Mapped::Hidden => {}
            }
            self.value = value;
        }
        self.write(tag, out)?;
        if is_held(&self.open, names) {
            let held = self.held.take().unwrap_or_default();
            let is_bucket = field::is_listed_bucket(&self.open);
            if held.is_shown.unwrap_or_else(|| !is_bucket || names.shows_all()) {
                out.extend_from_slice(&held.bytes);
            }
        }
        self.open.pop();
        Ok(())
    }

    /// The client's word for a value, and what it says about the bucket or object that it is of.
    fn judge(
        &mut self,
        field: NameField,
        value: &[u8],
        names: &dyn ClientNames,
    ) -> Result<Mapped, AnswerError> {
        let mapped = mapped(field, value, names)?;
        let is_shown = match field {
            NameField::ListedBucket => Some(mapped != Mapped::Hidden),
            // The object that is the root has no name below it.
            NameField::Key => Some(!mapped.is_nothing()),
            _ => None,
        };
        if let (Some(is_shown), Some(held)) = (is_shown, &mut self.held) {
            held.is_shown = Some(held.is_shown.unwrap_or(true) && is_shown);
        }
        Ok(mapped)
    }

    fn keep(&mut self, text: &[u8]) -> Result<(), AnswerError> {
        if self.value.len().saturating_add(text.len()) > MAX_VALUE {
            return Err(AnswerError::TooLarge);
        }
        self.value.extend_from_slice(text);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), AnswerError> {
        let Some(held) = &mut self.held else {
            out.extend_from_slice(bytes);
            return Ok(());
        };
        if held.bytes.len().saturating_add(bytes.len()) > MAX_ELEMENT {
            return Err(AnswerError::TooLarge);
        }
        held.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Whether an element waits until it is known whether it is one for the client.
fn is_held(open: &[Name], names: &dyn ClientNames) -> bool {
    field::is_listed_bucket(open) || (!names.root().is_empty() && field::is_listed_object(open))
}

/// The byte order mark of UTF-8. (UTF-16 has NULs, which are no blanks.)
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The name of a tag, which follows its `<`, without a namespace's prefix.
fn local_name(tag: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let name = tag.split(is_end).next().unwrap_or_default();
    name.rsplit(|&byte| byte == b':').next().unwrap_or_default()
}
