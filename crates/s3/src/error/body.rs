//! Errors that are found while a request's body streams.

use sigv4::aws_chunked::BodyError;

use crate::{ErrorCode, S3Error};

impl S3Error {
    /// What S3 says about a fault in a body, found by the filters of [`sigv4::aws_chunked`].
    ///
    /// A wrong chunk signature is reported like the request's own, except that there is no canonical request.
    pub fn from_body(error: &BodyError) -> Self {
        match error {
            BodyError::ChecksumMismatch { name, expected, calculated } => {
                let algorithm = name.trim_start_matches("x-amz-checksum-").to_ascii_uppercase();
                Self::new(ErrorCode::BadDigest)
                    .with_message(format!(
                        "The {algorithm} you specified did not match the calculated checksum."
                    ))
                    .with_member("ExpectedDigest", expected)
                    .with_member("CalculatedDigest", calculated)
            }
            BodyError::ChunkTooLarge { size, limit } => Self::entity_too_large(*size, *limit)
                .with_message("A chunk is too large to be verified here."),
            BodyError::IncompleteBody { expected, provided } => {
                Self::new(ErrorCode::IncompleteBody)
                    .with_member("NumberBytesExpected", expected.to_string())
                    .with_member("NumberBytesProvided", provided.to_string())
            }
            BodyError::InvalidChunkSize { chunk, size } => {
                Self::new(ErrorCode::InvalidChunkSizeError)
                    .with_member("Chunk", chunk.to_string())
                    .with_member("BadChunkSize", size.to_string())
            }
            BodyError::InvalidTrailerValue { name } => Self::new(ErrorCode::InvalidRequest)
                .with_message(format!("Value for {name} trailing header is invalid.")),
            BodyError::MalformedFrame { .. } => Self::incomplete_body(),
            BodyError::MalformedTrailer { .. } => Self::malformed_trailer(),
            BodyError::PayloadMismatch { claimed, calculated } => {
                Self::new(ErrorCode::XAmzContentSHA256Mismatch)
                    .with_member("ClientComputedContentSHA256", claimed)
                    .with_member("S3ComputedContentSHA256", calculated)
            }
            BodyError::SignatureMismatch { access_key, string_to_sign, provided } => {
                Self::from_sigv4(&sigv4::Error::Signature(sigv4::SignatureError::Mismatch {
                    access_key: access_key.clone(),
                    string_to_sign: string_to_sign.clone(),
                    provided: provided.clone(),
                    canonical_request: Vec::new(),
                }))
            }
            BodyError::TrailerNotSupported { .. } => Self::unsupported_trailer(),
            // The enum may grow before this match does; a body that is at fault is never complete.
            _ => Self::incomplete_body(),
        }
    }

    /// The upload is larger than is accepted; sizes in bytes. S3 says 400 here, not 413.
    pub fn entity_too_large(proposed: u64, max: u64) -> Self {
        Self::new(ErrorCode::EntityTooLarge)
            .with_member("ProposedSize", proposed.to_string())
            .with_member("MaxSizeAllowed", max.to_string())
    }

    /// The body ends early, goes on too long, or is not framed as declared.
    pub fn incomplete_body() -> Self {
        Self::new(ErrorCode::IncompleteBody)
    }

    /// The trailers are not those that were declared, or not trailers at all.
    pub(super) fn malformed_trailer() -> Self {
        Self::new(ErrorCode::MalformedTrailerError)
    }

    /// `x-amz-trailer` declares something that is not a checksum.
    pub(super) fn unsupported_trailer() -> Self {
        Self::new(ErrorCode::InvalidRequest)
            .with_message("The value specified in the x-amz-trailer header is not supported")
    }
}

impl From<&BodyError> for S3Error {
    fn from(error: &BodyError) -> Self {
        Self::from_body(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: BodyError, status: u16, code: &str, members: &[(&str, &str)]) {
        let error = S3Error::from_body(&error);
        assert_eq!((error.status(), error.code()), (status, code));
        let expected: Vec<_> =
            members.iter().map(|&(name, value)| (name, value.as_bytes())).collect();
        assert_eq!(error.members().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn bodies() {
        let name = "x-amz-checksum-crc32";
        check(
            BodyError::ChecksumMismatch { name, expected: "a".into(), calculated: "b".into() },
            400,
            "BadDigest",
            &[("ExpectedDigest", "a"), ("CalculatedDigest", "b")],
        );
        check(
            BodyError::ChunkTooLarge { size: 9, limit: 8 },
            400,
            "EntityTooLarge",
            &[("ProposedSize", "9"), ("MaxSizeAllowed", "8")],
        );
        check(
            BodyError::IncompleteBody { expected: 2, provided: 1 },
            400,
            "IncompleteBody",
            &[("NumberBytesExpected", "2"), ("NumberBytesProvided", "1")],
        );
        check(
            BodyError::InvalidChunkSize { chunk: 2, size: 1 },
            403,
            "InvalidChunkSizeError",
            &[("Chunk", "2"), ("BadChunkSize", "1")],
        );
        check(BodyError::InvalidTrailerValue { name }, 400, "InvalidRequest", &[]);
        check(
            BodyError::PayloadMismatch { claimed: "aa".into(), calculated: "bb".into() },
            400,
            "XAmzContentSHA256Mismatch",
            &[("ClientComputedContentSHA256", "aa"), ("S3ComputedContentSHA256", "bb")],
        );
        check(
            BodyError::SignatureMismatch {
                access_key: b"AK".to_vec(),
                string_to_sign: b"AB".to_vec(),
                provided: b"c".to_vec(),
            },
            403,
            "SignatureDoesNotMatch",
            &[
                ("AWSAccessKeyId", "AK"),
                ("StringToSign", "AB"),
                ("StringToSignBytes", "41 42"),
                ("SignatureProvided", "c"),
            ],
        );
        check(
            BodyError::TrailerNotSupported { name: "x-amz-checksum-md5" },
            400,
            "InvalidRequest",
            &[],
        );
    }
}
