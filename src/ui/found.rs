//! What the threads beside the window found out.

use std::path::PathBuf;

use crate::imaging::Picture;
use crate::store::folders::Folder;

use super::state::Choice;

/// Bytes in each folder, in the order of [`Folder::ALL`]; none where there is no such folder.
pub type Sizes = [Option<u64>; Folder::ALL.len()];

/// What a thread found out.
#[derive(Debug)]
pub enum Found {
    /// Picture files that the user chose, or whose paths were in the clipboard.
    Files(Vec<PathBuf>),
    /// A file or folder that the user chose for something.
    Chosen(Choice, PathBuf),
    /// A picture of the clipboard.
    Picture(Picture),
    /// A text of the clipboard, for the field that has the focus.
    Text(String),
    /// How much is in the app's folders.
    Sizes(Sizes),
    /// Something to tell the user that has no place of its own.
    Tell(String),
}
