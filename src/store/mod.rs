//! Where things lie on this machine, the settings file, and files written whole or not at all.

mod atomic;
pub mod folders;
mod paths;
mod settings;

pub use atomic::{keep_apart, write_whole};
pub use paths::{Paths, shipped_models};
pub use settings::{Loaded, Settings, Theme};

/// A file of the app that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Writing failed; what was there before is untouched.
    #[error("could not write {}: {source}; nothing was changed; free some space or check the folder's permissions", path.display())]
    Write {
        /// The file that was to be written.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file to write is one of those that are read.
    #[error("{} is read by this very command and would be overwritten; name another file to write", path.display())]
    WouldOverwrite {
        /// The file.
        path: std::path::PathBuf,
    },
    /// No home folder is known.
    #[error("no home folder is known; set HOME (or STREETWISE_DATA to a folder) and start again")]
    NoHome,
}
