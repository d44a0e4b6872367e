//! Splits XML into tags and what stands between them, whatever pieces it comes in.
//!
//! Where a thing ends is quick-xml's knowledge; this holds a tag until it is whole, and nothing else: text, comments and
//! sections go on in the pieces that they came in.

use quick_xml::parser::{ElementParser, Parser, PiParser};

use super::AnswerError;

/// Longest tag, in bytes. S3's have some dozens, with a namespace 80.
const MAX_TAG: usize = 4 << 10;

/// What stands next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum XmlPiece<'a> {
    /// The beginning of a tag or the like; the rest is to come.
    Nothing,
    /// A part of a comment, a declaration or a processing instruction.
    Other(&'a [u8]),
    /// A whole tag, from `<` to `>`.
    Tag(&'a [u8]),
    /// A part of the text between tags, with the marks of CDATA sections.
    Text(&'a [u8]),
    /// `<!DOCTYPE`, which no answer of S3 has.
    DocType(&'a [u8]),
}

/// Reads XML in pieces.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    /// The beginning of what cannot be handed on yet, or what was handed on last.
    held: Vec<u8>,
    /// Whether `held` was handed on.
    is_over: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// After `<`: not yet known of what.
    Opening,
    Tag(ElementParser),
    Instruction(PiParser),
    Comment(Mark),
    Section(Mark),
}

impl Scanner {
    /// What stands next in `input`, which has at least one byte, and how many of its bytes that took.
    pub(super) fn step<'s>(
        &'s mut self,
        input: &'s [u8],
    ) -> Result<(XmlPiece<'s>, usize), AnswerError> {
        if std::mem::take(&mut self.is_over) {
            self.held.clear();
        }
        match &mut self.state {
            State::Text => Ok(self.text(input)),
            State::Opening => self.opening(input),
            State::Tag(parser) => {
                let end = parser.feed(input).map(|at| at.saturating_add(1));
                let part = up_to(input, end);
                if self.held.len().saturating_add(part.len()) > MAX_TAG {
                    return Err(AnswerError::TooLarge);
                }
                self.held.extend_from_slice(part);
                if end.is_none() {
                    return Ok((XmlPiece::Nothing, part.len()));
                }
                self.state = State::Text;
                self.is_over = true;
                Ok((XmlPiece::Tag(&self.held), part.len()))
            }
            State::Instruction(parser) => {
                let end = parser.feed(input).map(|at| at.saturating_add(1));
                Ok(self.streamed(input, end, XmlPiece::Other))
            }
            State::Comment(mark) => {
                let end = mark.feed(input);
                Ok(self.streamed(input, end, XmlPiece::Other))
            }
            State::Section(mark) => {
                let end = mark.feed(input);
                Ok(self.streamed(input, end, XmlPiece::Text))
            }
        }
    }

    /// What was taken and not handed on.
    pub(super) fn held(&self) -> &[u8] {
        if self.is_over { b"" } else { &self.held }
    }

    /// Whether nothing has begun that has not ended.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Text)
    }

    /// Hands on what there is, up to the end of the thing that it is a part of, if that is here.
    fn streamed<'s>(
        &mut self,
        input: &'s [u8],
        end: Option<usize>,
        piece: fn(&'s [u8]) -> XmlPiece<'s>,
    ) -> (XmlPiece<'s>, usize) {
        if end.is_some() {
            self.state = State::Text;
        }
        let part = up_to(input, end);
        (piece(part), part.len())
    }

    fn text<'s>(&mut self, input: &'s [u8]) -> (XmlPiece<'s>, usize) {
        match input.iter().position(|&byte| byte == b'<') {
            Some(0) => {
                self.held.push(b'<');
                self.state = State::Opening;
                (XmlPiece::Nothing, 1)
            }
            at => {
                let text = up_to(input, at);
                (XmlPiece::Text(text), text.len())
            }
        }
    }

    /// Takes one byte more, until they tell what has begun.
    fn opening<'s>(&'s mut self, input: &[u8]) -> Result<(XmlPiece<'s>, usize), AnswerError> {
        let Some(&byte) = input.first() else { return Ok((XmlPiece::Nothing, 0)) };
        self.held.push(byte);
        let is_beginning_of = |whole: &[u8]| whole.starts_with(&self.held);
        match self.held.get(1) {
            Some(b'?') => {
                self.state = State::Instruction(PiParser::default());
                self.is_over = true;
                Ok((XmlPiece::Other(&self.held), 1))
            }
            Some(b'!') if self.held == b"<!--" => {
                self.state = State::Comment(Mark::new(b'-'));
                self.is_over = true;
                Ok((XmlPiece::Other(&self.held), 1))
            }
            Some(b'!') if self.held == b"<![CDATA[" => {
                self.state = State::Section(Mark::new(b']'));
                self.is_over = true;
                Ok((XmlPiece::Text(&self.held), 1))
            }
            Some(b'!') if self.held.eq_ignore_ascii_case(b"<!DOCTYPE") => {
                self.is_over = true;
                Ok((XmlPiece::DocType(&self.held), 1))
            }
            Some(b'!')
                if is_beginning_of_doctype(&self.held)
                    || is_beginning_of(b"<!--")
                    || is_beginning_of(b"<![CDATA[") =>
            {
                Ok((XmlPiece::Nothing, 1))
            }
            Some(b'/') => {
                self.state = State::Tag(ElementParser::default());
                Ok((XmlPiece::Nothing, 1))
            }
            // ASCII that may begin a name, or any letter beyond.
            Some(byte) if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..) => {
                self.state = State::Tag(ElementParser::default());
                Ok((XmlPiece::Nothing, 1))
            }
            _ => {
                self.held.pop();
                Err(AnswerError::Malformed)
            }
        }
    }
}

/// HTML writes it in either case.
fn is_beginning_of_doctype(held: &[u8]) -> bool {
    b"<!DOCTYPE".get(..held.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(held))
}

fn up_to(input: &[u8], end: Option<usize>) -> &[u8] {
    end.and_then(|end| input.get(..end)).unwrap_or(input)
}

/// Looks for the end of a comment (`-->`) or a section (`]]>`): twice a byte, and `>`.
#[derive(Debug)]
struct Mark {
    byte: u8,
    /// How many of `byte` stood last, up to two.
    count: u8,
}

impl Mark {
    fn new(byte: u8) -> Self {
        Self { byte, count: 0 }
    }

    /// Where the end has ended, if it is here.
    fn feed(&mut self, input: &[u8]) -> Option<usize> {
        for (at, &byte) in input.iter().enumerate() {
            if byte == b'>' && self.count == 2 {
                return Some(at.saturating_add(1));
            }
            self.count = if byte == self.byte { self.count.saturating_add(1).min(2) } else { 0 };
        }
        None
    }
}
