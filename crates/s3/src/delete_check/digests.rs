//! What a head says about its body, for a body that no origin gets to compare with it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use sigv4::aws_chunked::{Checksum, ChecksumAlgorithm};
use sigv4::header::CONTENT_MD5;

/// Content-MD5 and `x-amz-checksum-*` of a request. Algorithms that are only passed on are not among them.
#[derive(Default)]
pub(super) struct StatedDigests(Vec<(Algorithm, Vec<u8>)>);

#[derive(Clone, Copy)]
enum Algorithm {
    ContentMd5,
    Checksum(ChecksumAlgorithm),
}

impl StatedDigests {
    /// Those among the headers, names and values.
    pub(super) fn of<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let stated = |(name, value): (&[u8], &[u8])| {
            let algorithm = if name.eq_ignore_ascii_case(CONTENT_MD5.as_bytes()) {
                Algorithm::ContentMd5
            } else {
                Algorithm::Checksum(ChecksumAlgorithm::of_trailer(name)?)
            };
            Some((algorithm, value.trim_ascii().to_vec()))
        };
        Self(headers.filter_map(stated).collect())
    }

    /// Compares all of them with the body.
    ///
    /// # Errors
    ///
    /// The name of one that is another body's.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), &'static str> {
        for (algorithm, stated) in &self.0 {
            let (name, digest) = match *algorithm {
                Algorithm::ContentMd5 => {
                    (CONTENT_MD5, Some(BASE64_STANDARD.encode(Md5::digest(body))))
                }
                Algorithm::Checksum(algorithm) => (algorithm.trailer(), checksum(algorithm, body)),
            };
            if digest.is_some_and(|digest| digest.as_bytes() != stated) {
                return Err(name);
            }
        }
        Ok(())
    }
}

fn checksum(algorithm: ChecksumAlgorithm, body: &[u8]) -> Option<String> {
    let mut checksum = Checksum::new(algorithm)?;
    checksum.update(body);
    Some(checksum.base64())
}
