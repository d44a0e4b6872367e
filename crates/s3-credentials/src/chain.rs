//! Where credentials come from: AWS's default chain, and perhaps a role that is assumed with them.

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::Failure;
use crate::args::CommandLine;

/// Reads profiles and the environment, and asks nobody yet for credentials.
pub(crate) async fn load(args: &CommandLine) -> Result<SharedCredentialsProvider, Failure> {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2025_08_07()).http_client(client);
    if let Some(profile) = &args.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &args.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let config = loader.load().await;
    if let Some(role) = &args.role_arn {
        let mut role = AssumeRoleProvider::builder(role)
            .configure(&config)
            .session_name(&args.role_session_name);
        if let Some(id) = &args.external_id {
            role = role.external_id(id);
        }
        return Ok(SharedCredentialsProvider::new(role.build().await));
    }
    config.credentials_provider().ok_or_else(|| "there is no source of credentials".into())
}
