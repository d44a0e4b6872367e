//! Reads the document of DeleteObjects strictly: what two parsers might read in two ways is refused.
//!
//! ```xml
//! <Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
//!   <Object><Key>a</Key><VersionId>1</VersionId></Object>
//!   <Quiet>true</Quiet>
//! </Delete>
//! ```

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

/// What is wrong with a document.
type Fault = &'static str;

const NAMESPACE: &[u8] = b"http://s3.amazonaws.com/doc/2006-03-01/";
const NOT_WELL_FORMED: Fault = "it is not well-formed";

/// Where the reader stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    After,
    Before,
    Delete,
    Key,
    Object,
    /// In a member whose text does not matter, of `Object` or of `Delete`.
    Other {
        of_object: bool,
    },
}

/// A key that a document names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct NamedKey {
    pub(super) text: String,
    /// Where it begins in the document, in bytes.
    pub(super) at: usize,
}

/// The keys, in their order, at least one.
pub(super) fn keys(body: &[u8]) -> Result<Vec<NamedKey>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    if text.starts_with('\u{feff}') {
        return Err("it has a byte order mark");
    }
    // Parsers make a line feed of a carriage return, or forget to; whoever means one writes `&#13;`.
    if text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err("it has control characters");
    }
    let mut list =
        List { place: Place::Before, keys: Vec::new(), key: None, key_at: 0, seen: Vec::new() };
    let mut reader = Reader::from_str(text);
    let mut is_first = true;
    loop {
        match reader.read_event().map_err(|_| NOT_WELL_FORMED)? {
            Event::Start(tag) => {
                list.start(&tag)?;
                if list.place == Place::Key {
                    list.key_at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                }
            }
            Event::Empty(tag) => {
                list.start(&tag)?;
                list.end()?;
            }
            Event::End(_) => list.end()?,
            Event::Text(part) => {
                list.text(std::str::from_utf8(&part).map_err(|_| NOT_WELL_FORMED)?)?
            }
            Event::GeneralRef(reference) => list.character(resolve(&reference)?)?,
            Event::Decl(declaration) if is_first => check_declaration(&declaration)?,
            Event::Eof => break,
            // Parsers end a text at a comment, or do not. A document type brings entities of its own.
            _ => return Err("it has more than elements and text"),
        }
        is_first = false;
    }
    if list.place != Place::After {
        return Err(NOT_WELL_FORMED);
    }
    if list.keys.is_empty() { Err("it names no key") } else { Ok(list.keys) }
}

struct List {
    place: Place,
    keys: Vec<NamedKey>,
    /// The key of the object that is open, as far as it was read.
    key: Option<String>,
    /// Where it begins.
    key_at: usize,
    /// Members that the object that is open has, and `Quiet`.
    seen: Vec<&'static str>,
}

impl List {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        let name = tag.name();
        // Elsewhere attributes mean nothing, and in other namespaces elements have prefixes.
        let has_attributes = tag.len() != name.as_ref().len();
        self.place = match (self.place, name.as_ref()) {
            (Place::Before, b"Delete") => {
                check_namespace(tag)?;
                Place::Delete
            }
            _ if has_attributes => return Err("it has attributes"),
            (Place::Delete, b"Object") => {
                self.key = None;
                self.seen.retain(|name| *name == "Quiet");
                Place::Object
            }
            (Place::Delete, b"Quiet") => {
                self.once("Quiet")?;
                Place::Other { of_object: false }
            }
            (Place::Object, b"Key") => {
                self.once("Key")?;
                self.key = Some(String::new());
                Place::Key
            }
            (Place::Object, other) => {
                let members = ["ETag", "LastModifiedTime", "Size", "VersionId"];
                let member = members.into_iter().find(|name| name.as_bytes() == other);
                self.once(member.ok_or("it has members that are not known")?)?;
                Place::Other { of_object: true }
            }
            _ => return Err("it has members that are not known"),
        };
        Ok(())
    }

    /// Which of two parsers take is not known.
    fn once(&mut self, name: &'static str) -> Result<(), Fault> {
        if self.seen.contains(&name) {
            return Err("it has a member twice");
        }
        self.seen.push(name);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.place = match self.place {
            Place::Delete => Place::After,
            Place::Object => {
                let key = self.key.take().filter(|key| !key.is_empty());
                let text = key.ok_or("an object has no key")?;
                self.keys.push(NamedKey { text, at: self.key_at });
                Place::Delete
            }
            Place::Key | Place::Other { of_object: true } => Place::Object,
            Place::Other { of_object: false } => Place::Delete,
            Place::After | Place::Before => return Err(NOT_WELL_FORMED),
        };
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match (self.place, &mut self.key) {
            (Place::Key, _) if text.contains('\r') => Err("a key has a carriage return"),
            (Place::Key, Some(key)) => {
                key.push_str(text);
                Ok(())
            }
            (Place::Other { .. }, _) => Ok(()),
            _ if text.bytes().all(|byte| byte.is_ascii_whitespace()) => Ok(()),
            _ => Err("it has text where elements belong"),
        }
    }

    /// One that was written as a reference.
    fn character(&mut self, character: char) -> Result<(), Fault> {
        match (self.place, &mut self.key) {
            (Place::Key, Some(key)) => {
                key.push(character);
                Ok(())
            }
            (Place::Other { .. }, _) => Ok(()),
            _ => Err("it has text where elements belong"),
        }
    }
}

/// Amazon's namespace, or none.
fn check_namespace(tag: &BytesStart<'_>) -> Result<(), Fault> {
    for (number, attribute) in tag.attributes().enumerate() {
        let attribute = attribute.map_err(|_| NOT_WELL_FORMED)?;
        if number > 0 || attribute.key.as_ref() != b"xmlns" || *attribute.value != *NAMESPACE {
            return Err("it is in another namespace");
        }
    }
    Ok(())
}

/// XML 1.0 in UTF-8: 1.1 has other line ends.
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), Fault> {
    let version = declaration.version().map_err(|_| NOT_WELL_FORMED)?;
    let is_utf8 = match declaration.encoding() {
        None => true,
        Some(Ok(name)) => name.eq_ignore_ascii_case(b"utf-8"),
        Some(Err(_)) => false,
    };
    if *version == *b"1.0" && is_utf8 { Ok(()) } else { Err("it is not XML 1.0 in UTF-8") }
}

/// What a reference stands for: a character by its number, or one of the five entities that XML itself has.
fn resolve(reference: &BytesRef<'_>) -> Result<char, Fault> {
    const UNKNOWN: Fault = "it has references to what is not known";
    if let Some(character) = reference.resolve_char_ref().map_err(|_| UNKNOWN)? {
        return if character == '\0' { Err(UNKNOWN) } else { Ok(character) };
    }
    let name = std::str::from_utf8(reference).map_err(|_| UNKNOWN)?;
    resolve_predefined_entity(name).and_then(|text| text.chars().next()).ok_or(UNKNOWN)
}
