//! One pass over the headers of a request: the ones that the protocol needs, each at most once.

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
    /// Unique, but of no interest here: what they say is authorised by the caller, who should see one value.
    content_md5: Option<&'a [u8]>,
    copy_source: Option<&'a [u8]>,
    rename_source: Option<&'a [u8]>,
}

impl<'a> ProtocolHeaders<'a> {
    /// Looks at every header once.
    ///
    /// # Errors
    ///
    /// [`HeaderError::ControlByte`], and [`HeaderError::Repeated`] for a header of which AWS would sign one value and
    /// perhaps act on another (C4).
    pub(crate) fn scan(headers: &[Header<'a>]) -> Result<Self, Error> {
        let mut head = Self::default();
        for header in headers {
            if header::has_control(header.value) {
                return Err(Error::Header(HeaderError::ControlByte { name: header.name.to_vec() }));
            }
            let Some((name, slot)) = head.slot(header.name) else { continue };
            let value = trim(header.value);
            if slot.replace(value).is_some() {
                let (name, value) = (name.into(), value.to_vec());
                return Err(Error::Header(HeaderError::Repeated { name, value }));
            }
        }
        Ok(head)
    }

    /// Whether a header of this name is one of those that are looked for.
    pub(crate) fn knows(name: &[u8]) -> bool {
        Self::default().slot(name).is_some()
    }

    /// The length decides first: most headers are compared with nothing or with one name.
    #[inline]
    fn slot(&mut self, name: &[u8]) -> Option<(&'static str, &mut Option<&'a [u8]>)> {
        let is = |own: &str| header::is(name, own);
        let (name, slot) = match name.len() {
            4 if is(header::HOST) => (header::HOST, &mut self.host),
            4 => (header::DATE, &mut self.date),
            10 => (header::X_AMZ_DATE, &mut self.x_amz_date),
            11 => (header::CONTENT_MD5, &mut self.content_md5),
            13 if is(header::AUTHORIZATION) => (header::AUTHORIZATION, &mut self.authorization),
            13 => (header::X_AMZ_TRAILER, &mut self.trailer),
            // What is not framing to nginx, since `_` stands for `-` in it, is none here either; it is not sent on.
            14 | 17 if name.contains(&b'_') && !is(header::X_AMZ_COPY_SOURCE) => return None,
            14 => (header::CONTENT_LENGTH, &mut self.content_length),
            17 if is(header::TRANSFER_ENCODING) => {
                (header::TRANSFER_ENCODING, &mut self.transfer_encoding)
            }
            17 => (header::X_AMZ_COPY_SOURCE, &mut self.copy_source),
            19 => (header::X_AMZ_RENAME_SOURCE, &mut self.rename_source),
            20 if is(header::X_AMZ_CONTENT_SHA256) => {
                (header::X_AMZ_CONTENT_SHA256, &mut self.content_sha256)
            }
            20 => (header::X_AMZ_SECURITY_TOKEN, &mut self.security_token),
            28 => (header::X_AMZ_DECODED_CONTENT_LENGTH, &mut self.decoded_length),
            _ => return None,
        };
        is(name).then_some((name, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(headers: &[(&'static str, &'static str)]) -> Result<ProtocolHeaders<'static>, Error> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| Header { name: name.as_bytes(), value: value.as_bytes() })
            .collect();
        ProtocolHeaders::scan(&headers)
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
