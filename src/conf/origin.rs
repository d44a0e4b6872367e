//! `s3_origin`: where an S3 origin is, and the key to sign for it.

use std::fmt;
use std::rc::Rc;

use sigv4::{OriginCredential, Secret};

use crate::conf::secret::{secret, value};
use crate::conf::{MainConf, text};
use crate::ffi::conf::{Conf, Directive, Fault};

/// The region that is signed for when none is named; the one that S3-compatible servers use by default.
const DEFAULT_REGION: &str = "us-east-1";

/// An S3 origin.
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) credential: OriginCredential,
    /// `payload unsigned`: bodies come without aws-chunked framing.
    pub(crate) unwraps: bool,
}

/// Where an origin is: scheme, host and port of `endpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
    /// What the Host header says: the port only where it is not the scheme's own.
    authority: String,
}

impl Endpoint {
    /// Takes `http://host[:port]` or `https://host[:port]`, without a path.
    fn parse(url: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| format!("invalid endpoint \"{}\": {why}", url.escape_default());
        let (default_port, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://"))
        {
            (Some(rest), _) => (443, rest),
            (_, Some(rest)) => (80, rest),
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        if rest.contains(['/', '?', '#', '@']) {
            return Err(wrong("it must have a host and perhaps a port, and nothing else"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (
                host.to_owned(),
                port.parse().map_err(|_| wrong("the port is not a number up to 65535"))?,
            ),
            _ => (rest, default_port),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        if host.is_empty() || !(bracketed || host.bytes().all(plain)) {
            return Err(wrong("the host is not valid"));
        }
        if port == 0 {
            return Err(wrong("the port is 0"));
        }
        let authority = if port == default_port { host.clone() } else { format!("{host}:{port}") };
        Ok(Endpoint { host, port, authority })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a `server` of that host and port is this endpoint.
    pub(crate) fn is_at(&self, host: &str, port: u16) -> bool {
        self.port == port && self.host.eq_ignore_ascii_case(host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The lines of the block that were read so far.
#[derive(Default)]
struct Builder {
    endpoint: Option<Endpoint>,
    region: Option<String>,
    unwraps: Option<bool>,
    key: Option<(Vec<u8>, Secret, Option<Secret>)>,
}

/// `s3_origin NAME { … }`
pub(crate) struct S3Origin;

impl Directive for S3Origin {
    type Conf = MainConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut MainConf) -> Result<(), Fault> {
        let [_, name] = words else { return Err("\"s3_origin\" takes a name".to_owned()) };
        let name = text(name, "name of s3_origin")?.to_owned();
        if matches!(name.as_str(), "on" | "off") {
            return Err(format!(
                "\"{name}\" cannot be the name of an s3_origin: \"s3_resign\" has a use for it"
            ));
        }
        if conf.origin(name.as_bytes()).is_some() {
            return Err(format!("duplicate s3_origin \"{name}\""));
        }
        let mut builder = Builder::default();
        cf.block(&mut builder, line)?;

        let missing = |what: &str| format!("no \"{what}\" in s3_origin \"{name}\"");
        let endpoint = builder.endpoint.ok_or_else(|| missing("endpoint"))?;
        let (access_key, secret, token) = builder.key.ok_or_else(|| missing("key"))?;
        if let Some(other) = conf.origin_at(endpoint.host(), endpoint.port) {
            return Err(format!(
                "s3_origin \"{name}\" has the endpoint of \"{}\", {endpoint}",
                other.name
            ));
        }
        let region = builder.region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let credential = OriginCredential::new(access_key, secret, token, region, "s3");
        conf.origins.push(Rc::new(Origin {
            name,
            endpoint,
            credential,
            unwraps: builder.unwraps.unwrap_or(false),
        }));
        Ok(())
    }
}

fn line(cf: &Conf, builder: &mut Builder, words: &[&[u8]]) -> Result<(), Fault> {
    let name = words.first().copied().unwrap_or_default();
    let duplicate = || format!("duplicate \"{}\" in s3_origin", name.escape_ascii());
    match words {
        [b"endpoint", url] => {
            let endpoint = Endpoint::parse(text(url, "endpoint")?)?;
            if builder.endpoint.replace(endpoint).is_some() {
                return Err(duplicate());
            }
        }
        [b"region", region] => {
            if builder.region.replace(text(region, "region")?.to_owned()).is_some() {
                return Err(duplicate());
            }
        }
        [b"payload", mode] => {
            let unwraps = match *mode {
                b"unsigned" => true,
                b"as_sent" => false,
                _ => {
                    return Err(format!(
                        "invalid \"payload\" \"{}\": as_sent or unsigned",
                        mode.escape_ascii()
                    ));
                }
            };
            if builder.unwraps.replace(unwraps).is_some() {
                return Err(duplicate());
            }
        }
        [b"key", access_key, secret_key, token @ ..] if token.len() <= 1 => {
            let prefix = cf.prefix();
            let token = token.first().map(|token| match token.strip_prefix(b"token=") {
                Some(token) => secret(token, "session token", &prefix),
                None => Err(format!("invalid parameter \"{}\" of \"key\"", token.escape_ascii())),
            });
            let key = (
                value(access_key, "access key", &prefix)?,
                secret(secret_key, "secret key", &prefix)?,
                token.transpose()?,
            );
            if builder.key.replace(key).is_some() {
                return Err(duplicate());
            }
        }
        [b"endpoint" | b"key" | b"payload" | b"region", ..] => {
            return Err(format!(
                "invalid number of arguments in \"{}\" of s3_origin",
                name.escape_ascii()
            ));
        }
        _ => return Err(format!("unknown directive \"{}\" in s3_origin", name.escape_ascii())),
    }
    Ok(())
}
