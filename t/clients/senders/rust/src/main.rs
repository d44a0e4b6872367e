//! Uploads, downloads and presigned URLs with the AWS SDK for Rust, for `../run.py` and `../presigned.py`:
//!
//! ```text
//! sdk-sender put KEY=FILE ...
//! sdk-sender get KEY=FILE ...
//! sdk-sender presign-put|presign-get|presign-head KEY=        prints the URL
//! sdk-sender presign-part KEY=UPLOAD_ID          for part 1
//! ```
//!
//! Bodies are files, which the SDK reads while it sends: over http that makes signed chunks with a trailer.

use std::env::{args, var};
use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use sdk_sender::{PART, client, multipart};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, bucket) = (client()?, var("BUCKET")?);
    let operation = args().nth(1).unwrap_or_default();
    for pair in args().skip(2) {
        let (key, file) = pair.split_once('=').ok_or("KEY=FILE expected")?;
        match operation.as_str() {
            "put" if std::fs::metadata(file)?.len() > PART => {
                multipart(&client, &bucket, key, file).await?
            }
            "put" => {
                let body = ByteStream::from_path(file).await?;
                client.put_object().bucket(&bucket).key(key).body(body).send().await?;
            }
            "get" => {
                let answer = client.get_object().bucket(&bucket).key(key).send().await?;
                tokio::fs::write(file, answer.body.collect().await?.into_bytes()).await?;
            }
            "presign-put" | "presign-get" | "presign-head" | "presign-part" => {
                println!("{}", presigned(&client, &bucket, &operation, key, file).await?);
            }
            _ => return Err("put, get or presign-* expected".into()),
        }
    }
    Ok(())
}

/// A URL that a client without the SDK can use: whatever headers it needs would be missing there, so none may be.
async fn presigned(
    client: &Client,
    bucket: &str,
    operation: &str,
    key: &str,
    id: &str,
) -> Result<String, Box<dyn Error>> {
    let config = PresigningConfig::expires_in(Duration::from_secs(600))?;
    let request = match operation {
        "presign-put" => client.put_object().bucket(bucket).key(key).presigned(config).await?,
        "presign-get" => client.get_object().bucket(bucket).key(key).presigned(config).await?,
        "presign-head" => client.head_object().bucket(bucket).key(key).presigned(config).await?,
        _ => {
            let part = client.upload_part().bucket(bucket).key(key).upload_id(id);
            part.part_number(1).presigned(config).await?
        }
    };
    match request.headers().next() {
        Some((name, _)) => Err(format!("the URL needs a header: {name}").into()),
        None => Ok(request.uri().to_owned()),
    }
}
