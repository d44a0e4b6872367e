//! `s3_clients`: who may call, and by what rules their signatures are checked.

use s3::{ClientsFile, Grants, SecretReference};
use sigv4::{Credential, Keyring, Policy, Secret};

use crate::conf::secret::{from_environment, from_file, secret, value};
use crate::conf::{MainConf, flag, text};
use crate::ffi::conf::{Conf, Directive, Fault};

/// Longest tolerated difference of clocks in seconds: beyond a day it is no tolerance but a missing check.
const MAX_SKEW: i64 = 86_400;

/// A set of clients.
pub(crate) struct Clients {
    pub(crate) name: String,
    pub(crate) keyring: Keyring<Grants>,
    pub(crate) policy: Policy,
    /// Whether interfaces of an origin that are not S3's can be had with these keys.
    pub(crate) admin_api: bool,
}

/// `s3_clients NAME { … }`
pub(crate) struct S3Clients;

/// The lines of the block that were read so far.
struct Builder {
    keyring: Keyring<Grants>,
    policy: Policy,
    admin_api: bool,
    /// Names of lines that may stand once.
    seen: Vec<Vec<u8>>,
}

impl Directive for S3Clients {
    type Conf = MainConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut MainConf) -> Result<(), Fault> {
        let [_, name] = words else { return Err("\"s3_clients\" takes a name".to_owned()) };
        let name = text(name, "name of s3_clients")?.to_owned();
        if name == "off" {
            return Err("\"off\" cannot be the name of s3_clients: \"s3_verify\" has a use for it"
                .to_owned());
        }
        if conf.clients.iter().any(|clients| clients.name == name) {
            return Err(format!("duplicate s3_clients \"{name}\""));
        }
        let mut builder = Builder {
            keyring: Keyring::default(),
            policy: Policy::default(),
            admin_api: false,
            seen: Vec::new(),
        };
        cf.block(&mut builder, line)?;
        if builder.keyring.is_empty() {
            return Err(format!("no \"key\" and no \"file\" with one in s3_clients \"{name}\""));
        }
        let Builder { keyring, policy, admin_api, .. } = builder;
        conf.clients.push(std::rc::Rc::new(Clients { name, keyring, policy, admin_api }));
        Ok(())
    }
}

fn line(cf: &Conf, builder: &mut Builder, words: &[&[u8]]) -> Result<(), Fault> {
    let (name, values) = words.split_first().ok_or("an empty line in s3_clients")?;
    let arguments =
        || format!("invalid number of arguments in \"{}\" of s3_clients", name.escape_ascii());
    if !matches!(*name, b"key" | b"file" | b"ignore_header") {
        if builder.seen.iter().any(|seen| seen == name) {
            return Err(format!("duplicate \"{}\" in s3_clients", name.escape_ascii()));
        }
        builder.seen.push(name.to_vec());
    }
    match (*name, values) {
        (b"key", [access_key, secret_key, parameters @ ..]) => {
            key(cf, builder, access_key, secret_key, parameters)
        }
        (b"file", [path]) => clients_file(cf, builder, path),
        (b"region", [_, ..]) => {
            builder.policy.regions = values.iter().map(|region| region.to_vec()).collect();
            Ok(())
        }
        (b"host", [_, ..]) => {
            builder.policy.hosts = values.iter().map(|host| host.to_vec()).collect();
            Ok(())
        }
        (b"ignore_header", [_, ..]) => values.iter().try_for_each(|header| {
            let wrong = || format!("\"ignore_header\" cannot name \"{}\"", header.escape_ascii());
            if builder.policy.ignore(header) { Ok(()) } else { Err(wrong()) }
        }),
        (b"signature_v2", [_]) => {
            builder.policy.signature_v2 = flag(words)?;
            Ok(())
        }
        (b"admin_api", [_]) => {
            builder.admin_api = flag(words)?;
            Ok(())
        }
        (b"clock_skew", [value]) => {
            let seconds = cf.seconds(value).filter(|seconds| (1..=MAX_SKEW).contains(seconds));
            let wrong = || {
                format!("\"clock_skew\" must be from 1s to 1d, not \"{}\"", value.escape_ascii())
            };
            builder.policy.max_skew = seconds.ok_or_else(wrong)?;
            Ok(())
        }
        (b"max_object_size", [value]) => {
            let wrong = || format!("invalid \"max_object_size\" \"{}\"", value.escape_ascii());
            let size = cf.size(value).ok_or_else(wrong)?;
            builder.policy.max_object = (size > 0).then_some(size);
            Ok(())
        }
        (
            b"key" | b"file" | b"region" | b"host" | b"ignore_header" | b"signature_v2"
            | b"admin_api" | b"clock_skew" | b"max_object_size",
            _,
        ) => Err(arguments()),
        _ => Err(format!("unknown directive \"{}\" in s3_clients", name.escape_ascii())),
    }
}

/// `key ID SECRET [old=SECRET]`: the second secret is one that is being rotated out.
fn key(
    cf: &Conf,
    builder: &mut Builder,
    access_key: &[u8],
    secret_key: &[u8],
    parameters: &[&[u8]],
) -> Result<(), Fault> {
    let access_key = value(cf, access_key, "access key")?;
    if !sigv4::is_usable_id(&access_key) {
        let id = access_key.escape_ascii();
        return Err(format!(
            "access key \"{id}\" must be 1 to 128 visible ASCII characters without slash or comma"
        ));
    }
    let secret_key = secret(cf, secret_key, "secret key")?;
    let mut credential = Credential::new(access_key, secret_key, Grants::unrestricted());
    match parameters {
        [] => {}
        [old] if old.starts_with(b"old=") => {
            let old = old.strip_prefix(b"old=").unwrap_or_default();
            credential = credential.with_second_secret(secret(cf, old, "old secret key")?);
        }
        [parameter, ..] => {
            return Err(format!("invalid parameter \"{}\" of \"key\"", parameter.escape_ascii()));
        }
    }
    builder.keyring.insert(credential).map_err(|duplicate| duplicate.to_string())
}

/// `file PATH`: a JSON file of clients, each with its grants.
fn clients_file(cf: &Conf, builder: &mut Builder, path: &[u8]) -> Result<(), Fault> {
    let prefix = cf.prefix();
    let path = prefix.join(text(path, "file name")?);
    let in_file =
        |fault: &dyn std::fmt::Display| format!("clients file \"{}\": {fault}", path.display());
    let content = std::fs::read(&path).map_err(|error| in_file(&error))?;
    let clients = ClientsFile::parse(&content).map_err(|error| in_file(&error))?;
    clients
        .insert_into(&mut builder.keyring, &mut |reference| {
            let secret = match reference {
                SecretReference::Env(name) => from_environment(cf, name, "the secret"),
                SecretReference::File(name) => from_file(&prefix.join(name), "the secret"),
            };
            secret.map(Secret::new)
        })
        .map_err(|error| in_file(&error))
}
