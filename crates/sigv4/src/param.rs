//! Query parameter names of the protocol, each written once. Names are case-sensitive.

/// Algorithm of a presigned request.
pub const X_AMZ_ALGORITHM: &str = "X-Amz-Algorithm";
/// Payload hash or keyword of a presigned request.
pub const X_AMZ_CONTENT_SHA256: &str = "X-Amz-Content-Sha256";
/// Access key id and credential scope of a presigned request.
pub const X_AMZ_CREDENTIAL: &str = "X-Amz-Credential";
/// Date of a presigned request.
pub const X_AMZ_DATE: &str = "X-Amz-Date";
/// Seconds for which a presigned request is valid.
pub const X_AMZ_EXPIRES: &str = "X-Amz-Expires";
/// Regions of a presigned SigV4A request.
pub const X_AMZ_REGION_SET: &str = "X-Amz-Region-Set";
/// Session token of a directory bucket in a presigned request.
pub const X_AMZ_S3SESSION_TOKEN: &str = "X-Amz-S3session-Token";
/// Session token of temporary credentials in a presigned request.
pub const X_AMZ_SECURITY_TOKEN: &str = "X-Amz-Security-Token";
/// Signature of a presigned request; the one parameter that is not signed.
pub const X_AMZ_SIGNATURE: &str = "X-Amz-Signature";
/// Signed header names of a presigned request.
pub const X_AMZ_SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";

/// Access key id of a request presigned with Signature V2.
pub const AWS_ACCESS_KEY_ID: &str = "AWSAccessKeyId";
/// Last second, since 1970, of a request presigned with Signature V2.
pub const EXPIRES: &str = "Expires";
/// Signature of a request presigned with Signature V2.
pub const SIGNATURE: &str = "Signature";
