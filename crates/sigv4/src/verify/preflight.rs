//! Which OPTIONS requests may be a browser's question and nothing else.

use crate::target::param::{Field, Role};
use crate::{Error, TargetBuffers};

/// Whether a query is that of a preflight, which carries no authentication of its own: it shows no sign of any, or it is that of
/// a whole presigned URL. Browsers ask at the very URL that they are going to use, which was presigned for another method.
///
/// What shows a part of authentication is no such question, and has to verify (C6).
///
/// # Errors
///
/// As [`canonical_target`](crate::canonical_target).
pub fn may_be_preflight(target: &[u8], buffers: &mut TargetBuffers) -> Result<bool, Error> {
    let target = buffers.parse(target, false)?;
    let query = target.query();
    let signs = query.signs();
    Ok(match (signs.v4, signs.v2) {
        (false, false) => true,
        (true, false) => V4.iter().all(|field| query.has(Role::V4(*field))),
        (false, true) => V2.iter().all(|field| query.has(Role::V2(*field))),
        (true, true) => false,
    })
}

const V2: [Field; 3] = [Field::Credential, Field::Expires, Field::Signature];
const V4: [Field; 6] = [
    Field::Algorithm,
    Field::Credential,
    Field::Date,
    Field::Expires,
    Field::Signature,
    Field::SignedHeaders,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_nothing() {
        let ask = |target: &str| may_be_preflight(target.as_bytes(), &mut TargetBuffers::default());
        let v4 = "X-Amz-Algorithm=a&X-Amz-Credential=a&X-Amz-Date=a&X-Amz-Expires=1\
            &X-Amz-SignedHeaders=host&X-Amz-Signature=a";
        let v2 = "AWSAccessKeyId=a&Expires=1&Signature=a";
        for whole in ["", "acl", v4, v2, "Expires=1", "X-Amz-Date=1"] {
            assert_eq!(ask(&format!("/b/k?{whole}")), Ok(true), "{whole}");
        }
        for url in [v4, v2] {
            let parameters: Vec<_> = url.split('&').collect();
            for left_out in &parameters {
                let part: Vec<_> =
                    parameters.iter().filter(|one| *one != left_out).copied().collect();
                assert_eq!(ask(&format!("/b/k?{}", part.join("&"))), Ok(false), "{left_out}");
            }
        }
        for odd in ["x-amz-credential=a", "X-Amz-Credential=a", &format!("{v4}&{v2}")] {
            assert_eq!(ask(&format!("/b/k?{odd}")), Ok(false), "{odd}");
        }
        assert!(ask("/b/%zz").is_err());
    }
}
