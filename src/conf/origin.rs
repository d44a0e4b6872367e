//! `s3_origin`: where an S3 origin is, and the key to sign for it.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use nginx::conf::{BlockCommand, MainDirective, argument, text};
use nginx::{Conf, ConfError};
use s3::{Addressing, OriginTag};

use crate::S3Signature;
use crate::conf::addressing;
use crate::conf::origin_key::{OriginKeys, OriginKeysBuilder};
use crate::conf::region;
use crate::live::Live;

/// The region that is signed for when none is named; the one that S3-compatible servers use by default.
const DEFAULT_REGION: &str = "us-east-1";

/// The port of `https://` (RFC 9110, 4.2.2).
const HTTPS: u16 = 443;

/// An S3 origin.
pub(crate) struct Origin {
    pub(crate) name: String,
    /// What it is called in upload ids.
    pub(crate) tag: OriginTag,
    pub(crate) endpoint: OriginEndpoint,
    /// What requests to it are signed with.
    pub(crate) key: Live<OriginKeys>,
    /// How its buckets are addressed.
    pub(crate) addressing: Addressing,
    /// `payload unsigned`: bodies come without aws-chunked framing.
    pub(crate) unwraps: bool,
    /// When it last asked for fewer requests, in words, in milliseconds of [`nginx::worker::now`]; each worker's own knowledge.
    pub(crate) busy_at: Cell<Option<u64>>,
}

/// Where an origin is: scheme, host and port of `endpoint`. And what it goes by there: the same, or what `host` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OriginEndpoint {
    /// Lower case; an IPv6 address in brackets.
    address: String,
    port: u16,
    default_port: u16,
    /// The name in its certificate.
    host: String,
    /// What the Host header says: the port only where it is not the scheme's own.
    authority: String,
}

impl OriginEndpoint {
    /// Takes `http://host[:port]` or `https://host[:port]`, and perhaps a path, which is given beside it.
    fn parse(url: &str) -> Result<(Self, &str), String> {
        let wrong = |why: &str| format!("invalid endpoint \"{}\": {why}", url.escape_default());
        let (default_port, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://"))
        {
            (Some(rest), _) => (HTTPS, rest),
            (_, Some(rest)) => (80, rest),
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let (rest, path) = addressing::split_base_path(rest).map_err(wrong)?;
        let (host, port) = host_and_port(rest).map_err(wrong)?;
        let port = port.unwrap_or(default_port);
        let authority = authority(&host, port, default_port);
        Ok((OriginEndpoint { address: host.clone(), port, default_port, host, authority }, path))
    }

    /// The same place, by another name.
    fn known_as(self, host: String, port: Option<u16>) -> Self {
        let authority = authority(&host, port.unwrap_or(self.default_port), self.default_port);
        OriginEndpoint { host, authority, ..self }
    }

    /// The name that the origin goes by, without a port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it begins with `https://`.
    pub(crate) fn is_tls(&self) -> bool {
        self.default_port == HTTPS
    }

    /// What the Host header says.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a `server` of that host and port is this endpoint.
    pub(crate) fn is_at(&self, host: &str, port: u16) -> bool {
        self.port == port && self.has_host(host)
    }

    /// Whether it is at that host, at whatever port.
    pub(crate) fn has_host(&self, host: &str) -> bool {
        self.address.eq_ignore_ascii_case(host)
    }
}

fn authority(host: &str, port: u16, default_port: u16) -> String {
    if port == default_port { host.to_owned() } else { format!("{host}:{port}") }
}

/// Splits `host[:port]`; the host in lower case.
///
/// # Errors
///
/// Why it is no host, or no port.
pub(super) fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let text = text.to_ascii_lowercase();
    if text.contains(['/', '?', '#', '@']) {
        return Err("it must have a host and perhaps a port, and nothing else");
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse().map_err(|_| "the port is not a number up to 65535")?;
            (host.to_owned(), Some(port))
        }
        _ => (text, None),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
    if host.is_empty() || !(bracketed || host.bytes().all(plain)) {
        return Err("the host is not valid");
    }
    if port == Some(0) {
        return Err("the port is 0");
    }
    Ok((host, port))
}

impl fmt::Display for OriginEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.port)
    }
}

/// What the lines of the block have said so far.
#[derive(Default)]
struct OriginBuilder {
    endpoint: Option<OriginEndpoint>,
    host: Option<(String, Option<u16>)>,
    region: Option<String>,
    unwraps: bool,
    addressing: Addressing,
    key: Option<OriginKeysBuilder>,
}

impl OriginBuilder {
    fn set_key(&mut self, key: OriginKeysBuilder) -> Result<(), ConfError> {
        match self.key.replace(key) {
            Some(_) => Err("\"key\" and \"credentials\" exclude each other".into()),
            None => Ok(()),
        }
    }
}

/// `s3_origin NAME { … }`
pub(crate) struct S3Origin;

impl MainDirective for S3Origin {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let [_, name] = words else { return Err("\"s3_origin\" takes a name".into()) };
        let name = text(name, "name of s3_origin")?.to_owned();
        if matches!(name.as_str(), "on" | "off") {
            return Err(format!(
                "\"{name}\" cannot be the name of an s3_origin: \"s3_resign\" has a use for it"
            )
            .into());
        }
        if cf.main_conf::<S3Signature>()?.origin(name.as_bytes()).is_some() {
            return Err(format!("duplicate s3_origin \"{name}\"").into());
        }
        let tag = OriginTag::of(&name);
        let is_alike = |other: &&Rc<Origin>| other.tag == tag;
        if let Some(other) = cf.main_conf::<S3Signature>()?.origins.iter().find(is_alike) {
            return Err(format!(
                "s3_origin \"{name}\" would be \"{}\" in upload ids: call it otherwise",
                other.name
            )
            .into());
        }
        let mut builder = OriginBuilder::default();
        cf.block("s3_origin", &mut builder, COMMANDS)?;

        let missing = |what: &str| format!("no \"{what}\" in s3_origin \"{name}\"");
        let endpoint = builder.endpoint.ok_or_else(|| missing("endpoint"))?;
        let key = builder.key.ok_or_else(|| missing("key"))?;
        let conf = cf.main_conf::<S3Signature>()?;
        if let Some(other) = conf.origin_at(&endpoint.address, endpoint.port) {
            return Err(format!(
                "s3_origin \"{name}\" has the endpoint of \"{}\", {endpoint}",
                other.name
            )
            .into());
        }
        let endpoint = match builder.host {
            Some((host, port)) => endpoint.known_as(host, port),
            None => endpoint,
        };
        let region = builder.region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        addressing::check(&builder.addressing, endpoint.host())?;
        let (addressing, unwraps) = (builder.addressing, builder.unwraps);
        conf.origins.push(Rc::new(Origin {
            name,
            tag,
            endpoint,
            key: key.build(region),
            addressing,
            unwraps,
            busy_at: Cell::new(None),
        }));
        Ok(())
    }
}

/// The directives of the block, in the order of the reference in README.md.
const COMMANDS: &[BlockCommand<OriginBuilder>] = &[
    BlockCommand { name: "endpoint", arguments: 1..=1, repeats: false, set: endpoint },
    BlockCommand { name: "host", arguments: 1..=1, repeats: false, set: host },
    BlockCommand { name: "style", arguments: 1..=1, repeats: false, set: style },
    BlockCommand { name: "bucket", arguments: 2..=2, repeats: true, set: bucket },
    BlockCommand { name: "region", arguments: 1..=1, repeats: false, set: region },
    BlockCommand { name: "key", arguments: 2..=3, repeats: false, set: key },
    BlockCommand { name: "credentials", arguments: 1..=1, repeats: false, set: credentials },
    BlockCommand { name: "payload", arguments: 1..=1, repeats: false, set: payload },
];

fn endpoint(
    _: &mut Conf<'_>,
    builder: &mut OriginBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    let (endpoint, path) = OriginEndpoint::parse(text(argument(words), "endpoint")?)?;
    builder.endpoint = Some(endpoint);
    builder.addressing.base_path = path.to_owned();
    Ok(())
}

fn style(_: &mut Conf<'_>, builder: &mut OriginBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    addressing::style(&mut builder.addressing, argument(words))
}

fn bucket(_: &mut Conf<'_>, builder: &mut OriginBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    addressing::bucket(&mut builder.addressing, words)
}

fn host(_: &mut Conf<'_>, builder: &mut OriginBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    let host = text(argument(words), "host")?;
    let wrong = |why| format!("invalid host \"{}\": {why}", host.escape_default());
    builder.host = Some(host_and_port(host).map_err(wrong)?);
    Ok(())
}

fn region(_: &mut Conf<'_>, builder: &mut OriginBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    builder.region = Some(region::region(argument(words))?.to_owned());
    Ok(())
}

fn payload(
    _: &mut Conf<'_>,
    builder: &mut OriginBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    builder.unwraps = match argument(words) {
        b"unsigned" => true,
        b"as_sent" => false,
        mode => {
            let mode = mode.escape_ascii();
            return Err(format!("invalid \"payload\" \"{mode}\": as_sent or unsigned").into());
        }
    };
    Ok(())
}

fn key(cf: &mut Conf<'_>, builder: &mut OriginBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    builder.set_key(OriginKeysBuilder::key(cf, words)?)
}

fn credentials(
    cf: &mut Conf<'_>,
    builder: &mut OriginBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    builder.set_key(OriginKeysBuilder::credentials(cf, words)?)
}
