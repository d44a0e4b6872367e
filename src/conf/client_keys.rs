//! The lines of `s3_clients` that say who may sign, and the keyring that is made of them, again whenever their files change.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use nginx::conf::{argument, text};
use nginx::{Conf, ConfError};
use rustc_hash::FxHashMap;
use s3::{ClientsFile, Grants, SecretReference};
use sigv4::{Credential, Keyring, Secret};
use watch::FileReading;

use crate::conf::secret::{KeyWords, from_environment, from_file};
use crate::live::{Live, LiveSource};

/// The largest clients file, in bytes: 50,000 clients with grants, 100,000 without. Workers read it while requests wait.
const MAX_CLIENTS_FILE: u64 = 16 << 20;

/// `key` and `file` of `s3_clients`.
#[derive(Default)]
pub(crate) struct ClientKeys {
    lines: Vec<KeyLine>,
    /// Where relative names start from.
    prefix: PathBuf,
    /// Values of the environment that clients files name. A worker has no environment, so these are all that it will know.
    environment: RefCell<FxHashMap<String, Secret>>,
}

enum KeyLine {
    Key(KeyWords),
    File(PathBuf),
}

/// What the lines have given so far, while the configuration is being read.
#[derive(Default)]
pub(crate) struct ClientKeysBuilder {
    keys: ClientKeys,
    keyring: Keyring<Grants>,
    reading: FileReading,
}

impl ClientKeysBuilder {
    /// Whether there was a line.
    pub(crate) fn has_lines(&self) -> bool {
        !self.keys.lines.is_empty()
    }

    /// Whether nobody may sign: there are files, and no client is in them.
    pub(crate) fn is_empty(&self) -> bool {
        self.keyring.is_empty()
    }

    /// When the block has ended.
    pub(crate) fn build(self) -> Live<ClientKeys> {
        Live::new(self.keys, self.keyring, &self.reading)
    }

    /// `key ID SECRET [old=SECRET]`: the second secret is one that is being rotated out.
    pub(crate) fn key(&mut self, cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let key = KeyWords::of(cf, words, b"old=", "old secret key")?;
        self.line(cf, KeyLine::Key(key))
    }

    /// `file PATH`: a JSON file of clients, each with its grants.
    pub(crate) fn file(&mut self, cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        self.keys.prefix = cf.prefix();
        let path = self.keys.prefix.join(text(argument(words), "file name")?);
        self.line(cf, KeyLine::File(path))
    }

    fn line(&mut self, cf: &mut Conf<'_>, line: KeyLine) -> Result<(), ConfError> {
        let ClientKeysBuilder { keys, keyring, reading } = self;
        let mut environment = |name: &str| {
            let value = Secret::new(from_environment(cf, name, "the secret")?);
            keys.environment.borrow_mut().insert(name.to_owned(), value.clone());
            Ok(value)
        };
        line.insert_into(keyring, &keys.prefix, reading, &mut environment)?;
        keys.lines.push(line);
        Ok(())
    }
}

impl LiveSource for ClientKeys {
    type State = Keyring<Grants>;

    fn read(&self, reading: &mut FileReading) -> Result<Keyring<Grants>, String> {
        let mut keyring = Keyring::default();
        let mut environment = |name: &str| {
            let known = self.environment.borrow().get(name).cloned();
            known.ok_or_else(|| {
                format!("environment variable \"{name}\" was not named there before: that takes a reload")
            })
        };
        for line in &self.lines {
            line.insert_into(&mut keyring, &self.prefix, reading, &mut environment)?;
        }
        Ok(keyring)
    }
}

impl KeyLine {
    fn insert_into(
        &self,
        keyring: &mut Keyring<Grants>,
        prefix: &Path,
        reading: &mut FileReading,
        environment: &mut dyn FnMut(&str) -> Result<Secret, String>,
    ) -> Result<(), String> {
        match self {
            KeyLine::Key(key) => {
                let (access_key, secret) = (key.read_id(reading)?, key.secret.read(reading)?);
                let access_key = access_key.expose();
                let mut credential = Credential::new(access_key, secret, Grants::unrestricted());
                if let Some(old) = &key.extra {
                    credential = credential.with_second_secret(old.read(reading)?);
                }
                keyring.insert(credential).map_err(|duplicate| duplicate.to_string())
            }
            KeyLine::File(path) => {
                let in_file = |fault: &dyn fmt::Display| {
                    format!("clients file \"{}\": {fault}", path.display())
                };
                let content =
                    reading.read(path, MAX_CLIENTS_FILE).map_err(|error| in_file(&error))?;
                let content = Secret::new(content);
                let clients =
                    ClientsFile::parse(content.expose()).map_err(|error| in_file(&error))?;
                let mut resolve = |reference: &SecretReference| match reference {
                    SecretReference::Env(name) => environment(name),
                    SecretReference::File(name) => {
                        from_file(&prefix.join(name), "the secret", reading)
                    }
                };
                clients.insert_into(keyring, &mut resolve).map_err(|error| in_file(&error))
            }
        }
    }
}
