//! Codes that errors of S3's may have, as a set with a bound: for counters, whose labels nobody else may invent.

/// In the order of their names: those of Amazon's API reference ("Error responses"), and of other stores what they add for objects.
const KNOWN: &[&str] = &[
    "AccessControlListNotSupported",
    "AccessDenied",
    "AccessPointAlreadyOwnedByYou",
    "AccountProblem",
    "AllAccessDisabled",
    "AmbiguousGrantByEmailAddress",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "BadDigest",
    "BadRequest",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "BucketHasAccessPointsAttached",
    "BucketNotEmpty",
    "ConditionalRequestConflict",
    "ConnectionClosedByRequester",
    "CredentialsNotSupported",
    "CrossLocationLoggingProhibited",
    "EntityTooLarge",
    "EntityTooSmall",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "IllegalVersioningConfigurationException",
    "IncompleteBody",
    "IncorrectEndpoint",
    "IncorrectNumberOfFilesInPostRequest",
    "InlineDataTooLarge",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidAddressingHeader",
    "InvalidArgument",
    "InvalidBucketName",
    "InvalidBucketOwnerAWSAccountID",
    "InvalidBucketState",
    "InvalidChunkSizeError",
    "InvalidDigest",
    "InvalidEncryptionAlgorithmError",
    "InvalidHostHeader",
    "InvalidHttpMethod",
    "InvalidLocationConstraint",
    "InvalidObjectState",
    "InvalidPart",
    "InvalidPartNumber",
    "InvalidPartOrder",
    "InvalidPayer",
    "InvalidPolicyDocument",
    "InvalidRange",
    "InvalidRegion",
    "InvalidRequest",
    "InvalidSOAPRequest",
    "InvalidSecurity",
    "InvalidSessionException",
    "InvalidSignature",
    "InvalidStorageClass",
    "InvalidTag",
    "InvalidTargetBucketForLogging",
    "InvalidToken",
    "InvalidURI",
    "KMS.DisabledException",
    "KMS.InvalidKeyUsageException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
    "KeyTooLongError",
    "MalformedACLError",
    "MalformedPOSTRequest",
    "MalformedPolicy",
    "MalformedTrailerError",
    "MalformedXML",
    "MaxMessageLengthExceeded",
    "MaxPostPreDataLengthExceededError",
    "MetadataTooLarge",
    "MethodNotAllowed",
    "MissingAttachment",
    "MissingAuthenticationToken",
    "MissingContentLength",
    "MissingRequestBodyError",
    "MissingSecurityElement",
    "MissingSecurityHeader",
    "NoLoggingStatusForKey",
    "NoSuchAccessPoint",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchObjectLockConfiguration",
    "NoSuchTagSet",
    "NoSuchUpload",
    "NoSuchVersion",
    "NoSuchWebsiteConfiguration",
    "NotDeviceOwnerError",
    "NotImplemented",
    "NotModified",
    "NotSignedUp",
    "ObjectLockConfigurationNotFoundError",
    "OperationAborted",
    "OwnershipControlsNotFoundError",
    "PermanentRedirect",
    "PreconditionFailed",
    "QuotaExceeded",
    "Redirect",
    "ReplicationConfigurationNotFoundError",
    "RequestExpired",
    "RequestHeaderSectionTooLarge",
    "RequestIsNotMultiPartContent",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "RequestTorrentOfBucketError",
    "ResponseInterrupted",
    "RestoreAlreadyInProgress",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "StorageFull",
    "TemporaryRedirect",
    "TokenCodeInvalidError",
    "TokenRefreshRequired",
    "TooManyAccessPoints",
    "TooManyBuckets",
    "TooManyParts",
    "TooManyRequests",
    "UnauthorizedAccess",
    "UnexpectedContent",
    "UnsupportedArgument",
    "UnsupportedSignature",
    "UserKeyMustBeSpecified",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
    "XMinioServerNotInitialized",
];

/// The code if it is known, and else `other`.
pub fn known_code(code: &[u8]) -> &'static str {
    KNOWN.iter().find(|known| known.as_bytes() == code).copied().unwrap_or("other")
}

/// How far a document's code is looked for, in bytes.
const NEAR: usize = 1024;

/// The code of the document that begins so; none where there is none near. What it says is for no more than counting.
pub fn code_in(document: &[u8]) -> Option<&[u8]> {
    const OPEN: &[u8] = b"<Code>";
    let document = document.get(..NEAR.min(document.len()))?;
    let start = document.windows(OPEN.len()).position(|window| window == OPEN)?;
    let code = document.get(start.checked_add(OPEN.len())?..)?;
    code.get(..code.iter().position(|byte| *byte == b'<')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn what_is_known_is_itself_and_all_else_is_one() {
        assert_eq!(known_code(b"NoSuchKey"), "NoSuchKey");
        assert_eq!(
            known_code(ErrorCode::XAmzContentSHA256Mismatch.as_str().as_bytes()),
            "XAmzContentSHA256Mismatch"
        );
        for code in ["", "nosuchkey", "NoSuchKey ", "AnythingElse"] {
            assert_eq!(known_code(code.as_bytes()), "other");
        }
        let mut once = KNOWN.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), KNOWN.len());
    }

    #[test]
    fn a_code_is_found_near_the_beginning_only() {
        let far = [b" ".repeat(NEAR).as_slice(), b"<Code>NoSuchKey</Code>"].concat();
        for (document, code) in [
            (&b"<?xml?><Error><Code>NoSuchKey</Code></Error>"[..], Some(&b"NoSuchKey"[..])),
            (b"<Error><Code></Code>", Some(b"")),
            (b"<Error><Code>NoSuch", None),
            (b"", None),
            (&far, None),
        ] {
            assert_eq!(code_in(document), code);
        }
    }
}
