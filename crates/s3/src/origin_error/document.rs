//! Reads an origin's error document strictly: what two parsers might read in two ways is not read at all.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, Event};

use super::{LIMIT, TOO_LARGE};

/// Why a document is in doubt.
type Doubt = &'static str;

const MALFORMED: Doubt = "it is not well-formed";

/// What an error document says.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The text of every element `Code`, wherever it stands.
    pub(super) codes: Vec<Vec<u8>>,
    /// The local names of all elements.
    pub(super) names: Vec<Vec<u8>>,
    /// All text, with references resolved.
    pub(super) text: Vec<u8>,
    /// Whether it is as S3 has it: one `Code` in one `Error`, which is the root.
    is_s3: bool,
}

/// The text of a body with this Content-Encoding.
pub(super) fn decode<'a>(encoding: &[u8], body: &'a [u8]) -> Result<Cow<'a, str>, Doubt> {
    let decoded = match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Cow::Borrowed(body),
        // One member after another, as clients read it; bytes that are none are an error.
        b"gzip" | b"x-gzip" => Cow::Owned(unpack(MultiGzDecoder::new(body))?),
        b"deflate" => Cow::Owned(inflate(body)?),
        _ => return Err("its encoding is not known"),
    };
    let text = match decoded {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    // UTF-16 of ASCII text is UTF-8 full of NULs.
    text.filter(|text| !text.contains('\0')).ok_or("it is not UTF-8")
}

/// `deflate` is zlib's format (RFC 9110, 8.4.1.2), and that without its envelope with some servers.
fn inflate(body: &[u8]) -> Result<Vec<u8>, Doubt> {
    let mut zlib = ZlibDecoder::new(body);
    if let Ok(text) = unpack(&mut zlib) {
        return if zlib.into_inner().is_empty() { Ok(text) } else { Err(PACKED) };
    }
    let mut raw = DeflateDecoder::new(body);
    let text = unpack(&mut raw)?;
    if raw.into_inner().is_empty() { Ok(text) } else { Err(PACKED) }
}

const PACKED: Doubt = "it cannot be unpacked";

/// At most [`LIMIT`] bytes, whatever they were packed from.
fn unpack(packed: impl Read) -> Result<Vec<u8>, Doubt> {
    let mut text = Vec::new();
    packed.take((LIMIT as u64).saturating_add(1)).read_to_end(&mut text).map_err(|_| PACKED)?;
    if text.len() > LIMIT { Err(TOO_LARGE) } else { Ok(text) }
}

impl Document {
    /// Reads the whole document.
    pub(super) fn read(text: &str) -> Result<Self, Doubt> {
        let mut document = Self::default();
        // Local names of the elements that are open.
        let mut open: Vec<Vec<u8>> = Vec::new();
        let mut roots = 0usize;
        let mut in_place = 0usize;
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        // A reader that stands where it stood has found a fault that it would report forever.
        loop {
            match reader.read_event().map_err(|_| MALFORMED)? {
                Event::Start(tag) => {
                    roots = roots.saturating_add(usize::from(open.is_empty()));
                    let name = tag.local_name().as_ref().to_vec();
                    if open.last().is_some_and(|name| name == b"Code") {
                        return Err("its code has elements");
                    }
                    if name == b"Code" {
                        document.codes.push(Vec::new());
                        in_place =
                            in_place.saturating_add(usize::from(open.as_slice() == [b"Error"]));
                    }
                    document.names.push(name.clone());
                    open.push(name);
                }
                Event::End(_) => _ = open.pop(),
                Event::Empty(tag) => {
                    roots = roots.saturating_add(usize::from(open.is_empty()));
                    let name = tag.local_name().as_ref().to_vec();
                    if name == b"Code" || open.last().is_some_and(|name| name == b"Code") {
                        return Err("its code is empty");
                    }
                    document.names.push(name);
                }
                Event::Text(part) => document.take(&open, &part)?,
                Event::CData(_) if open.is_empty() => return Err(MALFORMED),
                Event::CData(part) => document.take(&open, &part)?,
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference).ok_or("it has entities of its own")?;
                    document.take(&open, character.as_bytes())?;
                }
                Event::Decl(declaration) => check_encoding(&declaration)?,
                Event::DocType(_) => return Err("it has a document type"),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if roots != 1 || !open.is_empty() {
            return Err(MALFORMED);
        }
        for code in &mut document.codes {
            *code = code.trim_ascii().to_vec();
        }
        document.is_s3 = document.codes.len() == 1 && in_place == 1;
        Ok(document)
    }

    /// The code, if this is an error document of S3.
    pub(super) fn code(&self) -> Option<&[u8]> {
        let code = self.codes.first().filter(|_| self.is_s3)?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        (!code.is_empty() && code.iter().all(is_name)).then_some(code)
    }

    fn take(&mut self, open: &[Vec<u8>], text: &[u8]) -> Result<(), Doubt> {
        match open.last() {
            None if text.trim_ascii().is_empty() => return Ok(()),
            None => return Err(MALFORMED),
            Some(name) if name == b"Code" => {
                self.codes.iter_mut().last().into_iter().for_each(|code| code.extend(text));
            }
            Some(_) => {}
        }
        self.text.extend_from_slice(text);
        Ok(())
    }
}

/// One of XML's own five entities, or a character by its number.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character.to_string()),
        Ok(None) => {
            let name = std::str::from_utf8(reference).ok()?;
            resolve_xml_entity(name).map(str::to_owned)
        }
        Err(_) => None,
    }
}

/// The bytes were read as UTF-8; a declaration that says something else may make others read another text.
fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), Doubt> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name))
            if [&b"utf-8"[..], b"utf8", b"us-ascii", b"iso-8859-1"]
                .contains(&name.to_ascii_lowercase().as_slice()) =>
        {
            Ok(())
        }
        Some(_) => Err("its encoding is not known"),
    }
}
