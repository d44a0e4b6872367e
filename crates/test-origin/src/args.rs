//! The command line: either one origin by plain options, or several by `--origin`.
//!
//! A secret is the text itself or `env:NAME`; the second keeps it out of `ps` and out of the shell's history.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::StartFailure;

/// Options as they stand on the command line; [`OriginOptions::origins`] makes sense of them.
#[derive(Parser)]
#[command(about = "S3 origins (s3s + s3s-fs) for tests and development", version)]
pub(crate) struct OriginOptions {
    /// One origin: `listen=ADDR:PORT,root=DIR,key=K,secret=S[,name=N][,region=R][,domain=D][,bucket=B]`; may be repeated
    #[arg(long = "origin", value_name = "SPEC", conflicts_with = "listen")]
    origins: Vec<String>,

    /// Address of the only origin; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", required_unless_present = "origins")]
    #[arg(requires_all = ["root", "access_key", "secret_key"])]
    listen: Option<SocketAddr>,

    /// Directory whose sub-directories are buckets; created if need be
    #[arg(long, value_name = "DIR", requires = "listen")]
    root: Option<PathBuf>,

    /// Access key id that the origin knows (or env:NAME)
    #[arg(long, value_name = "KEY", requires = "listen")]
    access_key: Option<String>,

    /// Secret that belongs to it (or env:NAME)
    #[arg(long, value_name = "SECRET", requires = "listen")]
    secret_key: Option<String>,

    /// The only region that a signature may name; any, if left out
    #[arg(long, value_name = "REGION", requires = "listen")]
    region: Option<String>,

    /// Domain below which a bucket stands in the host name, besides buckets in the path
    #[arg(long, value_name = "NAME", requires = "listen")]
    domain: Option<String>,

    /// Bucket that every origin has from the start; may be repeated
    #[arg(long, value_name = "NAME")]
    create_bucket: Vec<String>,

    /// Certificate chain (PEM): every origin then speaks https only
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// File that gets one JSON object for each request
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// While this file is there, it says what goes wrong: `slow SECONDS`, `answer STATUS CODE` or `reset BYTES`
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}

/// One origin, complete and without contradictions.
pub(crate) struct OriginConfig {
    /// What the `listening` line and the log call it.
    pub(crate) name: String,
    pub(crate) listen: SocketAddr,
    pub(crate) root: PathBuf,
    pub(crate) access_key: String,
    pub(crate) secret_key: OriginSecret,
    pub(crate) region: Option<String>,
    /// Below which a bucket may stand in the Host header; in none, if there is none.
    pub(crate) domain: Option<String>,
    pub(crate) buckets: Vec<String>,
}

/// A secret that no message can print by accident.
pub(crate) struct OriginSecret(String);

impl OriginSecret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginSecret(..)")
    }
}

/// Where certificate and private key are.
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl OriginOptions {
    /// The origins to start, at least one, with names that differ.
    pub(crate) fn origins(&self) -> Result<Vec<OriginConfig>, StartFailure> {
        let mut origins = match &self.listen {
            Some(listen) => vec![self.single(*listen)?],
            None => self.origins.iter().map(|spec| parse_spec(spec)).collect::<Result<_, _>>()?,
        };
        for index in 0..origins.len() {
            let (before, rest) = origins.split_at_mut(index);
            let Some(origin) = rest.first_mut() else { break };
            if before.iter().any(|other| other.name == origin.name) {
                return Err(format!("two origins are called \"{}\"", origin.name));
            }
            origin.buckets.extend(self.create_bucket.iter().cloned());
        }
        Ok(origins)
    }

    /// The files of the https listeners; clap has seen to it that there are both or none.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key })
    }

    fn single(&self, listen: SocketAddr) -> Result<OriginConfig, StartFailure> {
        let missing = |option: &str| format!("--{option} is missing");
        Ok(OriginConfig {
            name: "origin".to_owned(),
            listen,
            root: self.root.clone().ok_or_else(|| missing("root"))?,
            access_key: text_or_env(
                self.access_key.as_deref().ok_or_else(|| missing("access-key"))?,
            )?,
            secret_key: OriginSecret(text_or_env(
                self.secret_key.as_deref().ok_or_else(|| missing("secret-key"))?,
            )?),
            region: self.region.clone(),
            domain: self.domain.clone(),
            buckets: Vec::new(),
        })
    }
}

/// Reads `name=a,listen=127.0.0.1:0,…`. Values hold no comma; a secret that does comes as `env:NAME`.
fn parse_spec(spec: &str) -> Result<OriginConfig, StartFailure> {
    let (mut name, mut listen, mut root, mut key, mut secret) = (None, None, None, None, None);
    let (mut region, mut domain) = (None, None);
    let mut buckets = Vec::new();
    for field in spec.split(',') {
        // The field is not quoted in a message: it could be the tail of a secret with a comma.
        let (word, value) = field.split_once('=').ok_or("--origin: a field is not WORD=VALUE")?;
        let slot = match word {
            "name" => &mut name,
            "listen" => &mut listen,
            "root" => &mut root,
            "key" => &mut key,
            "secret" => &mut secret,
            "region" => &mut region,
            "domain" => &mut domain,
            "bucket" => {
                buckets.push(value.to_owned());
                continue;
            }
            _ => return Err(format!("--origin: unknown field \"{word}\"")),
        };
        if slot.replace(value).is_some() {
            return Err(format!("--origin: \"{word}\" stands there twice"));
        }
    }
    let need = |value: Option<&str>, word: &str| {
        value.map(str::to_owned).ok_or_else(|| format!("--origin: \"{word}\" is missing"))
    };
    let listen = need(listen, "listen")?;
    Ok(OriginConfig {
        name: name.unwrap_or("origin").to_owned(),
        listen: listen.parse().map_err(|_| format!("--origin: \"{listen}\" is no ADDR:PORT"))?,
        root: need(root, "root")?.into(),
        access_key: text_or_env(&need(key, "key")?)?,
        secret_key: OriginSecret(text_or_env(&need(secret, "secret")?)?),
        region: region.map(str::to_owned),
        domain: domain.map(str::to_owned),
        buckets,
    })
}

/// The text itself, or what the environment variable behind `env:` holds.
fn text_or_env(value: &str) -> Result<String, StartFailure> {
    let text = match value.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|e| format!("env:{name}: {e}"))?,
        None => value.to_owned(),
    };
    if text.is_empty() { Err("an access key or a secret is empty".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(line: &[&str]) -> Result<Vec<OriginConfig>, StartFailure> {
        OriginOptions::try_parse_from([&["test-origin"], line].concat())
            .map_err(|e| e.to_string())?
            .origins()
    }

    #[track_caller]
    fn refused(line: &[&str], message: &str) {
        let failure = origins(line).err().expect("an error");
        assert!(failure.contains(message), "{failure}");
    }

    const A: &str = "name=a,listen=127.0.0.1:0,root=/tmp/a,key=AKA,secret=sa";

    #[test]
    fn accepted() {
        let single =
            ["--listen", "127.0.0.1:0", "--root", "r", "--access-key", "k", "--secret-key", "s"];
        assert_eq!(origins(&single).unwrap()[0].name, "origin");

        let b = "name=b,listen=127.0.0.1:0,root=/tmp/b,key=AKB,secret=env:PATH,region=eu-west-1,domain=s3.b,bucket=x";
        let pair = origins(&["--origin", A, "--origin", b, "--create-bucket", "demo"]).unwrap();
        assert_eq!(pair[0].buckets, ["demo"]);
        assert_eq!(pair[1].buckets, ["x", "demo"]);
        assert_eq!(pair[1].region.as_deref(), Some("eu-west-1"));
        assert_eq!((pair[0].domain.as_deref(), pair[1].domain.as_deref()), (None, Some("s3.b")));
        assert_eq!(pair[1].secret_key.expose(), std::env::var("PATH").unwrap());
        assert_eq!(format!("{:?}", pair[1].secret_key), "OriginSecret(..)");
    }

    #[test]
    fn refused_with_a_reason() {
        refused(&[], "--listen");
        refused(&["--listen", "127.0.0.1:0"], "--root");
        refused(&["--origin", A, "--listen", "127.0.0.1:0"], "cannot be used with");
        refused(&["--origin", A, "--origin", A], "two origins are called \"a\"");
        refused(&["--origin", "listen=1,root=r,key=k,secret=s"], "\"1\" is no ADDR:PORT");
        refused(&["--origin", "listen=127.0.0.1:0,key=k,secret=s"], "\"root\" is missing");
        refused(&["--origin", "root=a,root=b"], "\"root\" stands there twice");
        refused(&["--origin", "port=1"], "unknown field \"port\"");
        refused(
            &["--origin", &A.replace("secret=sa", "secret=env:NO_SUCH_NAME")],
            "env:NO_SUCH_NAME",
        );
        refused(&["--origin", &A.replace("secret=sa", "secret=a,b")], "a field is not WORD=VALUE");
    }
}
