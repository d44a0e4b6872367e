//! Headers that there is a rule for, told by their names in one look.

use crate::bytes::{self, FoldedName, NameEnds};
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

    /// The one among names of that length.
    #[inline(never)]
    fn among(candidates: &[(NameEnds, Self)], name: &[u8]) -> Option<Self> {
        let folded = FoldedName::of(name)?;
        let (_, known) = candidates.iter().find(|(own, _)| folded.is(own))?;
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

/// A line of the table.
const fn named(name: &str, known: KnownHeader) -> (NameEnds, KnownHeader) {
    match NameEnds::of(name.as_bytes()) {
        Some(ends) => (ends, known),
        None => panic!("no name of the table is that short or long"),
    }
}

/// Declares the names of each length.
macro_rules! names {
    ($($length:literal: $($name:expr => $known:ident),+;)*) => {
        static BY_LENGTH: [&[(NameEnds, KnownHeader)]; 29] = {
            let mut names: [&[(NameEnds, KnownHeader)]; 29] = [&[]; 29];
            $(names[$length] = const { &[$(named($name, KnownHeader::$known)),+] };)*
            names
        };

        #[cfg(test)]
        pub(crate) const NAMES: &[(usize, &str, KnownHeader)] =
            &[$($(($length, $name, KnownHeader::$known)),+),*];
    };
}

names! {
    2: "te" => NeverSent;
    4: header::HOST => Host, header::DATE => Date;
    6: "cookie" => NeverSent, "expect" => NeverSent;
    7: "trailer" => NeverSent, "upgrade" => NeverSent;
    10: header::X_AMZ_DATE => XAmzDate, header::CONNECTION => Connection, "keep-alive" => NeverSent;
    11: header::CONTENT_MD5 => ContentMd5;
    12: header::CONTENT_TYPE => ContentType;
    13: header::AUTHORIZATION => Authorization, header::X_AMZ_TRAILER => Trailer, "x-http-method" => NeverSent;
    14: header::CONTENT_LENGTH => ContentLength;
    16: header::CONTENT_ENCODING => ContentEncoding, header::X_AMZ_REGION_SET => NeverSent;
    17: header::TRANSFER_ENCODING => TransferEncoding, header::X_AMZ_COPY_SOURCE => CopySource, "x-method-override" => NeverSent;
    19: header::X_AMZ_RENAME_SOURCE => RenameSource;
    20: header::X_AMZ_CONTENT_SHA256 => ContentSha256, header::X_AMZ_SECURITY_TOKEN => SecurityToken;
    21: header::X_AMZ_S3SESSION_TOKEN => NeverSent;
    22: "x-http-method-override" => NeverSent;
    28: header::X_AMZ_DECODED_CONTENT_LENGTH => DecodedLength;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_every_spelling() {
        for (length, name, known) in NAMES {
            assert_eq!(name.len(), *length, "{name}");
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
        for other in ["", "x", "user-agent", "x-amz-acl", &"x".repeat(100)] {
            assert_eq!(KnownHeader::of(other.as_bytes()), None, "{other}");
        }
    }
}
