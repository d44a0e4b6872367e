//! What of a checked body is passed on, and when.

use super::line::{Trailer, lengthen_header, replace_signature, signature_field};
use super::sink::Stretch;
use super::verifier::CheckedEvent;
use super::{
    BodyDeclaration, BodyError, Checksum, Event, FrameError, Framing, Rules, SIGNATURE_LEN, Scheme,
    Sink, Verifier,
};
use crate::bytes::hex;

/// What the origin gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The frames, as long as they came. Those of a signed body have hashes in their signature
    /// fields, for a [`Resigner`](super::Resigner); those of an unsigned one are unchanged. Where a
    /// trailer line ended in LF CRLF it ends in CRLF, and the last chunk's size has a zero more.
    Frames,
    /// The frames byte for byte, for a server that is to see what the client signed.
    AsSent,
    /// The data alone, for an origin that does not take `aws-chunked`.
    Unwrap,
}

/// First room for a chunk, in bytes: what a client gets for a header alone.
const FIRST_ROOM: usize = 16 * 1024;

/// Least bytes at the end of a chunk that are given on from the input while the chunk's beginning is withheld, instead of being
/// copied to it; a piece of its own costs as much as this copy.
const MIN_BORROWED: usize = 4096;

/// A [`Verifier`] and the bytes that it has not proven yet.
pub(super) struct Forwarding {
    plan: Plan,
    verifier: Verifier,
    /// Length of the whole body as sent, if it is known.
    content_length: Option<u64>,
    /// What is withheld: of a chunk that is being read what came with earlier inputs, then the end of the body.
    hold: Vec<u8>,
    /// Length of the header line at the start of `hold`.
    header: usize,
    /// Most bytes that `hold` needs for the chunk that is being read.
    most: usize,
}

#[derive(Clone, Copy)]
enum Plan {
    /// Signed chunks, each when it is proven; for a [`Resigner`](super::Resigner), or as sent.
    ProvenFrames { as_sent: bool },
    /// The data of signed chunks, each when it is proven, the last one at the end.
    ProvenData,
    /// Everything as it comes but the lines from the last chunk's header on.
    StreamedFrames { as_sent: bool },
    /// Data as it comes but the last byte.
    StreamedData,
}

impl Forwarding {
    pub(super) fn new(
        scheme: Scheme,
        declared: BodyDeclaration,
        mut rules: Rules,
        forward: Forward,
    ) -> Result<Self, BodyError> {
        if forward == Forward::Unwrap {
            // The trailer ends here, so what it promises is checked here or by nobody.
            rules.verify_checksum = true;
            if let Some(algorithm) =
                declared.trailer.filter(|known| Checksum::new(*known).is_none())
            {
                return Err(BodyError::TrailerNotSupported { name: algorithm.trailer() });
            }
        }
        let as_sent = forward == Forward::AsSent;
        let plan = match (scheme.framing(), forward) {
            (Framing::UnsignedTrailer, Forward::Unwrap) => Plan::StreamedData,
            (Framing::UnsignedTrailer, _) => Plan::StreamedFrames { as_sent },
            (_, Forward::Unwrap) => Plan::ProvenData,
            (_, _) => Plan::ProvenFrames { as_sent },
        };
        Ok(Self {
            plan,
            content_length: declared.content_length,
            verifier: Verifier::new(scheme, declared, rules)?,
            hold: Vec::new(),
            header: 0,
            most: 0,
        })
    }

    /// Takes the next bytes of the body and gives on what is proven.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut impl Sink) -> Result<(), BodyError> {
        if self.content_length.is_some_and(|length| self.taken(input.len()) > length) {
            return Err(self.malformed(FrameError::AfterEnd));
        }
        match self.plan {
            Plan::ProvenFrames { as_sent } => self.proven_frames(input, as_sent, out),
            Plan::ProvenData => self.proven_data(input, out),
            Plan::StreamedFrames { as_sent } => self.streamed_frames(input, as_sent, out),
            Plan::StreamedData => self.streamed_data(input, out),
        }
    }

    /// Makes the last checks and gives on what was withheld.
    pub(super) fn finish(&mut self, out: &mut impl Sink) -> Result<(), BodyError> {
        self.verifier.finish()?;
        if self.content_length.is_some_and(|length| self.taken(0) < length) {
            return Err(self.malformed(FrameError::Truncated));
        }
        release(&mut self.hold, out);
        Ok(())
    }

    pub(super) fn trailer(&self) -> Option<(&'static str, String)> {
        self.verifier.trailer()
    }

    /// Takes a buffer, perhaps one that was used before, for what is withheld: so far, nothing.
    pub(super) fn set_buffer(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.hold = buffer;
    }

    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        self.hold.clear();
        std::mem::take(&mut self.hold)
    }

    fn proven_frames(
        &mut self,
        input: &[u8],
        as_sent: bool,
        out: &mut impl Sink,
    ) -> Result<(), BodyError> {
        let mut rest = input;
        // Where the frame that is being read, or what of it comes in this input, begins here.
        let mut part = None;
        loop {
            let (carried, start) = (self.verifier.held(), taken_of(input, rest));
            let Some(CheckedEvent { event, proven, .. }) = self.verifier.next(&mut rest)? else {
                break;
            };
            match (&event, proven) {
                (Event::Header(header), None) => {
                    self.header = header.raw.len();
                    self.most = room(header.size, header.raw);
                    if carried == 0 && self.hold.is_empty() {
                        part = Some(start);
                    } else {
                        append(&mut self.hold, header.raw, self.most);
                    }
                }
                (Event::Data(_), _) => part = part.or(Some(start)),
                (Event::ChunkEnd, Some(hash)) => {
                    let hash = (!as_sent).then(|| hex::encode(&hash));
                    let part =
                        part.take().and_then(|start| input.get(start..taken_of(input, rest)));
                    self.end_frame(part.filter(|_| carried == 0), hash.as_ref(), out);
                }
                (Event::Header(_) | Event::TrailerSignature(_), Some(hash)) => {
                    let hash = (!as_sent).then(|| hex::encode(&hash));
                    let start = self.hold.len();
                    self.hold.extend_from_slice(event.raw());
                    write_hash(self.hold.get_mut(start..), hash.as_ref());
                }
                (Event::Trailer(line), _) if !as_sent => put_trailer(&mut self.hold, line),
                _ => self.hold.extend_from_slice(event.raw()),
            }
        }
        // The frame's end comes with another input. A CR that the decoder holds is given with its LF.
        let end = input.len().saturating_sub(self.verifier.held());
        if let Some(begun) = part.and_then(|start| input.get(start..end)) {
            append(&mut self.hold, begun, self.most);
        }
        Ok(())
    }

    /// Gives on a proven frame: what of it is withheld, and the rest, which is a part of the input; without one, its CRLF.
    fn end_frame(
        &mut self,
        part: Option<&[u8]>,
        hash: Option<&[u8; SIGNATURE_LEN]>,
        out: &mut impl Sink,
    ) {
        match part {
            Some(part) if self.goes_on(part) => {
                if self.hold.is_empty() {
                    return give_on(part, self.header, hash, out);
                }
                write_hash(self.hold.get_mut(..self.header), hash);
                release(&mut self.hold, out);
                out.borrowed(part);
            }
            part => {
                append(&mut self.hold, part.unwrap_or(b"\r\n"), self.most);
                write_hash(self.hold.get_mut(..self.header), hash);
                if !self.ends_message() {
                    release(&mut self.hold, out);
                }
            }
        }
    }

    /// Whether the end of a proven chunk goes on from the input: it may go on, and is worth a piece of its own.
    fn goes_on(&self, part: &[u8]) -> bool {
        (self.hold.is_empty() || part.len() >= MIN_BORROWED) && !self.ends_message()
    }

    fn proven_data(&mut self, input: &[u8], out: &mut impl Sink) -> Result<(), BodyError> {
        let mut rest = input;
        // What of a chunk's data lies in this input.
        let mut part = None;
        loop {
            let start = taken_of(input, rest);
            let Some(CheckedEvent { event, all_data, .. }) = self.verifier.next(&mut rest)? else {
                break;
            };
            match event {
                Event::Header(header) => self.most = room(header.size, &[]),
                Event::Data(_) => part = Some(start..taken_of(input, rest)),
                Event::ChunkEnd if !all_data => {
                    let part = part.take().and_then(|data| input.get(data)).unwrap_or_default();
                    if self.goes_on(part) && !part.is_empty() {
                        release(&mut self.hold, out);
                        out.borrowed(part);
                    } else {
                        append(&mut self.hold, part, self.most);
                        release(&mut self.hold, out);
                    }
                }
                _ => {}
            }
        }
        if let Some(part) = part.and_then(|data| input.get(data)) {
            append(&mut self.hold, part, self.most);
        }
        Ok(())
    }

    fn streamed_frames(
        &mut self,
        input: &[u8],
        as_sent: bool,
        out: &mut impl Sink,
    ) -> Result<(), BodyError> {
        let mut rest = input;
        let mut run = Stretch::new(input, self.verifier.held());
        while let Some(CheckedEvent { event, .. }) = self.verifier.next(&mut rest)? {
            let end = match &event {
                Event::ChunkEnd | Event::Data(_) => false,
                Event::Header(header) => header.size == 0,
                Event::End | Event::Trailer(_) | Event::TrailerSignature(_) => true,
            };
            if end {
                run.leave_out(rest, out);
                match &event {
                    Event::Trailer(line) if !as_sent => put_trailer(&mut self.hold, line),
                    _ => self.hold.extend_from_slice(event.raw()),
                }
            } else {
                run.pass(&event, rest, out);
            }
        }
        if self.ends_message() {
            self.hold.extend(run.withhold_last());
        }
        run.flush(out);
        Ok(())
    }

    fn streamed_data(&mut self, mut input: &[u8], out: &mut impl Sink) -> Result<(), BodyError> {
        while let Some(CheckedEvent { event, all_data, .. }) = self.verifier.next(&mut input)? {
            let Event::Data(data) = event else { continue };
            let pass = match data.split_last() {
                Some((&last, start)) if all_data => {
                    self.hold.push(last);
                    start
                }
                _ => data,
            };
            if !pass.is_empty() {
                out.borrowed(pass);
            }
        }
        Ok(())
    }

    /// Whether the last event ends at the end of the message. Such a body may lack its last chunk,
    /// and yet what has come would be a whole message for the origin: its last byte must wait for
    /// the verdict like any other end.
    fn ends_message(&self) -> bool {
        self.content_length.is_some_and(|length| self.verifier.offset() >= length)
    }

    /// Bytes taken so far and `more`.
    fn taken(&self, more: usize) -> u64 {
        let held = self.verifier.held().saturating_add(more) as u64;
        self.verifier.offset().saturating_add(held)
    }

    fn malformed(&self, fault: FrameError) -> BodyError {
        BodyError::MalformedFrame { offset: self.verifier.offset(), fault }
    }
}

/// How many bytes of `input` are taken when `rest` is left.
fn taken_of(input: &[u8], rest: &[u8]) -> usize {
    input.len().saturating_sub(rest.len())
}

/// Room for a frame with this much data and these lines.
fn room(size: u64, header: &[u8]) -> usize {
    let lines = header.len().saturating_add(b"\r\n".len());
    usize::try_from(size).unwrap_or(usize::MAX).saturating_add(lines)
}

/// Appends to a buffer that grows with what has come, not with what was declared, and to no more
/// than `most` bytes.
fn append(hold: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let needed = hold.len().saturating_add(bytes.len());
    if needed > hold.capacity() {
        let target =
            needed.max(hold.capacity().saturating_mul(2)).max(FIRST_ROOM).min(most.max(needed));
        hold.reserve_exact(target.saturating_sub(hold.len()));
    }
    hold.extend_from_slice(bytes);
}

fn release(hold: &mut Vec<u8>, out: &mut impl Sink) {
    if !hold.is_empty() {
        out.buffered(hold);
    }
    hold.clear();
}

/// Appends a trailer to the last chunk's header, which `hold` begins with.
///
/// minio-go ends the line in LF CRLF, which AWS and MinIO take and Swift and others do not. All take
/// CRLF; but the length of the message is declared, so the byte that goes comes back as a leading
/// zero of the last chunk's size. (A blank behind the value would do for some only: MinIO hashes it
/// as a part of a signed trailer.)
fn put_trailer(hold: &mut Vec<u8>, line: &Trailer<'_>) {
    match line.without_line_feed() {
        Some(text) if lengthen_header(hold) => {
            hold.extend_from_slice(text);
            hold.extend_from_slice(b"\r\n");
        }
        _ => hold.extend_from_slice(line.raw),
    }
}

/// Puts a hash, if there is one to be put, where the signature stands in `line`.
fn write_hash(line: Option<&mut [u8]>, hash: Option<&[u8; SIGNATURE_LEN]>) {
    if let (Some(line), Some(hash)) = (line, hash) {
        replace_signature(line, hash);
    }
}

/// Gives on a frame that lies in the input, whose line is `header` bytes long, with the hash, if there is one to be put, where the
/// signature stands.
fn give_on(frame: &[u8], header: usize, hash: Option<&[u8; SIGNATURE_LEN]>, out: &mut impl Sink) {
    let parts = hash.zip(signature_field(header)).and_then(|(hash, field)| {
        let (size, rest) = frame.split_at_checked(field.start)?;
        let (claimed, rest) = rest.split_at_checked(field.len())?;
        Some((size, claimed, hash, rest))
    });
    let Some((size, claimed, hash, rest)) = parts else { return out.borrowed(frame) };
    out.borrowed(size);
    out.replaced(claimed, hash);
    out.borrowed(rest);
}
