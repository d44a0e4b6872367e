//! The file that nginx reads: whoever opens it sees all of the old one or all of the new.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, fchown};
use tempfile::Builder;

use crate::Failure;

/// Where credentials are kept, and who may read them.
pub(crate) struct OutputFile {
    path: PathBuf,
    folder: PathBuf,
    /// None: only the user may.
    group: Option<Gid>,
}

impl OutputFile {
    /// Looks whether such a file can be written, before anybody is asked for credentials.
    pub(crate) fn new(path: &Path, group: Option<&str>) -> Result<Self, Failure> {
        let shown = path.display();
        if path.file_name().is_none() || path.is_dir() {
            return Err(format!("{shown} is no name of a file"));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let group = group.map(|name| match Group::from_name(name) {
            Ok(Some(group)) => Ok(group.gid),
            Ok(None) => Err(format!("there is no group \"{name}\"")),
            Err(error) => Err(format!("group \"{name}\": {error}")),
        });
        let file = Self { path: path.to_owned(), folder, group: group.transpose()? };
        file.prepare().map_err(|error| format!("{shown} cannot be written: {error}"))?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `text` in the place of what there is.
    pub(crate) fn write(&self, text: &str) -> std::io::Result<()> {
        let mut file = self.prepare()?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        // Or the old name is back after a power failure.
        File::open(&self.folder)?.sync_all()
    }

    /// An empty file beside the place, which is gone when it is dropped. Nobody else can read it before its rights are set.
    fn prepare(&self) -> std::io::Result<tempfile::NamedTempFile> {
        let name = self.path.file_name().unwrap_or_default();
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        let file = Builder::new().prefix(&prefix).tempfile_in(&self.folder)?;
        if let Some(group) = self.group {
            fchown(file.as_file(), None, Some(group))?;
            file.as_file().set_permissions(Permissions::from_mode(0o640))?;
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_new_one_takes_the_place_of_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        let group = Group::from_gid(nix::unistd::getegid()).unwrap().unwrap();
        let file = OutputFile::new(&path, Some(&group.name)).unwrap();
        assert!(names(folder.path()).is_empty(), "nothing is left of the attempt");
        file.write("one").unwrap();
        let mut old = File::open(&path).unwrap();
        file.write("two").unwrap();
        assert_eq!(std::io::read_to_string(&mut old).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (0o640, group.gid.as_raw()));
        assert_eq!(names(folder.path()), ["b.json"]);
    }

    #[test]
    fn without_a_group_only_the_user_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        OutputFile::new(&path, None).unwrap().write("one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn what_cannot_be_written_is_found_out_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let check = |path: &Path, group: Option<&str>, expected: &str| {
            let error = OutputFile::new(path, group).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(&folder.path().join("none/b.json"), None, "cannot be written");
        check(folder.path(), None, "is no name of a file");
        check(&folder.path().join("b.json"), Some("no-such-group"), "there is no group");
    }
}
