//! Looking whether files have changed.

use std::path::{Path, PathBuf};

use crate::FileReading;
use crate::identity::FileState;

/// Files that are looked at again and again.
///
/// A change counts when two looks in a row have found it the same: whoever writes a file, or several that belong together, should
/// have finished. That also makes changes visible that fall into one tick of the file system's clock (some milliseconds), if
/// looks are further apart than that: what is read was looked at before, and whatever is written later has another time.
#[derive(Debug, Default)]
pub struct FileWatch {
    files: Vec<WatchedFile>,
    /// Whether there is something that no reading has seen yet.
    is_open: bool,
    /// Looks in a row that found something new.
    restless: u8,
}

#[derive(Debug)]
struct WatchedFile {
    path: PathBuf,
    state: FileState,
    /// Whether this process could look at it at any time.
    was_visible: bool,
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing new.
    Calm,
    /// Something is new. It is time for another look soon.
    Moving,
    /// Something is new and stays as it is: time for a [`FileReading`].
    Settled,
    /// Something changes all the time: time for a reading, of which not much can be expected.
    Restless,
}

/// So many looks are given to a file to settle.
const PATIENCE: u8 = 5;

impl FileWatch {
    /// Watches the files of a reading. Of a [first](FileReading::first) one, which another process with other rights may have
    /// made, files that this one cannot even look at are left alone until it can.
    pub fn new(reading: &FileReading) -> Self {
        let mut watch = Self::default();
        watch.files = watch.watched(reading, false);
        watch
    }

    /// Whether there is anything to look at.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Looks at all files. Allocates nothing.
    pub fn look(&mut self) -> Look {
        let mut is_new = false;
        for file in &mut self.files {
            let state = FileState::of(&file.path);
            if state == FileState::Hidden && !file.was_visible {
                continue;
            }
            file.was_visible = true;
            is_new |= std::mem::replace(&mut file.state, state) != state;
        }
        if is_new {
            self.is_open = true;
            self.restless = self.restless.saturating_add(1);
            if self.restless < PATIENCE {
                return Look::Moving;
            }
            self.restless = 0;
            return Look::Restless;
        }
        self.restless = 0;
        if std::mem::take(&mut self.is_open) { Look::Settled } else { Look::Calm }
    }

    /// Goes on with the files of another reading, successful or not. What it has found otherwise than the last look did is open
    /// again.
    pub fn follow(&mut self, reading: &FileReading) {
        let files = self.watched(reading, true);
        let is_known = |file: &WatchedFile| {
            self.files.iter().any(|known| known.path == file.path && known.state == file.state)
        };
        self.is_open |= !files.iter().all(is_known);
        self.files = files;
    }

    fn watched(&self, reading: &FileReading, was_visible: bool) -> Vec<WatchedFile> {
        let mut files: Vec<WatchedFile> = Vec::with_capacity(reading.files.len());
        for (path, state) in &reading.files {
            // The first that was found of it counts, so that a change between two readings of one file is seen.
            if files.iter().any(|file| file.path == *path) {
                continue;
            }
            let known = self.files.iter().find(|file| file.path == *path);
            let was_visible = known.map_or(was_visible, |known| known.was_visible);
            files.push(WatchedFile { path: path.clone(), state: *state, was_visible });
        }
        files
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that goes away with the test.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("watch-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
            fs::write(self.path(name), content).unwrap();
            self.path(name)
        }

        /// Writes another file and renames it to the place of this one.
        fn replace(&self, name: &str, content: &str) {
            fs::rename(self.write("new", content), self.path(name)).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn read(mut reading: FileReading, path: &Path) -> (FileReading, Option<String>) {
        let content = reading.read(path, 100).ok();
        (reading, content.map(|content| String::from_utf8(content).unwrap()))
    }

    /// Looks until all is calm; what was read at each change.
    fn changes(watch: &mut FileWatch, path: &Path) -> Vec<Option<String>> {
        let mut found = Vec::new();
        loop {
            match watch.look() {
                Look::Calm => return found,
                Look::Moving => {}
                Look::Settled | Look::Restless => {
                    let (reading, content) = read(FileReading::again(), path);
                    watch.follow(&reading);
                    found.push(content);
                }
            }
        }
    }

    fn check(name: &str, change: impl Fn(&Folder), expected: &[Option<&str>]) {
        let folder = Folder::new(name);
        let path = folder.write("x", "one");
        let mut watch = FileWatch::new(&read(FileReading::first(), &path).0);
        assert_eq!(watch.look(), Look::Calm);
        // No test may depend on a clock that ticks every few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        change(&folder);
        let found = changes(&mut watch, &path);
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(watch.look(), Look::Calm);
    }

    #[test]
    fn each_way_to_change_a_file() {
        check("nothing", |_| (), &[]);
        check("in place", |folder| drop(folder.write("x", "two")), &[Some("two")]);
        check("renamed", |folder| folder.replace("x", "two"), &[Some("two")]);
        check("gone", |folder| fs::remove_file(folder.path("x")).unwrap(), &[None]);
        let old_time = |folder: &Folder| {
            let times = fs::metadata(folder.path("x")).unwrap().modified().unwrap();
            let path = folder.write("x", "two");
            fs::File::options().append(true).open(path).unwrap().set_modified(times).unwrap();
        };
        check("with its old time", old_time, &[Some("two")]);
    }

    #[test]
    fn a_link_that_leads_elsewhere() {
        let folder = Folder::new("link");
        for (name, content) in [("1", "one"), ("2", "two")] {
            fs::create_dir_all(folder.path(name)).unwrap();
            folder.write(&format!("{name}/x"), content);
        }
        symlink("1", folder.path("data")).unwrap();
        symlink("data/x", folder.path("x")).unwrap();
        let path = folder.path("x");
        let mut watch = FileWatch::new(&read(FileReading::first(), &path).0);
        assert_eq!(watch.look(), Look::Calm);
        symlink("2", folder.path("new")).unwrap();
        fs::rename(folder.path("new"), folder.path("data")).unwrap();
        assert_eq!(changes(&mut watch, &path), [Some("two".to_owned())]);
    }

    #[test]
    fn a_file_is_waited_for_while_it_is_being_written() {
        let folder = Folder::new("slow");
        let path = folder.write("x", "");
        let mut watch = FileWatch::new(&read(FileReading::first(), &path).0);
        let mut looks = Vec::new();
        for length in 1..=8 {
            folder.write("x", &"x".repeat(length));
            looks.push(watch.look());
            if looks.last() == Some(&Look::Restless) {
                watch.follow(&read(FileReading::again(), &path).0);
            }
        }
        let mut expected = [Look::Moving; 8];
        expected[4] = Look::Restless;
        assert_eq!(looks, expected);
        assert_eq!(watch.look(), Look::Settled);
        assert_eq!(watch.look(), Look::Calm);
    }

    #[test]
    fn a_change_between_look_and_reading_is_read_again() {
        let folder = Folder::new("between");
        let path = folder.write("x", "one");
        let mut watch = FileWatch::new(&read(FileReading::first(), &path).0);
        folder.write("x", "two");
        assert_eq!((watch.look(), watch.look()), (Look::Moving, Look::Settled));
        folder.write("x", "three");
        let (reading, content) = read(FileReading::again(), &path);
        assert_eq!(content.as_deref(), Some("three"));
        watch.follow(&reading);
        assert_eq!(changes(&mut watch, &path), [Some("three".to_owned())]);
    }

    #[test]
    fn one_that_comes_back_and_one_that_is_new() {
        let folder = Folder::new("back");
        let path = folder.write("x", "one");
        let mut watch = FileWatch::new(&read(FileReading::first(), &path).0);
        fs::remove_file(&path).unwrap();
        assert_eq!(changes(&mut watch, &path), [None]);
        folder.write("x", "two");
        assert_eq!(changes(&mut watch, &path), [Some("two".to_owned())]);
        // A reading that has come upon another file.
        let mut reading = FileReading::again();
        let _ = reading.read(&path, 9);
        let _ = reading.read(&folder.path("y"), 9);
        watch.follow(&reading);
        assert_eq!((watch.look(), watch.look()), (Look::Settled, Look::Calm));
        folder.write("y", "");
        assert_eq!(
            (watch.look(), watch.look(), watch.look()),
            (Look::Moving, Look::Settled, Look::Calm)
        );
    }
}
