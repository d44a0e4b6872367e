//! Reading files, and noting which they were.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::identity::{FileIdentity, FileState};

/// The files that something is made of, while it is being made.
#[derive(Debug, Default)]
pub struct FileReading {
    pub(crate) files: Vec<(PathBuf, FileState)>,
    content: DefaultHasher,
    is_again: bool,
    has_streams: bool,
}

impl FileReading {
    /// A first reading, which takes whatever can be read: pipes and devices, too.
    pub fn first() -> Self {
        Self::default()
    }

    /// One that must end at once, and so reads regular files only.
    pub fn again() -> Self {
        Self { is_again: true, ..Self::default() }
    }

    /// The content of a file of at most `limit` bytes. The file is noted whether or not it can be read.
    ///
    /// # Errors
    ///
    /// Why it cannot be read; [`io::ErrorKind::FileTooLarge`] if it is larger.
    pub fn read(&mut self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let at = self.files.len();
        let result = self.read_noted(path, limit);
        if self.files.len() == at {
            self.files.push((path.to_owned(), FileState::of(path)));
        }
        self.content.write(path.as_os_str().as_bytes());
        match &result {
            Ok(content) => {
                self.content.write_usize(content.len());
                self.content.write(content);
            }
            Err(error) => self.content.write_i32(error.raw_os_error().unwrap_or(-1)),
        }
        result
    }

    fn read_noted(&mut self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        // Before it is opened: to open a pipe means to wait for whoever writes.
        if self.is_again && !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            // As it was before its content was read: what changes it meanwhile makes it another one.
            self.files.push((path.to_owned(), FileState::Present(FileIdentity::of(&metadata))));
        } else {
            self.has_streams = true;
        }
        // Room for all of it, so that no part of a secret stays behind in memory that was too small.
        let length = metadata.len().min(limit).saturating_add(1);
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        (&mut file).take(limit.saturating_add(1)).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length > limit) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }

    /// Whether it could be done again: nothing of it came from a pipe or the like.
    pub fn is_repeatable(&self) -> bool {
        !self.has_streams
    }

    /// A number for what was read. Two readings of one content have the same.
    pub fn fingerprint(&self) -> u64 {
        self.content.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_watch::tests::Folder;

    #[test]
    fn content_and_limit() {
        let folder = Folder::new("limit");
        let path = folder.write("x", "12345");
        let mut reading = FileReading::first();
        assert_eq!(reading.read(&path, 5).unwrap(), b"12345");
        let error = reading.read(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(reading.is_repeatable());
        assert_eq!(reading.files.len(), 2);
    }

    #[test]
    fn fingerprints() {
        let folder = Folder::new("fingerprints");
        let (a, b) = (folder.write("a", "1"), folder.write("b", "2"));
        let of = |paths: &[&PathBuf]| {
            let mut reading = FileReading::first();
            paths.iter().for_each(|path| drop(reading.read(path, 9)));
            reading.fingerprint()
        };
        let before = of(&[&a, &b]);
        assert_eq!(of(&[&a, &b]), before);
        assert_ne!(of(&[&b, &a]), before);
        assert_ne!(of(&[&a]), before);
        // The same bytes, elsewhere divided.
        folder.write("a", "12");
        folder.write("b", "");
        assert_ne!(of(&[&a, &b]), before);
        folder.write("a", "1");
        folder.write("b", "2");
        assert_eq!(of(&[&a, &b]), before);
    }

    #[test]
    fn streams_are_read_once() {
        let path = Path::new("/dev/null");
        let mut reading = FileReading::first();
        assert_eq!(reading.read(path, 9).unwrap(), b"");
        assert!(!reading.is_repeatable());
        let error = FileReading::again().read(path, 9).unwrap_err();
        assert_eq!(error.to_string(), "it is no regular file");
    }

    #[test]
    fn what_is_not_there_is_noted() {
        let folder = Folder::new("absent");
        let path = folder.path("x");
        let mut reading = FileReading::first();
        assert_eq!(reading.read(&path, 9).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(reading.files, [(path, FileState::Absent)]);
    }
}
