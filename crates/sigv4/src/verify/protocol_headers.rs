//! One pass over the headers of a request: the ones that the protocol needs, each at most once.

use crate::canonical::signed_lines::bit;
use crate::error::shown;
use crate::header::known::KnownHeader;
use crate::header::{self, trim};
use crate::{Error, Header, HeaderError};

/// Values, trimmed, of the headers that steer authentication and body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProtocolHeaders<'a> {
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) content_length: Option<&'a [u8]>,
    pub(crate) content_sha256: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
    pub(crate) decoded_length: Option<&'a [u8]>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) security_token: Option<&'a [u8]>,
    pub(crate) trailer: Option<&'a [u8]>,
    pub(crate) transfer_encoding: Option<&'a [u8]>,
    pub(crate) x_amz_date: Option<&'a [u8]>,
    /// Numbers, as [`bit`]s, of the headers that a signature must cover (C3); of the first 64.
    pub(crate) must_be_signed: u64,
    /// Unique, but of no interest here: what they say is authorised by the caller, who should see one value.
    content_md5: Option<&'a [u8]>,
    copy_source: Option<&'a [u8]>,
    rename_source: Option<&'a [u8]>,
}

impl<'a> ProtocolHeaders<'a> {
    /// Looks at every header once. `self`, which is large enough to be filled in its place, has none before.
    ///
    /// # Errors
    ///
    /// [`HeaderError::ControlByte`], and [`HeaderError::Repeated`] for a header of which AWS would sign one value and
    /// perhaps act on another (C4).
    pub(crate) fn scan(&mut self, headers: &[Header<'a>]) -> Result<(), Error> {
        for (number, header) in headers.iter().enumerate() {
            if header::has_control(header.value) {
                return Err(control_byte(header));
            }
            let known = KnownHeader::of(header.name);
            if must_be_signed(known, header.name) {
                self.must_be_signed |= bit(number);
            }
            let Some(slot) = known.and_then(|known| self.slot(known)) else { continue };
            if slot.replace(trim(header.value)).is_some() {
                return Err(repeated(header));
            }
        }
        Ok(())
    }

    /// Whether a header of this name is one of those that are looked for.
    pub(crate) fn knows(name: &[u8]) -> bool {
        KnownHeader::of(name).is_some_and(|known| Self::default().slot(known).is_some())
    }

    #[inline]
    fn slot(&mut self, known: KnownHeader) -> Option<&mut Option<&'a [u8]>> {
        Some(match known {
            KnownHeader::Authorization => &mut self.authorization,
            KnownHeader::ContentLength => &mut self.content_length,
            KnownHeader::ContentMd5 => &mut self.content_md5,
            KnownHeader::ContentSha256 => &mut self.content_sha256,
            KnownHeader::CopySource => &mut self.copy_source,
            KnownHeader::Date => &mut self.date,
            KnownHeader::DecodedLength => &mut self.decoded_length,
            KnownHeader::Host => &mut self.host,
            KnownHeader::RenameSource => &mut self.rename_source,
            KnownHeader::SecurityToken => &mut self.security_token,
            KnownHeader::Trailer => &mut self.trailer,
            KnownHeader::TransferEncoding => &mut self.transfer_encoding,
            KnownHeader::XAmzDate => &mut self.x_amz_date,
            KnownHeader::Connection
            | KnownHeader::ContentEncoding
            | KnownHeader::ContentType
            | KnownHeader::NeverSent => return None,
        })
    }
}

/// Whether a signature must cover a header of this name, which is known or not: [`header::must_be_signed`], of most without
/// another look at the name.
#[inline]
fn must_be_signed(known: Option<KnownHeader>, name: &[u8]) -> bool {
    match known {
        Some(
            KnownHeader::ContentMd5
            | KnownHeader::CopySource
            | KnownHeader::DecodedLength
            | KnownHeader::Host
            | KnownHeader::RenameSource
            | KnownHeader::SecurityToken
            | KnownHeader::Trailer
            | KnownHeader::XAmzDate,
        ) => true,
        Some(
            KnownHeader::Authorization
            | KnownHeader::Connection
            | KnownHeader::ContentEncoding
            | KnownHeader::ContentLength
            | KnownHeader::ContentSha256
            | KnownHeader::ContentType
            | KnownHeader::Date
            | KnownHeader::TransferEncoding,
        ) => false,
        Some(KnownHeader::NeverSent) | None => header::is_order(name),
    }
}

#[cold]
fn control_byte(header: &Header<'_>) -> Error {
    Error::Header(HeaderError::ControlByte { name: shown(header.name) })
}

/// Of a header of the protocol: the name is told as the protocol writes it.
#[cold]
fn repeated(header: &Header<'_>) -> Error {
    let name = header::folded(header.name).collect();
    Error::Header(HeaderError::Repeated { name, value: trim(header.value).to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::known::NAMES;

    fn scan(headers: &[(&'static str, &'static str)]) -> Result<ProtocolHeaders<'static>, Error> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| Header { name: name.as_bytes(), value: value.as_bytes() })
            .collect();
        let mut head = ProtocolHeaders::default();
        head.scan(&headers).map(|()| head)
    }

    #[test]
    fn what_must_be_signed_is_told_by_its_name() {
        for (_, name, known) in NAMES {
            for name in [name.to_string(), name.to_ascii_uppercase(), name.replace('-', "_")] {
                let found = must_be_signed(KnownHeader::of(name.as_bytes()), name.as_bytes());
                assert_eq!(found, header::must_be_signed(name.as_bytes()), "{name} {known:?}");
            }
        }
    }

    #[test]
    fn every_slot_is_reachable_and_unique() {
        for name in [
            header::AUTHORIZATION,
            header::CONTENT_LENGTH,
            header::CONTENT_MD5,
            header::DATE,
            header::HOST,
            header::TRANSFER_ENCODING,
            header::X_AMZ_CONTENT_SHA256,
            header::X_AMZ_COPY_SOURCE,
            header::X_AMZ_DATE,
            header::X_AMZ_DECODED_CONTENT_LENGTH,
            header::X_AMZ_RENAME_SOURCE,
            header::X_AMZ_SECURITY_TOKEN,
            header::X_AMZ_TRAILER,
        ] {
            assert!(scan(&[(name, "a")]).is_ok());
            let upper = name.to_ascii_uppercase().leak();
            let error =
                Error::Header(HeaderError::Repeated { name: name.into(), value: b"b".to_vec() });
            assert_eq!(scan(&[(name, "a"), (upper, " b ")]).unwrap_err(), error, "{name}");
            let underscored = name.replace('-', "_").leak();
            let is_framing = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(&name);
            assert_eq!(scan(&[(name, "a"), (underscored, "b")]).is_ok(), is_framing, "{name}");
        }
        assert!(scan(&[("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")]).is_ok());
    }
}
