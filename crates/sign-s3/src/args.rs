//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use s3::ClientAddress;
use sigv4::Timestamp;

use crate::endpoint::UrlEndpoint;
use crate::header_line::HeaderLine;
use crate::secret_source::SecretSource;

const SECRETS: &str = "\
SECRET and the session token are the text itself, env:NAME for the value of an environment variable, or - for standard
input. As text they can be seen by others on this machine (ps) and stay in the shell's history.";

/// Everything: the arguments of one of three commands.
#[derive(Parser)]
#[command(
    name = "sign_s3",
    about = "Presigns S3 URLs, explains signatures that do not match, and checks files of clients"
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(disable_help_subcommand = true)]
#[command(version, disable_version_flag = true)]
#[command(after_help = SECRETS)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) presign: Option<Presign>,

    /// Prints the version of sign_s3, as --version by itself does
    #[arg(short = 'V', action = ArgAction::Version)]
    program_version: Option<bool>,
}

impl CommandLine {
    /// Reads the process's arguments; ends the process where they are wrong, or ask for help or the version. `--version` is
    /// the signature's and has a value, unless it stands alone: then it means what it means elsewhere.
    pub(crate) fn of_process() -> Self {
        let mut arguments: Vec<_> = std::env::args_os().collect();
        if arguments.get(1..).is_some_and(|rest| rest == ["--version"]) {
            arguments[1] = "-V".into();
        }
        Self::parse_from(arguments)
    }
}

/// What else can be done but presign.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows step by step what has to be signed, and where a signature differs
    #[command(after_help = SECRETS)]
    Explain(Explain),
    /// Checks a clients file, and says what a client of it may do
    CheckClients(CheckClients),
}

/// Prints a presigned URL.
#[derive(clap::Args)]
pub(crate) struct Presign {
    /// Signature version
    #[arg(short = 'v', long = "version", value_enum, value_name = "VERSION")]
    #[arg(default_value = "4")]
    pub(crate) version: Version,

    /// Region of the credential scope; may be empty
    #[arg(short, long, default_value = "us-east-1", value_parser = region)]
    pub(crate) region: String,

    /// Seconds for which the URL is valid; a week (604800) at most for version 4
    #[arg(short, long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) expires: u64,

    /// Method that the URL is for
    #[arg(short = 'X', long, default_value = "GET", value_parser = method)]
    pub(crate) method: String,

    /// Header that is signed and that has to be sent with the URL; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", value_parser = HeaderLine::parse)]
    pub(crate) headers: Vec<HeaderLine>,

    /// Query parameter, not encoded, as `versionId=1` or `uploads`; may be repeated
    #[arg(short = 'q', long = "query", value_name = "NAME[=VALUE]")]
    pub(crate) parameters: Vec<String>,

    /// Session token of temporary credentials
    #[arg(long, value_name = "SECRET", value_parser = secret())]
    pub(crate) token: Option<SecretSource>,

    /// Puts the bucket into the host name instead of the path
    #[arg(long)]
    pub(crate) virtual_host: bool,

    /// Signs as if it were this time
    #[arg(long, value_name = "yyyyMMddTHHmmssZ", value_parser = date)]
    pub(crate) date: Option<Timestamp>,

    /// Prints a curl command instead of the URL
    #[arg(long)]
    pub(crate) curl: bool,

    /// `host[:port]`, which is http, or `http://host[:port]` or `https://host[:port]`
    #[arg(value_parser = UrlEndpoint::parse)]
    pub(crate) endpoint: UrlEndpoint,

    /// Access key id
    #[arg(value_parser = key)]
    pub(crate) key: String,

    /// Secret of the access key
    #[arg(value_parser = secret())]
    pub(crate) secret: SecretSource,

    /// Bucket
    pub(crate) bucket: OsString,

    /// Key of the object, not encoded; empty for the bucket itself
    pub(crate) object: OsString,
}

/// Explains a request.
#[derive(clap::Args)]
pub(crate) struct Explain {
    /// Presigned URL, or file with a request head (as sent, or as `curl -v` shows it); standard input if left out or `-`
    #[arg(value_name = "URL|FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Secret of the access key; without it the signature is not checked
    #[arg(short, long, value_parser = secret())]
    pub(crate) secret: Option<SecretSource>,

    /// Access key id that should have signed
    #[arg(short, long, value_parser = key)]
    pub(crate) key: Option<String>,

    /// Region that should have been signed for; any if left out
    #[arg(short, long, value_parser = region)]
    pub(crate) region: Option<String>,

    /// Method with which the URL is used [default: GET]
    #[arg(short = 'X', long, value_parser = method)]
    pub(crate) method: Option<String>,

    /// Header that is sent with the URL; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", value_parser = HeaderLine::parse)]
    pub(crate) headers: Vec<HeaderLine>,

    /// Host header that the server received, if it is not the one of the URL or request
    #[arg(long)]
    pub(crate) host: Option<String>,

    /// Domain under which buckets stand in host names (Signature V2 only); may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<String>,

    /// Checks as if it were this time
    #[arg(long, value_name = "yyyyMMddTHHmmssZ", value_parser = date)]
    pub(crate) date: Option<Timestamp>,
}

/// Checks a file of clients.
#[derive(clap::Args)]
pub(crate) struct CheckClients {
    /// JSON file of clients, as `file` of s3_clients names it
    pub(crate) file: PathBuf,

    /// Access key id of the client that is asked about
    #[arg(long = "as", value_name = "KEY", value_parser = key)]
    pub(crate) client: Option<String>,

    /// Operation as S3 names it, bucket, and key of an object or prefix of a list, not encoded
    #[arg(long, num_args = 2..=3, value_names = ["OPERATION", "BUCKET", "KEY"], requires = "client")]
    pub(crate) can: Vec<String>,

    /// Address that the client calls from, or `unix:`
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "can")]
    pub(crate) from: Option<ClientAddress>,

    /// Checks as if it were this time
    #[arg(long, value_name = "yyyyMMddTHHmmssZ", value_parser = date)]
    pub(crate) date: Option<Timestamp>,
}

/// Version of the signature.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Version {
    /// HMAC-SHA1; signs neither host nor most headers
    #[value(name = "2")]
    V2,
    /// AWS4-HMAC-SHA256
    #[value(name = "4")]
    V4,
}

/// Never fails, so no error message can show the secret.
fn secret() -> impl clap::builder::TypedValueParser<Value = SecretSource> {
    OsStringValueParser::new().map(SecretSource::new)
}

/// Methods are signed as sent, and S3 knows upper case only.
fn method(text: &str) -> Result<String, String> {
    let is_method = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic());
    is_method.then(|| text.to_ascii_uppercase()).ok_or_else(|| "not a method".to_owned())
}

/// A part of the credential scope, which slashes divide. Empty is what those write who sign for a server without regions.
fn region(text: &str) -> Result<String, String> {
    let is_region = text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    is_region.then(|| text.to_owned()).ok_or_else(|| "not a region like us-east-1".to_owned())
}

/// What stands in front of the credential scope.
fn key(text: &str) -> Result<String, String> {
    let is_key = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    is_key.then(|| text.to_owned()).ok_or_else(|| "not an access key id".to_owned())
}

/// As nginx has it in `$remote_addr`.
fn address(text: &str) -> Result<ClientAddress, String> {
    if text == "unix:" {
        return Ok(ClientAddress::Unix);
    }
    let ip = text.parse().map_err(|_| "neither an address nor unix:".to_owned())?;
    Ok(ClientAddress::Ip(ip))
}

fn date(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_iso_basic(text.as_bytes())
        .ok_or_else(|| "not a date like 20130524T000000Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_parser_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn methods_are_upper_case() {
        assert_eq!(method("put").as_deref(), Ok("PUT"));
        assert!(method("").is_err());
        assert!(method("GET /").is_err());
    }

    #[test]
    fn parts_of_the_credential() {
        assert!(region("").is_ok() && region("us-east-1").is_ok() && key("AKID").is_ok());
        for bad in ["a b", "a/b", "a\n", "é"] {
            assert!(region(bad).is_err() && key(bad).is_err(), "{bad}");
        }
        assert!(key("").is_err());
    }
}
