//! Query parameter names of the protocol, each written once. Names are case-sensitive.

use crate::header;

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

/// What a parameter is to authentication, by its canonical name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One of presigned Signature V4, which is never forwarded (4).
    V4(Field),
    /// One of presigned Signature V2.
    V2(Field),
    /// Any other of `x-amz-*`, or of another vendor's, in any case: it stands for a header.
    Header,
    /// None of these.
    Other,
}

/// What the value of such a parameter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Algorithm,
    ContentSha256,
    Credential,
    Date,
    Expires,
    SecurityToken,
    Signature,
    SignedHeaders,
    /// Something that is not looked at.
    Ignored,
}

impl Role {
    /// The length decides first: a name is compared with one or two.
    pub(crate) fn of(name: &[u8]) -> Self {
        let is = |own: &str| name == own.as_bytes();
        match name.len() {
            7 if is(EXPIRES) => Self::V2(Field::Expires),
            9 if is(SIGNATURE) => Self::V2(Field::Signature),
            10 if is(X_AMZ_DATE) => Self::V4(Field::Date),
            13 if is(X_AMZ_EXPIRES) => Self::V4(Field::Expires),
            14 if is(AWS_ACCESS_KEY_ID) => Self::V2(Field::Credential),
            15 if is(X_AMZ_ALGORITHM) => Self::V4(Field::Algorithm),
            15 if is(X_AMZ_SIGNATURE) => Self::V4(Field::Signature),
            16 if is(X_AMZ_CREDENTIAL) => Self::V4(Field::Credential),
            16 if is(X_AMZ_REGION_SET) => Self::V4(Field::Ignored),
            19 if is(X_AMZ_SIGNED_HEADERS) => Self::V4(Field::SignedHeaders),
            20 if is(X_AMZ_CONTENT_SHA256) => Self::V4(Field::ContentSha256),
            20 if is(X_AMZ_SECURITY_TOKEN) => Self::V4(Field::SecurityToken),
            21 if is(X_AMZ_S3SESSION_TOKEN) => Self::V4(Field::Ignored),
            _ if header::is_order(name) => Self::Header,
            _ => Self::Other,
        }
    }
}

/// Which parameter of presigned Signature V4 a name is when ASCII case is ignored, and for `_` in the place of `-`. Names that are one to the letter have a [`Role`].
pub(crate) fn v4_ignore_ascii_case(name: &[u8]) -> Option<Field> {
    let find =
        |(own, field): &(&str, Field)| header::is_same(name, own.as_bytes()).then_some(*field);
    V4.iter().find_map(find)
}

const V4: [(&str, Field); 10] = [
    (X_AMZ_ALGORITHM, Field::Algorithm),
    (X_AMZ_CONTENT_SHA256, Field::ContentSha256),
    (X_AMZ_CREDENTIAL, Field::Credential),
    (X_AMZ_DATE, Field::Date),
    (X_AMZ_EXPIRES, Field::Expires),
    (X_AMZ_REGION_SET, Field::Ignored),
    (X_AMZ_S3SESSION_TOKEN, Field::Ignored),
    (X_AMZ_SECURITY_TOKEN, Field::SecurityToken),
    (X_AMZ_SIGNATURE, Field::Signature),
    (X_AMZ_SIGNED_HEADERS, Field::SignedHeaders),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles() {
        let check = |names: &[&str], expected: fn(Role) -> bool| {
            for name in names {
                let role = Role::of(name.as_bytes());
                assert!(expected(role), "{name}: {role:?}");
            }
        };
        for (name, field) in V4 {
            assert_eq!(Role::of(name.as_bytes()), Role::V4(field), "{name}");
            let lower = name.to_ascii_lowercase();
            assert_eq!(Role::of(lower.as_bytes()), Role::Header, "{lower}");
            assert_eq!(v4_ignore_ascii_case(lower.as_bytes()), Some(field), "{lower}");
            let underscored = lower.replace('-', "_");
            assert_eq!(Role::of(underscored.as_bytes()), Role::Header, "{underscored}");
            assert_eq!(v4_ignore_ascii_case(underscored.as_bytes()), Some(field), "{underscored}");
        }
        assert_eq!(v4_ignore_ascii_case(b"x-amz-acl"), None);
        check(&[AWS_ACCESS_KEY_ID, EXPIRES, SIGNATURE], |role| matches!(role, Role::V2(_)));
        check(&["x-amz-acl", "X_Amz_Meta-a", "x-amz-", "X-Goog-Acl"], |role| role == Role::Header);
        check(&["", "expires", "signature", "acl", "x-amzn"], |role| role == Role::Other);
    }
}
