//! Where checked bytes go.

use super::Event;

/// Takes the bytes that a [`BodyFilter`](super::BodyFilter) or a [`Resigner`](super::Resigner)
/// gives on, in order.
///
/// The methods differ in who owns the bytes, so that an implementation may refer to them instead of
/// copying. No method is called without bytes.
pub trait Sink {
    /// Bytes that are a part of the slice which the caller just gave in: they live as long as that
    /// slice does.
    fn borrowed(&mut self, bytes: &[u8]);

    /// Bytes that live until this call returns.
    fn copied(&mut self, bytes: &[u8]);

    /// Bytes that live until this call returns, in the place of `original`, which is as long and a
    /// part of the slice that the caller just gave in. An implementation that refers to that slice
    /// may write them there, once nobody reads it any more: a frame whose signature alone changes
    /// then goes on without a copy.
    fn replaced(&mut self, original: &[u8], bytes: &[u8]) {
        let _ = original;
        self.copied(bytes);
    }

    /// Bytes in the filter's own buffer. An implementation may take the vector and leave another
    /// one, empty, in its place, which saves a copy of each chunk; what stays in it is discarded.
    fn buffered(&mut self, bytes: &mut Vec<u8>) {
        self.copied(bytes);
    }
}

impl Sink for Vec<u8> {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Gives stretches of one input on in as few pieces as possible while some events are left out.
pub(super) struct Stretch<'i> {
    input: &'i [u8],
    /// What of the input is not given on yet.
    from: usize,
    to: usize,
    /// Bytes of the first event that came with earlier inputs.
    carried: usize,
}

impl<'i> Stretch<'i> {
    /// `carried` is [`Decoder::held`](super::Decoder::held) before the input is decoded.
    pub(super) fn new(input: &'i [u8], carried: usize) -> Self {
        Self { input, from: 0, to: 0, carried }
    }

    /// Lets `event` pass; `rest` is what follows it in the input.
    pub(super) fn pass(&mut self, event: &Event<'_>, rest: &[u8], out: &mut impl Sink) {
        match event.raw().get(..std::mem::take(&mut self.carried)) {
            None | Some([]) => {}
            Some(start) => out.copied(start),
        }
        self.to = self.input.len().saturating_sub(rest.len());
    }

    /// Leaves `event` out, after what passed before it went on.
    pub(super) fn leave_out(&mut self, rest: &[u8], out: &mut impl Sink) {
        self.flush(out);
        self.carried = 0;
        self.from = self.input.len().saturating_sub(rest.len());
        self.to = self.from;
    }

    /// Takes back the last byte of what passed since the last flush.
    pub(super) fn withhold_last(&mut self) -> Option<u8> {
        let (&last, start) = self.input.get(self.from..self.to)?.split_last()?;
        self.to = self.from.saturating_add(start.len());
        Some(last)
    }

    /// Gives on what passed.
    pub(super) fn flush(&mut self, out: &mut impl Sink) {
        match self.input.get(self.from..self.to) {
            None | Some([]) => {}
            Some(bytes) => out.borrowed(bytes),
        }
        self.from = self.to;
    }
}
