//! The app's folders as the settings show them: where they lie, how much is in them, and what can be done there.

use std::path::PathBuf;

use super::found::{Found, Sizes};
use super::words;
use crate::store::Paths;
use crate::store::folders::{self, Folder};
use crate::training::cache;

/// What the window knows of the folders.
#[derive(Debug)]
pub struct Folders {
    /// The folders in use since the start.
    pub paths: Paths,
    /// What is in them; none until it was looked up.
    pub sizes: Option<Sizes>,
}

impl Folders {
    /// Folders that were not looked into yet.
    #[must_use]
    pub fn new(paths: Paths) -> Self {
        Self { paths, sizes: None }
    }
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Look up how much is in them.
    Measure,
    /// Show a folder in the system's file manager.
    Open(PathBuf),
    /// Empty the training cache.
    EmptyCache,
}

impl Wish {
    /// Does it; what there is to show. Reads the disk, so never on the window's thread.
    pub fn grant(self, paths: &Paths) -> Vec<Found> {
        match self {
            Self::Measure => vec![Found::Sizes(sizes(paths))],
            Self::Open(folder) => {
                let failed = open::that_detached(&folder).err().map(|error| {
                    let folder = folder.display();
                    format!("No file manager could be started for {folder} ({error}); copy the path instead.")
                });
                failed.map(Found::Tell).into_iter().collect()
            }
            Self::EmptyCache => {
                let said = match cache::empty(paths) {
                    Ok(freed) => format!("The training cache is empty, {} were freed.", words::bytes(freed)),
                    Err(why) => format!("The training cache was not emptied: {why}."),
                };
                vec![Found::Tell(said), Found::Sizes(sizes(paths))]
            }
        }
    }
}

fn sizes(paths: &Paths) -> Sizes {
    Folder::ALL.map(|folder| match folder {
        // Other files may lie there, in a folder that the user chose.
        Folder::Cache => cache::size(&paths.training_cache()),
        _ => folders::size(&folder.path(paths)),
    })
}
