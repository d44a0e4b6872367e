//! The client that both programs use, and a file in parts.
//!
//! The endpoint and the key stand in `ENDPOINT`, `REGION`, `BUCKET`, `ACCESS_KEY`, `SECRET_KEY`; `CA` names the file of the
//! authority. With `RESOLVE`, an address that all names have, the client is as it comes, in virtual-host style.

use std::env::var;
use std::error::Error;
use std::net::IpAddr;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};

/// The size of a part, in bytes.
pub const PART: u64 = 5 << 20;

pub fn client() -> Result<Client, Box<dyn Error>> {
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
        // A retry would hide what a test is to find.
        .retry_config(RetryConfig::disabled())
        .http_client(http_client()?);
    let config = if var("RESOLVE").is_ok() { config } else { config.force_path_style(true) };
    Ok(Client::from_conf(config.build()))
}

fn http_client() -> Result<SharedHttpClient, Box<dyn Error>> {
    let trust = match var("CA") {
        Err(_) => tls::TrustStore::empty(),
        Ok(path) => tls::TrustStore::empty().with_pem_certificate(std::fs::read(path)?),
    };
    let context = tls::TlsContext::builder().with_trust_store(trust).build()?;
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let builder = Builder::new().tls_provider(provider).tls_context(context);
    Ok(match var("RESOLVE") {
        Err(_) => builder.build_https(),
        Ok(address) => builder.build_with_resolver(OneAddress(address.parse()?)),
    })
}

/// What all names have for their address.
#[derive(Clone, Debug)]
struct OneAddress(IpAddr);

impl ResolveDns for OneAddress {
    fn resolve_dns<'a>(&'a self, _name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![self.0]))
    }
}

/// Uploads a file in parts.
pub async fn multipart(
    client: &Client,
    bucket: &str,
    key: &str,
    file: &str,
) -> Result<(), Box<dyn Error>> {
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
    let answer = complete.multipart_upload(done.build()).send().await?;
    match answer.bucket() {
        Some(other) if other != bucket => Err(format!("the answer is about {other}").into()),
        _ => Ok(()),
    }
}
