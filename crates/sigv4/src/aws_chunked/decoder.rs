//! The framing of an `aws-chunked` body: bytes in, events out.
//!
//! Knows the grammar and nothing else: no hash, no key, no declared length. Data is never copied;
//! a line is copied only when a slice ended within it.

use crate::bytes;

use super::line::{ChunkHeader, Trailer, TrailerSignature};
use super::{BodyError, FrameError, MAX_LINE, MAX_TRAILER_BYTES, MAX_TRAILER_LINES, TrailerError};

/// Which of the three grammars a body follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: every chunk has a signature, there is no trailer.
    Signed,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: chunks and trailer have signatures.
    SignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: nothing has a signature.
    UnsignedTrailer,
}

impl Framing {
    /// Whether chunks have signatures.
    pub fn is_signed(self) -> bool {
        self != Self::UnsignedTrailer
    }
}

/// A piece of a body; it borrows from the input, or from the decoder where a line was split.
///
/// The raw bytes of all events, one after the other, are the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The CRLF after a chunk's data.
    ChunkEnd,
    /// A piece of a chunk's data, never empty.
    Data(&'a [u8]),
    /// The empty line that ends the body.
    End,
    /// The line that starts a chunk.
    Header(ChunkHeader<'a>),
    /// A trailer.
    Trailer(Trailer<'a>),
    /// The trailer's signature.
    TrailerSignature(TrailerSignature<'a>),
}

impl<'a> Event<'a> {
    /// The bytes as sent.
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Self::ChunkEnd | Self::End => b"\r\n",
            Self::Data(data) => data,
            Self::Header(header) => header.raw,
            Self::Trailer(trailer) => trailer.raw,
            Self::TrailerSignature(signature) => signature.raw,
        }
    }
}

/// Splits a body into [`Event`]s.
///
/// ```
/// use sigv4::aws_chunked::{Decoder, Event, Framing};
///
/// let mut decoder = Decoder::new(Framing::UnsignedTrailer);
/// let mut data = Vec::new();
/// for mut slice in [&b"4\r"[..], b"\nab", b"cd\r\n0\r\n\r\n"] {
///     while let Some(event) = decoder.next(&mut slice)? {
///         if let Event::Data(bytes) = event {
///             data.extend_from_slice(bytes);
///         }
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(data, b"abcd");
/// # Ok::<(), sigv4::aws_chunked::BodyError>(())
/// ```
pub struct Decoder {
    framing: Framing,
    state: DecoderState,
    /// Start of a line that a slice cut; at most [`MAX_LINE`] bytes.
    fragment: Vec<u8>,
    /// Whether `fragment` holds a whole line that an event has already given out.
    spent: bool,
    /// Bytes of the body before the current event.
    offset: u64,
    trailer_lines: usize,
    trailer_bytes: usize,
}

#[derive(Clone, Copy)]
enum DecoderState {
    /// Only the empty line may come.
    Blank,
    Data {
        left: u64,
    },
    DataEnd {
        carriage_return: bool,
    },
    End,
    Failed,
    Header,
    Trailer,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            state: DecoderState::Header,
            fragment: Vec::new(),
            spent: false,
            offset: 0,
            trailer_lines: 0,
            trailer_bytes: 0,
        }
    }

    /// Takes the next event off the front of `input`; `None` when all of it is taken and more is
    /// needed.
    ///
    /// # Errors
    ///
    /// [`BodyError::MalformedFrame`] and [`BodyError::MalformedTrailer`]. After one, every call is
    /// an error.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, BodyError> {
        if self.spent {
            self.fragment.clear();
            self.spent = false;
        }
        let offset = self.offset;
        let frame = |fault| BodyError::MalformedFrame { offset, fault };
        // Until a step has named its successor the decoder has failed, so that no way out can leave
        // a state behind from which a peer's bytes would be read anew.
        match std::mem::replace(&mut self.state, DecoderState::Failed) {
            DecoderState::Header => {
                let Some(raw) =
                    take_line(&mut self.fragment, &mut self.spent, input, Ending::LineFeed)
                        .map_err(frame)?
                else {
                    self.state = DecoderState::Header;
                    return Ok(None);
                };
                let line = content(raw).ok_or(frame(FrameError::BareLineFeed))?;
                // With a signature where there has to be one: a chunk without would be a downgrade.
                let header =
                    ChunkHeader::parse(raw, line, self.framing.is_signed()).map_err(frame)?;
                self.state = match (header.size, self.framing) {
                    // Nothing vouches for a trailer of this kind, so none may come.
                    (0, Framing::Signed) => DecoderState::Blank,
                    (0, _) => DecoderState::Trailer,
                    (left, _) => DecoderState::Data { left },
                };
                self.offset = advance(offset, raw);
                Ok(Some(Event::Header(header)))
            }
            DecoderState::Data { left } => {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(most);
                let left = left.saturating_sub(data.len() as u64);
                self.state = if left == 0 {
                    DecoderState::DataEnd { carriage_return: false }
                } else {
                    DecoderState::Data { left }
                };
                *input = rest;
                self.offset = advance(offset, data);
                // An empty input is no event: the caller would take it for data.
                Ok((!data.is_empty()).then_some(Event::Data(data)))
            }
            DecoderState::DataEnd { mut carriage_return } => {
                while let Some((&byte, rest)) = input.split_first() {
                    *input = rest;
                    match (byte, carriage_return) {
                        (b'\r', false) => carriage_return = true,
                        (b'\n', true) => {
                            self.state = DecoderState::Header;
                            self.offset = advance(offset, b"\r\n");
                            return Ok(Some(Event::ChunkEnd));
                        }
                        _ => return Err(frame(FrameError::DataEnd)),
                    }
                }
                self.state = DecoderState::DataEnd { carriage_return };
                Ok(None)
            }
            state @ (DecoderState::Trailer | DecoderState::Blank) => {
                // A trailer may have a bare LF before its CRLF; elsewhere one is a fault.
                let ending = match &state {
                    DecoderState::Trailer => Ending::CrLf,
                    _ => Ending::LineFeed,
                };
                let line = take_line(&mut self.fragment, &mut self.spent, input, ending);
                let Some(raw) = line.map_err(|_| trailer(TrailerError::TooLong))? else {
                    self.state = state;
                    return Ok(None);
                };
                let line = content(raw).ok_or(trailer(TrailerError::BareLineFeed))?;
                self.offset = advance(offset, raw);
                let before_signature = matches!(state, DecoderState::Trailer);
                if line.is_empty() {
                    // A signed trailer without its signature is no trailer that merely lacks
                    // something: nothing vouches for it.
                    if before_signature && self.framing.is_signed() {
                        return Err(frame(FrameError::TrailerSignature));
                    }
                    self.state = DecoderState::End;
                    return Ok(Some(Event::End));
                }
                match (before_signature, self.framing) {
                    (true, _) => {}
                    (false, Framing::Signed) => return Err(frame(FrameError::AfterEnd)),
                    (false, _) => return Err(trailer(TrailerError::AfterSignature)),
                }
                // Counted before they are parsed: a section of lines that are none is bounded, too.
                self.trailer_lines = self.trailer_lines.saturating_add(1);
                self.trailer_bytes = self.trailer_bytes.saturating_add(raw.len());
                if self.trailer_lines > MAX_TRAILER_LINES {
                    return Err(trailer(TrailerError::TooManyLines));
                }
                if self.trailer_bytes > MAX_TRAILER_BYTES {
                    return Err(trailer(TrailerError::TooLong));
                }
                let field = Trailer::parse(raw, line).map_err(trailer)?;
                let signature =
                    if self.framing.is_signed() { field.into_signature() } else { None };
                Ok(Some(match signature {
                    Some(signature) => {
                        let signature = signature.map_err(frame)?;
                        self.state = DecoderState::Blank;
                        Event::TrailerSignature(signature)
                    }
                    None => {
                        self.state = DecoderState::Trailer;
                        Event::Trailer(field)
                    }
                }))
            }
            DecoderState::End if input.is_empty() => {
                self.state = DecoderState::End;
                Ok(None)
            }
            // The origin would take it for its next request.
            DecoderState::End => Err(frame(FrameError::AfterEnd)),
            DecoderState::Failed => Err(frame(FrameError::Failed)),
        }
    }

    /// Says that no more bytes come.
    ///
    /// The empty line at the end may be absent where no signed trailer stands before it, as S3 has
    /// it.
    ///
    /// # Errors
    ///
    /// [`FrameError::Truncated`] when the body is not complete.
    pub fn finish(&self) -> Result<(), BodyError> {
        let optional = match (self.state, self.framing) {
            (DecoderState::End, _) => return Ok(()),
            (DecoderState::Blank, Framing::Signed)
            | (DecoderState::Trailer, Framing::UnsignedTrailer) => true,
            _ => false,
        };
        // With bytes held, a line has begun that nobody will end.
        if optional && self.held() == 0 {
            return Ok(());
        }
        Err(BodyError::MalformedFrame { offset: self.offset, fault: FrameError::Truncated })
    }

    /// Where the next event begins, in bytes from the start of the body.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes were taken from inputs and are in no event yet; the next event's raw bytes
    /// begin with them.
    pub fn held(&self) -> usize {
        let line = if self.spent { 0 } else { self.fragment.len() };
        let end = matches!(self.state, DecoderState::DataEnd { carriage_return: true });
        line.saturating_add(usize::from(end))
    }
}

fn trailer(fault: TrailerError) -> BodyError {
    BodyError::MalformedTrailer { fault }
}

/// Bodies are far shorter than 2^64 bytes; the offset only serves messages, so it may stick.
fn advance(offset: u64, raw: &[u8]) -> u64 {
    offset.saturating_add(raw.len() as u64)
}

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// CR LF alone: an LF without a CR is a part of the line.
    CrLf,
    /// Any LF; whether a CR stands before it is looked at later.
    LineFeed,
}

/// Takes a line, LF included, off `input`, with what `fragment` holds of it before; `None` if it is
/// not complete.
fn take_line<'a, 'i: 'a>(
    fragment: &'a mut Vec<u8>,
    spent: &mut bool,
    input: &mut &'i [u8],
    ending: Ending,
) -> Result<Option<&'a [u8]>, FrameError> {
    let room = MAX_LINE.saturating_sub(fragment.len());
    let end = find_end(fragment, input.get(..room).unwrap_or(input), ending);
    let Some((line, rest)) = end.and_then(|end| input.split_at_checked(end.saturating_add(1)))
    else {
        if input.len() >= room {
            return Err(FrameError::LineTooLong);
        }
        fragment.extend_from_slice(input);
        *input = &[];
        return Ok(None);
    };
    *input = rest;
    if fragment.is_empty() {
        return Ok(Some(line));
    }
    fragment.extend_from_slice(line);
    *spent = true;
    Ok(Some(fragment))
}

/// Where the LF stands that ends the line which `fragment` begins and `text` goes on with.
fn find_end(fragment: &[u8], text: &[u8], ending: Ending) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = bytes::find(text.get(from..)?, b'\n')?.checked_add(from)?;
        let before = end.checked_sub(1).map_or(fragment.last(), |before| text.get(before));
        if ending == Ending::LineFeed || before == Some(&b'\r') {
            return Some(end);
        }
        from = end.checked_add(1)?;
    }
}

/// The line without its CRLF; `None` if it ends in LF alone.
fn content(raw: &[u8]) -> Option<&[u8]> {
    raw.strip_suffix(b"\r\n")
}
