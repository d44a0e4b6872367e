//! `s3_clients`: who may call, and by what rules their signatures are checked.

use std::rc::Rc;

use nginx::conf::{BlockCommand, MainDirective, argument, arguments, flag, seconds, size, text};
use nginx::{Conf, ConfError};
use sigv4::Policy;

use crate::S3Signature;
use crate::conf::client_keys::{ClientKeys, ClientKeysBuilder};
use crate::conf::domains;
use crate::conf::origin::host_and_port;
use crate::conf::region::region;
use crate::live::Live;

/// Longest tolerated difference of clocks in seconds: beyond a day it is no tolerance but a missing check.
const MAX_SKEW: i64 = 86_400;

/// A set of clients.
pub(crate) struct Clients {
    pub(crate) name: String,
    pub(crate) keyring: Live<ClientKeys>,
    pub(crate) policy: Policy,
    /// Whether interfaces of an origin that are not S3's can be had with these keys.
    pub(crate) admin_api: bool,
}

/// `s3_clients NAME { … }`
pub(crate) struct S3Clients;

/// What the lines of the block have said so far.
#[derive(Default)]
struct ClientsBuilder {
    keys: ClientKeysBuilder,
    policy: Policy,
    admin_api: bool,
}

impl MainDirective for S3Clients {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let [_, name] = words else { return Err("\"s3_clients\" takes a name".into()) };
        let name = text(name, "name of s3_clients")?.to_owned();
        if name == "off" {
            return Err(
                "\"off\" cannot be the name of s3_clients: \"s3_verify\" has a use for it".into()
            );
        }
        let known = &cf.main_conf::<S3Signature>()?.clients;
        if known.iter().any(|clients| clients.name == name) {
            return Err(format!("duplicate s3_clients \"{name}\"").into());
        }
        let mut builder = ClientsBuilder::default();
        cf.block("s3_clients", &mut builder, COMMANDS)?;
        if !builder.keys.has_lines() {
            return Err(format!("no \"key\" and no \"file\" in s3_clients \"{name}\"").into());
        }
        domains::check(&builder.policy)?;
        if builder.keys.is_empty() {
            cf.warn(&format!("s3_clients \"{name}\" has no client: nobody is let in"));
        }
        let ClientsBuilder { keys, policy, admin_api } = builder;
        let clients = Clients { name, keyring: keys.build(), policy, admin_api };
        cf.main_conf::<S3Signature>()?.clients.push(Rc::new(clients));
        Ok(())
    }
}

/// The directives of the block, in the order of the reference in README.md.
const COMMANDS: &[BlockCommand<ClientsBuilder>] = &[
    BlockCommand { name: "key", arguments: 2..=usize::MAX, repeats: true, set: key },
    BlockCommand { name: "file", arguments: 1..=1, repeats: true, set: file },
    BlockCommand { name: "region", arguments: 1..=usize::MAX, repeats: false, set: regions },
    BlockCommand { name: "host", arguments: 1..=usize::MAX, repeats: false, set: hosts },
    BlockCommand { name: "domain", arguments: 1..=usize::MAX, repeats: false, set: domains },
    BlockCommand {
        name: "ignore_header",
        arguments: 1..=usize::MAX,
        repeats: true,
        set: ignore_headers,
    },
    BlockCommand { name: "signature_v2", arguments: 1..=1, repeats: false, set: signature_v2 },
    BlockCommand { name: "admin_api", arguments: 1..=1, repeats: false, set: admin_api },
    BlockCommand { name: "clock_skew", arguments: 1..=1, repeats: false, set: clock_skew },
    BlockCommand { name: "max_object_size", arguments: 1..=1, repeats: false, set: max_object },
];

fn regions(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    let regions = arguments(words).iter().map(|word| Ok(region(word)?.into()));
    builder.policy.regions = regions.collect::<Result<_, ConfError>>()?;
    Ok(())
}

fn hosts(_: &mut Conf<'_>, builder: &mut ClientsBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    for word in arguments(words) {
        let host = text(word, "host")?;
        let wrong = |why| format!("invalid host \"{}\": {why}", host.escape_default());
        host_and_port(host).map_err(wrong)?;
        builder.policy.hosts.push(word.to_vec());
    }
    Ok(())
}

fn domains(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    domains::set(&mut builder.policy, arguments(words))
}

fn ignore_headers(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    arguments(words).iter().try_for_each(|header| {
        let wrong = || format!("\"ignore_header\" cannot name \"{}\"", header.escape_ascii());
        if builder.policy.ignore(header) { Ok(()) } else { Err(wrong().into()) }
    })
}

fn signature_v2(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    builder.policy.signature_v2 = flag(words)?;
    Ok(())
}

fn admin_api(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    builder.admin_api = flag(words)?;
    Ok(())
}

fn clock_skew(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    let value = argument(words);
    let wrong =
        || format!("\"clock_skew\" must be from 1s to 1d, not \"{}\"", value.escape_ascii());
    let allowed = seconds(value).filter(|seconds| (1..=MAX_SKEW).contains(seconds));
    builder.policy.max_skew = allowed.ok_or_else(wrong)?;
    Ok(())
}

fn max_object(
    _: &mut Conf<'_>,
    builder: &mut ClientsBuilder,
    words: &[&[u8]],
) -> Result<(), ConfError> {
    let value = argument(words);
    let wrong = || format!("invalid \"max_object_size\" \"{}\"", value.escape_ascii());
    let size = size(value).ok_or_else(wrong)?;
    builder.policy.max_object = (size > 0).then_some(size);
    Ok(())
}

fn key(cf: &mut Conf<'_>, builder: &mut ClientsBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    builder.keys.key(cf, words)
}

fn file(cf: &mut Conf<'_>, builder: &mut ClientsBuilder, words: &[&[u8]]) -> Result<(), ConfError> {
    builder.keys.file(cf, words)
}
