//! What tells one state of a file from another without reading it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file's device, inode, size, and times of change in seconds and nanoseconds (stat(2)).
///
/// The inode tells a file that was renamed over another (so does a symbolic link that leads elsewhere, `..data` of a Kubernetes
/// Secret); `st_ctime`, which nobody can set, a file that was written in place with its old `st_mtime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileIdentity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What is found under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Nothing, or nothing that can be told.
    Absent,
    /// This process may not look.
    Hidden,
    /// This file.
    Present(FileIdentity),
}

impl FileState {
    /// Follows symbolic links.
    pub(crate) fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) => FileState::Present(FileIdentity::of(&metadata)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => FileState::Hidden,
            Err(_) => FileState::Absent,
        }
    }
}
