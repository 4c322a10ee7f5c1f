//! Runtimes that `streetwise runtime install` brought: a folder each, with a receipt that keeps checksums.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::Paths;

/// Name of the receipt in a runtime's folder.
pub(super) const RECEIPT: &str = "receipt.json";

/// What was installed, so that a changed library is noticed before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `cpu`, `cuda` or `directml`.
    pub kind: String,
    /// File name of the ONNX Runtime library in the folder.
    pub library: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Version of the package it came from.
    pub version: String,
}

/// Why an installed runtime is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReceiptError {
    /// No receipt, or one that cannot be read.
    #[error("{} has no readable receipt; run `streetwise runtime install` again", .0.display())]
    Unreadable(PathBuf),
    /// The library is not the one that was installed.
    #[error("{} is not the file that was installed (its checksum differs); run `streetwise runtime install` again", .0.display())]
    Changed(PathBuf),
}

/// The libraries of all installed runtimes; CUDA before DirectML before CPU, since a GPU build runs on both.
pub(super) fn libraries(paths: &Paths) -> Vec<PathBuf> {
    ["cuda", "directml", "cpu"]
        .iter()
        .map(|kind| paths.runtimes().join(kind))
        .filter_map(|folder| Some(folder.join(read(&folder)?.library)))
        .collect()
}

/// The receipt of the runtime in `folder`.
pub(super) fn read(folder: &Path) -> Option<Receipt> {
    serde_json::from_slice(&std::fs::read(folder.join(RECEIPT)).ok()?).ok()
}

/// Compares the library with its receipt.
pub(super) fn check(library: &Path) -> Result<(), ReceiptError> {
    let receipt =
        library.parent().and_then(read).ok_or_else(|| ReceiptError::Unreadable(library.to_owned()))?;
    match crate::model::sha256_of(library) {
        Ok(sum) if sum == receipt.sha256 => Ok(()),
        _ => Err(ReceiptError::Changed(library.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_library_is_refused_by_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path().to_owned());
        let cpu = paths.runtimes().join("cpu");
        std::fs::create_dir_all(&cpu).unwrap();
        let library = cpu.join("libonnxruntime.so.1");
        std::fs::write(&library, b"as installed").unwrap();
        let receipt = Receipt {
            kind: "cpu".into(),
            library: "libonnxruntime.so.1".into(),
            sha256: crate::model::sha256_of(&library).unwrap(),
            bytes: 12,
            version: "1.32.0".into(),
        };
        std::fs::write(cpu.join(RECEIPT), serde_json::to_vec(&receipt).unwrap()).unwrap();
        assert_eq!(libraries(&paths), std::slice::from_ref(&library));
        check(&library).unwrap();
        std::fs::write(&library, b"as  changed!").unwrap();
        assert!(check(&library).unwrap_err().to_string().contains("checksum differs"));
    }
}
