//! Headers that there is a rule for, told by their names in one look.

use crate::bytes;
use crate::header;

/// A header whose name says more than that of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownHeader {
    Authorization,
    Connection,
    ContentEncoding,
    ContentLength,
    ContentMd5,
    ContentSha256,
    ContentType,
    CopySource,
    Date,
    DecodedLength,
    Host,
    /// The connection's own business, a way to change the method, or authentication of another kind; never sent to an origin.
    NeverSent,
    RenameSource,
    SecurityToken,
    Trailer,
    TransferEncoding,
    XAmzDate,
}

impl KnownHeader {
    /// By a name in any case, with `_` or `-`. The length comes first: most names are compared with none or one.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        match BY_LENGTH.get(name.len()) {
            None | Some([]) => None,
            Some(candidates) => Self::among(candidates, name),
        }
    }

    /// The one among names of that length, most of which differ in their last letters.
    #[inline(never)]
    fn among(candidates: &[(&str, Self)], name: &[u8]) -> Option<Self> {
        let last = bytes::fold(*name.last()?);
        let is = |own: &str| own.as_bytes().last() == Some(&last) && header::is(name, own);
        let (_, known) = candidates.iter().find(|(own, _)| is(own))?;
        match known {
            // What is not framing to nginx, since `_` stands for `-` in it, is none here either, but might be at a server behind
            // a CGI-like interface.
            Self::ContentLength | Self::TransferEncoding if bytes::find(name, b'_').is_some() => {
                Some(Self::NeverSent)
            }
            known => Some(*known),
        }
    }
}

/// The names of each length.
static BY_LENGTH: [&[(&str, KnownHeader)]; 29] = {
    use KnownHeader::NeverSent;
    let mut names: [&[(&str, KnownHeader)]; 29] = [&[]; 29];
    names[2] = &[("te", NeverSent)];
    names[4] = &[(header::HOST, KnownHeader::Host), (header::DATE, KnownHeader::Date)];
    names[6] = &[("cookie", NeverSent), ("expect", NeverSent)];
    names[7] = &[("trailer", NeverSent), ("upgrade", NeverSent)];
    names[10] = &[
        (header::X_AMZ_DATE, KnownHeader::XAmzDate),
        (header::CONNECTION, KnownHeader::Connection),
        ("keep-alive", NeverSent),
    ];
    names[11] = &[(header::CONTENT_MD5, KnownHeader::ContentMd5)];
    names[12] = &[(header::CONTENT_TYPE, KnownHeader::ContentType)];
    names[13] = &[
        (header::AUTHORIZATION, KnownHeader::Authorization),
        (header::X_AMZ_TRAILER, KnownHeader::Trailer),
        ("x-http-method", NeverSent),
    ];
    names[14] = &[(header::CONTENT_LENGTH, KnownHeader::ContentLength)];
    names[16] = &[
        (header::CONTENT_ENCODING, KnownHeader::ContentEncoding),
        (header::X_AMZ_REGION_SET, NeverSent),
    ];
    names[17] = &[
        (header::TRANSFER_ENCODING, KnownHeader::TransferEncoding),
        (header::X_AMZ_COPY_SOURCE, KnownHeader::CopySource),
        ("x-method-override", NeverSent),
    ];
    names[19] = &[(header::X_AMZ_RENAME_SOURCE, KnownHeader::RenameSource)];
    names[20] = &[
        (header::X_AMZ_CONTENT_SHA256, KnownHeader::ContentSha256),
        (header::X_AMZ_SECURITY_TOKEN, KnownHeader::SecurityToken),
    ];
    names[21] = &[(header::X_AMZ_S3SESSION_TOKEN, NeverSent)];
    names[22] = &[("x-http-method-override", NeverSent)];
    names[28] = &[(header::X_AMZ_DECODED_CONTENT_LENGTH, KnownHeader::DecodedLength)];
    names
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_every_spelling() {
        for (length, names) in BY_LENGTH.iter().enumerate() {
            for (name, known) in *names {
                assert_eq!(name.len(), length, "{name}");
                for spelling in [name.to_string(), name.to_ascii_uppercase()] {
                    assert_eq!(KnownHeader::of(spelling.as_bytes()), Some(*known), "{spelling}");
                    let underscored = spelling.replace('-', "_");
                    let expected = match known {
                        KnownHeader::ContentLength | KnownHeader::TransferEncoding => {
                            KnownHeader::NeverSent
                        }
                        known => *known,
                    };
                    assert_eq!(KnownHeader::of(underscored.as_bytes()), Some(expected), "{name}");
                }
                let other = format!("{}~", &name[1..]);
                assert_eq!(KnownHeader::of(other.as_bytes()), None, "{other}");
            }
        }
        for other in ["", "x", "user-agent", "x-amz-acl", &"x".repeat(100)] {
            assert_eq!(KnownHeader::of(other.as_bytes()), None, "{other}");
        }
    }
}
