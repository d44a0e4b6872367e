//! One origin: s3s-fs below s3s, with the few places mended where it differs from S3 in ways that tests would trip over.
//!
//! Every verdict on a signature, a digest or a chunk is s3s's own; nothing here makes a wrong one pass. What is added:
//!
//! - s3s-fs answers 500 to a body that fails verification; here it is the 400 or 403 that S3 gives.
//! - s3s-fs stores `Content-Encoding: aws-chunked` and would hand it to readers; S3 takes that word off.
//! - s3s takes a signature for any region; here the region may be fixed.
//! - Listings lack what clients rely on; see [`listing`].
//!
//! Known and left alone: a signature may cover the path as it was sent instead of its canonical form; a missing last
//! chunk (size 0) goes unnoticed; an object whose checksum is wrong is refused but stays stored; tags, policies, versions
//! and the like are 501. OpenStack Swift, the other origin of the tests, is stricter about chunks and checksums.

mod listing;

use async_trait::async_trait;
use hyper::StatusCode;
use s3s::auth::SimpleAuth;
use s3s::dto::{CreateMultipartUploadInput, PutObjectInput};
use s3s::host::SingleDomain;
use s3s::region::Region;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;

use crate::StartFailure;
use crate::args::OriginConfig;

/// Makes the directories that `config` asks for and the service that verifies and serves.
pub(crate) fn service(config: &OriginConfig) -> Result<S3Service, StartFailure> {
    for bucket in &config.buckets {
        if !s3s::path::check_bucket_name(bucket) {
            return Err(format!("\"{bucket}\" is no bucket name"));
        }
    }
    let directories = config.buckets.iter().map(|bucket| config.root.join(bucket));
    for directory in directories.chain([config.root.clone()]) {
        std::fs::create_dir_all(&directory)
            .map_err(|e| format!("cannot create {}: {e}", directory.display()))?;
    }
    let files = FileSystem::new(&config.root)
        .map_err(|e| format!("cannot use {}: {e:?}", config.root.display()))?;
    let region = config
        .region
        .as_deref()
        .map(|name| Region::new(name.into()).map_err(|e| e.to_string()))
        .transpose()?;

    let mut builder = S3ServiceBuilder::new(TestOrigin { files, region });
    builder.set_auth(SimpleAuth::from_single(&*config.access_key, config.secret_key.expose()));
    if let Some(domain) = &config.domain {
        builder.set_host(SingleDomain::new(domain).map_err(|e| format!("\"{domain}\": {e}"))?);
    }
    Ok(builder.build())
}

struct TestOrigin {
    files: FileSystem,
    region: Option<Region>,
}

/// Inputs whose `Content-Encoding` is kept with the object.
trait Encoded {
    fn content_encoding(&mut self) -> &mut Option<String>;
}

impl Encoded for CreateMultipartUploadInput {
    fn content_encoding(&mut self) -> &mut Option<String> {
        &mut self.content_encoding
    }
}

impl Encoded for PutObjectInput {
    fn content_encoding(&mut self) -> &mut Option<String> {
        &mut self.content_encoding
    }
}

impl TestOrigin {
    /// Refuses a signature whose scope names another region, in S3's words. SigV2 names none and passes.
    fn check_region<T>(&self, request: &S3Request<T>) -> S3Result<()> {
        match (&self.region, &request.region) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(S3Error::with_message(
                S3ErrorCode::AuthorizationHeaderMalformed,
                format!(
                    "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
                    theirs.as_str(),
                    ours.as_str()
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// Takes "aws-chunked", a transfer detail, out of the encoding that is stored.
fn without_aws_chunked(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    if kept.is_empty() { None } else { Some(kept.join(",")) }
}

/// Gives the error of a body that s3s has rejected its S3 code. The error types are private to s3s, so their text, which
/// the exact version in Cargo.toml fixes, is all there is to go by.
fn worded(error: S3Error) -> S3Error {
    let Some(cause) = error.source().map(ToString::to_string) else { return error };
    let code = match cause.as_str() {
        // s3s has no name for this one, hence the status beside it.
        "UploadStreamError: Sha256Mismatch" => {
            let mut error = S3Error::new(S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()));
            error.set_status_code(StatusCode::BAD_REQUEST);
            error.set_message(cause);
            return error;
        }
        "UploadStreamError: LengthMismatch" | "AwsChunkedStreamError: Incomplete" => {
            S3ErrorCode::IncompleteBody
        }
        "AwsChunkedStreamError: SignatureMismatch" => S3ErrorCode::SignatureDoesNotMatch,
        other if other.starts_with("AwsChunkedStreamError: ") => S3ErrorCode::InvalidRequest,
        _ => return error,
    };
    S3Error::with_message(code, cause)
}

/// Hands operations on to s3s-fs: `encoded` ones have a stored encoding, `listing` ones are completed on the way back (with
/// the words that `encoding-type` concerns in parentheses), the `plain` ones pass as they are.
macro_rules! operations {
    (encoded { $($encoded:ident($encoded_in:ident) -> $encoded_out:ident,)* }
     listing { $($listing:ident($listing_in:ident) -> $listing_out:ident($($word:ident),*),)* }
     plain { $($plain:ident($plain_in:ident) -> $plain_out:ident,)* }) => {
        #[async_trait]
        impl S3 for TestOrigin {
            $(async fn $encoded(
                &self,
                mut request: S3Request<s3s::dto::$encoded_in>,
            ) -> S3Result<S3Response<s3s::dto::$encoded_out>> {
                self.check_region(&request)?;
                let encoding = request.input.content_encoding();
                *encoding = without_aws_chunked(encoding.take());
                self.files.$encoded(request).await.map_err(worded)
            })*
            $(async fn $listing(
                &self,
                mut request: S3Request<s3s::dto::$listing_in>,
            ) -> S3Result<S3Response<s3s::dto::$listing_out>> {
                self.check_region(&request)?;
                listing::without_empty(&mut request.input.delimiter);
                let bucket = request.input.bucket.clone();
                let caller = request.clone().map_input(|_| ());
                let mut response = self.files.$listing(request).await.map_err(worded)?;
                let page = &mut response.output;
                listing::add_etags(&self.files, &caller, &bucket, &mut page.contents).await?;
                listing::encode(
                    page.encoding_type.as_ref(),
                    &mut page.contents,
                    &mut page.common_prefixes,
                    &mut [$(&mut page.$word),*],
                );
                Ok(response)
            })*
            $(async fn $plain(
                &self,
                request: S3Request<s3s::dto::$plain_in>,
            ) -> S3Result<S3Response<s3s::dto::$plain_out>> {
                self.check_region(&request)?;
                self.files.$plain(request).await.map_err(worded)
            })*
        }
    };
}

// All that s3s-fs implements; s3s answers 501 to the rest.
operations! {
    encoded {
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput,
        put_object(PutObjectInput) -> PutObjectOutput,
    }
    listing {
        list_objects(ListObjectsInput) -> ListObjectsOutput(delimiter, marker, next_marker, prefix),
        list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output(delimiter, prefix, start_after),
    }
    plain {
        abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput,
        complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput,
        copy_object(CopyObjectInput) -> CopyObjectOutput,
        create_bucket(CreateBucketInput) -> CreateBucketOutput,
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput,
        delete_object(DeleteObjectInput) -> DeleteObjectOutput,
        delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput,
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput,
        get_object(GetObjectInput) -> GetObjectOutput,
        head_bucket(HeadBucketInput) -> HeadBucketOutput,
        head_object(HeadObjectInput) -> HeadObjectOutput,
        list_buckets(ListBucketsInput) -> ListBucketsOutput,
        list_parts(ListPartsInput) -> ListPartsOutput,
        upload_part(UploadPartInput) -> UploadPartOutput,
        upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_chunked_is_not_stored() {
        let check = |sent: &str, stored: Option<&str>| {
            assert_eq!(without_aws_chunked(Some(sent.to_owned())).as_deref(), stored, "{sent}");
        };
        check("aws-chunked", None);
        check("AWS-Chunked,gzip", Some("gzip"));
        check("gzip, aws-chunked", Some("gzip"));
        check("gzip,br", Some("gzip,br"));
        check("", None);
        assert_eq!(without_aws_chunked(None), None);
    }
}
