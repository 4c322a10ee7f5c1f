//! Which pictures a list of files and folders holds.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{NotRead, is_picture_name};

/// What files and folders hold.
#[derive(Debug, Default)]
pub struct Listing {
    /// The pictures.
    pub pictures: Vec<PathBuf>,
    /// Files of the folders that were not taken for pictures.
    pub not_read: NotRead,
}

/// Lists the pictures of files and folders, folders with all that is below them.
///
/// The order is that of the arguments, each folder's pictures sorted by path. A path that is not
/// a folder is kept whatever its name, even when there is no such file, and so is a folder that
/// cannot be listed: [`Picture::open`](super::Picture::open) says what is wrong, in its turn, and
/// nothing is left out in silence. Inside folders, files are taken by their extension, in either
/// case, and the others counted; names that begin with a dot (hidden files, the `._` companions of
/// macOS) are passed over. Links are followed.
///
/// `goes_on` is given the number of pictures so far at every file and folder, and ends the walk with `false`: a home folder
/// can hold millions.
pub fn picture_files(paths: &[PathBuf], goes_on: &mut dyn FnMut(usize) -> bool) -> Listing {
    let mut found = Listing::default();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found, goes_on);
        } else {
            found.pictures.push(path.clone());
        }
    }
    found
}

fn walk(folder: &Path, found: &mut Listing, goes_on: &mut dyn FnMut(usize) -> bool) {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(is_visible) {
        if !goes_on(found.pictures.len()) {
            return;
        }
        match entry {
            Ok(entry) if !entry.file_type().is_file() => {}
            Ok(entry) if is_picture_name(entry.path()) => found.pictures.push(entry.into_path()),
            Ok(entry) => found.not_read.count(entry.path()),
            // A link back to a folder that holds it: its pictures are listed already.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => found.pictures.push(error.path().unwrap_or(folder).to_owned()),
        }
    }
}

/// Whether the walk goes on here. The folder that was asked for is always visible.
fn is_visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn folders_are_walked_in_order_and_files_kept_as_given() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        touch(root, &["b.JPG", "a/z.webp", "a/c.gif", "c.png", "d.jpeg", "e.bmp"]);
        touch(root, &["notes.txt", "a/noextension", ".hidden.jpg", ".cache/f.png", "a/._c.gif"]);
        let given = [root.join("notes.txt"), root.to_owned(), root.join("gone.xyz")];
        let found = picture_files(&given, &mut |_| true);
        let expected = ["notes.txt", "a/c.gif", "a/z.webp", "b.JPG", "c.png", "d.jpeg", "e.bmp"];
        let expected: Vec<_> = expected.iter().chain(&["gone.xyz"]).map(|f| root.join(f)).collect();
        assert_eq!(found.pictures, expected);
        // What was named itself is no file of a folder.
        assert!(found.not_read.to_string().starts_with("2 left out: 2 files"), "{}", found.not_read);
    }

    #[test]
    fn a_walk_can_be_ended() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["a.png", "b.png", "c.png", "d.png"]);
        let found = picture_files(&[folder.path().to_owned()], &mut |so_far| so_far < 2);
        assert_eq!(found.pictures.len(), 2);
    }

    #[test]
    fn a_hidden_folder_is_walked_when_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &[".shots/a.png"]);
        let found = picture_files(&[folder.path().join(".shots")], &mut |_| true);
        assert_eq!(found.pictures.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_a_loop_ends() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["elsewhere/a.png", "in/b.png"]);
        let inside = folder.path().join("in");
        std::os::unix::fs::symlink("../elsewhere/a.png", inside.join("linked.png")).unwrap();
        std::os::unix::fs::symlink("../gone.png", inside.join("broken.png")).unwrap();
        std::os::unix::fs::symlink(".", inside.join("loop")).unwrap();
        let expected = ["b.png", "broken.png", "linked.png"].map(|file| inside.join(file));
        assert_eq!(picture_files(&[inside], &mut |_| true).pictures, expected);
    }
}
