//! The framing of `Transfer-Encoding: chunked` (RFC 9112, 7.1), taken off as it comes.

use std::mem;

/// Takes the framing of `Transfer-Encoding: chunked` off.
#[derive(Debug, Default)]
pub struct Chunks {
    /// How much of the chunk's data is still to come.
    left: u64,
    /// What came of a line that is not complete.
    line: Vec<u8>,
    /// Whether the line that comes is the end of a chunk's data.
    after_data: bool,
    is_over: bool,
}

impl Chunks {
    /// Longest line, extensions included.
    const MAX_LINE: usize = 4096;

    /// Hands the data on; whether the last chunk was reached, or none where a line is no chunk's.
    pub fn feed(&mut self, mut bytes: &[u8], mut data: impl FnMut(&[u8])) -> Option<bool> {
        while !bytes.is_empty() && !self.is_over {
            if self.left > 0 {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (part, rest) = bytes.split_at_checked(count)?;
                data(part);
                self.left = self.left.saturating_sub(count as u64);
                self.after_data = self.left == 0;
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let count = end.map_or(bytes.len(), |end| end.saturating_add(1));
            let (part, rest) = bytes.split_at_checked(count)?;
            self.line.extend_from_slice(part);
            bytes = rest;
            let most = if self.after_data { b"\r\n".len() } else { Self::MAX_LINE };
            if self.line.len() > most {
                return None;
            }
            if end.is_some() {
                self.line()?;
            }
        }
        Some(self.is_over)
    }

    fn line(&mut self) -> Option<()> {
        let line = mem::take(&mut self.line);
        if mem::take(&mut self.after_data) {
            return (line == b"\r\n").then_some(());
        }
        match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => {
                self.left = size;
                self.is_over = size == 0;
                Some(())
            }
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }
}
