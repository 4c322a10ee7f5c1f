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
    /// The other libraries of the folder: ONNX Runtime's providers, and NVIDIA's. None in receipts of old.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

/// A library beside ONNX Runtime's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// File name.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why an installed runtime is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReceiptError {
    /// No receipt, or one that cannot be read.
    #[error("{} has no readable receipt; run `streetwise runtime install` again", .0.display())]
    Unreadable(PathBuf),
    /// The library is not the one that was installed.
    #[error("{} is not the file that was installed (its checksum or size differs); run `streetwise runtime install` again", .0.display())]
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

/// The receipt of a folder whose main library is `library`; checksums of everything in it.
pub(super) fn receipt_of(kind: &str, library: &Path, version: String) -> std::io::Result<Receipt> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut beside = Vec::new();
    for entry in std::fs::read_dir(library.parent().unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        if path.is_file() && path != library {
            let bytes = std::fs::metadata(&path)?.len();
            beside.push(Beside { file: name(&path), sha256: crate::base::hash::sha256_of(&path)?, bytes });
        }
    }
    beside.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(Receipt {
        kind: kind.to_owned(),
        library: name(library),
        sha256: crate::base::hash::sha256_of(library)?,
        bytes: std::fs::metadata(library)?.len(),
        version,
        beside,
    })
}

/// Compares the library with its receipt, and the sizes of those beside it: NVIDIA's are 2 GB, too much to read through
/// at every start.
pub(super) fn check(library: &Path) -> Result<(), ReceiptError> {
    let folder = library.parent().unwrap_or(Path::new("."));
    let receipt = read(folder).ok_or_else(|| ReceiptError::Unreadable(library.to_owned()))?;
    if crate::base::hash::sha256_of(library).ok() != Some(receipt.sha256) {
        return Err(ReceiptError::Changed(library.to_owned()));
    }
    for beside in receipt.beside {
        let path = folder.join(beside.file);
        if std::fs::metadata(&path).map(|found| found.len()).ok() != Some(beside.bytes) {
            return Err(ReceiptError::Changed(path));
        }
    }
    Ok(())
}

/// Compares ONNX Runtime's providers beside an installed `library` with the receipt; they are loaded by the first
/// session that asks for CUDA. A library without a receipt was not installed by the app: there is nothing to compare.
pub(super) fn check_providers(library: &Path) -> Result<(), ReceiptError> {
    let folder = library.parent().unwrap_or(Path::new("."));
    let Some(receipt) = read(folder).filter(|receipt| library.ends_with(&receipt.library)) else {
        return Ok(());
    };
    for beside in receipt.beside.iter().filter(|beside| beside.file.contains("onnxruntime_providers")) {
        let path = folder.join(&beside.file);
        if crate::base::hash::sha256_of(&path).ok().as_ref() != Some(&beside.sha256) {
            return Err(ReceiptError::Changed(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_library_is_refused_by_its_checksum_and_so_are_its_providers() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path().to_owned());
        let cpu = paths.runtimes().join("cpu");
        std::fs::create_dir_all(&cpu).unwrap();
        let library = cpu.join("libonnxruntime.so.1");
        let (provider, nvidias) = (cpu.join("libonnxruntime_providers_cuda.so"), cpu.join("libcudart.so.13"));
        for file in [&library, &provider, &nvidias] {
            std::fs::write(file, b"as installed").unwrap();
        }
        let receipt = receipt_of("cpu", &library, "1.32.0".into()).unwrap();
        std::fs::write(cpu.join(RECEIPT), serde_json::to_vec(&receipt).unwrap()).unwrap();
        assert_eq!(libraries(&paths), std::slice::from_ref(&library));
        check(&library).unwrap();
        check_providers(&library).unwrap();
        let refused = |checked: Result<(), ReceiptError>, name: &str| {
            let said = checked.unwrap_err().to_string();
            assert!(said.contains(name) && said.contains("runtime install"), "{said}");
        };
        std::fs::write(&provider, b"as  changed!").unwrap();
        check(&library).unwrap();
        refused(check_providers(&library), "providers_cuda");
        std::fs::write(&provider, b"cut").unwrap();
        refused(check(&library), "providers_cuda");
        std::fs::write(&provider, b"as installed").unwrap();
        std::fs::remove_file(&nvidias).unwrap();
        refused(check(&library), "libcudart");
        std::fs::write(&library, b"as  changed!").unwrap();
        refused(check(&library), "libonnxruntime.so.1");
    }

    #[test]
    fn a_receipt_of_old_names_the_main_library_alone() {
        let old = r#"{"kind":"cpu","library":"l.so","sha256":"00","bytes":1,"version":"1.30.0"}"#;
        let receipt: Receipt = serde_json::from_str(old).unwrap();
        assert!(receipt.beside.is_empty());
    }
}
