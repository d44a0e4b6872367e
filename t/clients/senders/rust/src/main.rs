//! Uploads, downloads and presigned URLs with the AWS SDK for Rust, for `../run.py` and `../presigned.py`:
//!
//! ```text
//! sdk-sender put KEY=FILE ...
//! sdk-sender get KEY=FILE ...
//! sdk-sender presign-put|presign-get|presign-head KEY=        prints the URL
//! sdk-sender presign-part KEY=UPLOAD_ID          for part 1
//! ```
//!
//! The endpoint and the key stand in `ENDPOINT`, `REGION`, `BUCKET`, `ACCESS_KEY`, `SECRET_KEY`; `CA` names the file of the
//! authority. Bodies are files, which the SDK reads while it sends: over http that makes signed chunks with a trailer.

use std::env::{args, var};
use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_http_client::{Builder, tls};

const PART: u64 = 5 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, bucket) = (client()?, var("BUCKET")?);
    let operation = args().nth(1).unwrap_or_default();
    for pair in args().skip(2) {
        let (key, file) = pair.split_once('=').ok_or("KEY=FILE expected")?;
        match operation.as_str() {
            "put" if std::fs::metadata(file)?.len() > PART => {
                parts(&client, &bucket, key, file).await?
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

fn client() -> Result<Client, Box<dyn Error>> {
    let http = match var("CA") {
        Err(_) => Builder::new().build_http(),
        Ok(path) => {
            let trust = tls::TrustStore::empty().with_pem_certificate(std::fs::read(path)?);
            let context = tls::TlsContext::builder().with_trust_store(trust).build()?;
            let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
            Builder::new().tls_provider(provider).tls_context(context).build_https()
        }
    };
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(
            var("ACCESS_KEY")?,
            var("SECRET_KEY")?,
            None,
            None,
            "test",
        ))
        .region(Region::new(var("REGION")?))
        .endpoint_url(var("ENDPOINT")?)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .build();
    Ok(Client::from_conf(config))
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

async fn parts(client: &Client, bucket: &str, key: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let upload = client.create_multipart_upload().bucket(bucket).key(key).send().await?;
    let id = upload.upload_id().ok_or("no upload id")?;
    let size = std::fs::metadata(file)?.len();
    let mut done = CompletedMultipartUpload::builder();
    for (number, offset) in (1..).zip((0..size).step_by(PART as usize)) {
        let length = Length::Exact(PART.min(size - offset));
        let body = ByteStream::read_from().path(file).offset(offset).length(length).build().await?;
        let part = client.upload_part().bucket(bucket).key(key).upload_id(id);
        let part = part.part_number(number).body(body).send().await?;
        done = done.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag().map(Into::into))
                .set_checksum_crc32(part.checksum_crc32().map(Into::into))
                .build(),
        );
    }
    let complete = client.complete_multipart_upload().bucket(bucket).key(key).upload_id(id);
    complete.multipart_upload(done.build()).send().await?;
    Ok(())
}
