//! What is known of all files with keys and of the keys in them, for whoever shows it: names, times and faults, and never a secret.
//!
//! It is what this worker knows. Another may have read a file up to `s3_watch` earlier or later.

use std::path::PathBuf;

use crate::conf::MainConf;
use crate::live::{Live, LiveSource};

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyHolder {
    /// A client of an `s3_clients`.
    Client,
    /// An `s3_origin`.
    Origin,
}

/// An access key that is in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedKey<'a> {
    pub(crate) holder: KeyHolder,
    /// Of the `s3_clients` or `s3_origin`.
    pub(crate) name: &'a str,
    /// The access key id; whoever configured it chose the bytes.
    pub(crate) access_key: &'a [u8],
    /// The second since 1970 that ends it; none for a key that lives until it is replaced. A client's key is good until it is
    /// over, an origin's until it begins.
    pub(crate) expires: Option<i64>,
    /// When its block was read last, in seconds since 1970.
    pub(crate) read_at: i64,
}

/// A file with keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub(crate) path: PathBuf,
    /// When what is in use now was read, in seconds since 1970; the earliest time where several blocks name the file.
    pub(crate) read_at: i64,
    /// Why what is in the block's files now is not in use; none if it is. A block is read as a whole, so that all of its files have
    /// the fault of one.
    pub(crate) fault: Option<String>,
}

/// Shows each key to `show`, in the order of the configuration; the clients of one block come in no order.
pub(crate) fn each_key(main: &MainConf, show: &mut dyn FnMut(&ListedKey<'_>)) {
    for clients in &main.clients {
        let (holder, name) = (KeyHolder::Client, clients.name.as_str());
        let read_at = clients.keyring.read_at();
        for credential in clients.keyring.current().iter() {
            let (access_key, expires) = (credential.access_key(), credential.expires());
            show(&ListedKey { holder, name, access_key, expires, read_at });
        }
    }
    for origin in &main.origins {
        let key = origin.key.current();
        show(&ListedKey {
            holder: KeyHolder::Origin,
            name: &origin.name,
            access_key: key.credential.access_key(),
            expires: key.end,
            read_at: origin.key.read_at(),
        });
    }
}

/// All files that are looked at, each once, by their paths.
pub(crate) fn files(main: &MainConf) -> Vec<ListedFile> {
    let clients = main.clients.iter().flat_map(|clients| files_of(&clients.keyring));
    let origins = main.origins.iter().flat_map(|origin| files_of(&origin.key));
    let mut files: Vec<ListedFile> = clients.chain(origins).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|other, file| {
        let is_same = other.path == file.path;
        if is_same {
            file.read_at = file.read_at.min(other.read_at);
            file.fault = file.fault.take().or_else(|| other.fault.take());
        }
        is_same
    });
    files
}

fn files_of<S: LiveSource>(live: &Live<S>) -> Vec<ListedFile> {
    let (read_at, fault) = (live.read_at(), live.fault());
    let file = |path| ListedFile { path, read_at, fault: fault.clone() };
    live.paths().into_iter().map(file).collect()
}
