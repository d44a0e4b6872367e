//! The command line. Where credentials come from is said as AWS's tools are told: by the environment and by profiles.

use std::path::PathBuf;

use clap::Parser;

const SOURCES: &str = "\
Credentials come from where AWS's tools get theirs, the first of these that has some: the environment (AWS_ACCESS_KEY_ID), the profile
(AWS_PROFILE; role_arn, sso_session, credential_process), a web identity (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE), the container
(AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI), the machine (IMDSv2). SIGHUP asks anew at once.";

/// Keeps the temporary credentials of an S3 origin in a file for nginx, and renews them well before they end
#[derive(Parser)]
#[command(name = "s3_credentials", after_help = SOURCES)]
pub(crate) struct CommandLine {
    /// File to write, in the form of `credential_process`
    pub(crate) file: PathBuf,

    /// Group that may read the file (its mode is 0640); else only the user may (0600)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) group: Option<String>,

    /// Writes the file once, and ends
    #[arg(long)]
    pub(crate) once: bool,

    /// Profile of ~/.aws/config and ~/.aws/credentials [default: AWS_PROFILE]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Region to ask STS in [default: AWS_REGION, or the profile's]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) region: Option<String>,

    /// Role that these credentials assume, for those of the role
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,

    /// External id that the role asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub(crate) external_id: Option<String>,

    /// Name of the role's session
    #[arg(long, value_name = "NAME", requires = "role_arn", default_value = "s3_credentials")]
    pub(crate) role_session_name: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_parser_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
