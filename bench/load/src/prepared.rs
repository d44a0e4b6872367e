//! A request that is signed and ready to be sent, and how far it was sent.

use std::io::{self, IoSlice, Write};
use std::ops::Range;

use crate::payload::BLOCK;

/// A piece of a request.
#[derive(Clone, Debug)]
enum Part {
    /// Bytes of this request: its head, or a chunk's header.
    Own(Range<usize>),
    /// So many bytes of the common body, from where the last such part ended.
    Data(u64),
}

/// A whole request.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    own: Vec<u8>,
    parts: Vec<Part>,
}

/// How far a request was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendProgress {
    part: usize,
    /// Within the part.
    offset: u64,
    /// Of the common body.
    data: u64,
}

/// Most pieces in one system call.
const SLICES: usize = 16;
/// Most bytes in one system call; more does not fit into a socket's buffer anyway.
const AT_ONCE: u64 = 1 << 20;

impl Prepared {
    /// Appends bytes of the request's own.
    pub(crate) fn own(&mut self, bytes: &[u8]) {
        let start = self.own.len();
        self.own.extend_from_slice(bytes);
        let end = self.own.len();
        match self.parts.last_mut() {
            Some(Part::Own(range)) => range.end = end,
            _ => self.parts.push(Part::Own(start..end)),
        }
    }

    /// Appends bytes of the common body.
    pub(crate) fn data(&mut self, length: u64) {
        if length > 0 {
            self.parts.push(Part::Data(length));
        }
    }

    /// Appends another one's pieces.
    pub(crate) fn append(&mut self, other: Prepared) {
        for part in other.parts {
            match part {
                Part::Own(range) => self.own(&other.own[range]),
                Part::Data(length) => self.data(length),
            }
        }
    }

    /// Sends what the socket takes; the answer is whether all of it is sent.
    pub(crate) fn send(
        &self,
        progress: &mut SendProgress,
        block: &[u8],
        socket: &mut impl Write,
    ) -> io::Result<bool> {
        while progress.part < self.parts.len() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.gather(*progress, block, &mut slices);
            match socket.write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => self.advance(progress, sent as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn gather<'a>(
        &'a self,
        mut at: SendProgress,
        block: &'a [u8],
        slices: &mut [IoSlice<'a>],
    ) -> usize {
        let (mut count, mut total) = (0, 0);
        while count < slices.len() && total < AT_ONCE {
            let bytes = match self.parts.get(at.part) {
                Some(Part::Own(range)) => &self.own[range.clone()][at.offset as usize..],
                Some(Part::Data(length)) => {
                    let start = (at.data % BLOCK as u64) as usize;
                    let left = (length - at.offset).min((BLOCK - start) as u64);
                    &block[start..start + left as usize]
                }
                None => break,
            };
            slices[count] = IoSlice::new(bytes);
            count += 1;
            total += bytes.len() as u64;
            self.advance(&mut at, bytes.len() as u64);
        }
        count
    }

    fn advance(&self, progress: &mut SendProgress, mut sent: u64) {
        while let Some(part) = self.parts.get(progress.part) {
            let (length, is_data) = match part {
                Part::Own(range) => (range.len() as u64, false),
                Part::Data(length) => (*length, true),
            };
            let step = sent.min(length - progress.offset);
            progress.offset += step;
            progress.data += if is_data { step } else { 0 };
            sent -= step;
            if progress.offset < length {
                return;
            }
            progress.part += 1;
            progress.offset = 0;
        }
    }
}
