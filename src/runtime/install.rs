//! `streetwise runtime install`: the ONNX Runtime library out of the Python wheel of that name.
//!
//! The wheel is fetched by `uv` or `python3 -m pip`, so the user's own configuration of package sources
//! applies. Only native libraries are kept, as copies: what the tool puts down may be a hard link into its cache, and
//! damage to one would be damage to both. No Python is needed afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Choice;
use super::candidates::library_in;
use super::installed::{self, RECEIPT, Receipt};
use super::probe::{ProbeError, probe};
use crate::store::write_whole;

/// A fresh library may take this long to load for the first time.
const PROBE_LIMIT: Duration = Duration::from_secs(30);

/// What can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The processor, every platform.
    Cpu,
    /// NVIDIA GPUs on Linux and Windows.
    Cuda,
    /// GPUs on Windows.
    DirectMl,
}

impl Kind {
    /// Folder name and name on the command line.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::DirectMl => "directml",
        }
    }

    /// Requirements of the wheels that hold the libraries. The CUDA build is for CUDA 13 and needs NVIDIA's own.
    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["onnxruntime>=1.24,<2"],
            Self::DirectMl => &["onnxruntime-directml>=1.24,<2"],
            Self::Cuda => &[
                "onnxruntime-gpu>=1.31,<2",
                "nvidia-cuda-runtime>=13,<14",
                "nvidia-cuda-nvrtc>=13,<14",
                "nvidia-cufft",
                "nvidia-curand",
                "nvidia-cublas>=13,<14",
                "nvidia-cudnn-cu13",
                "nvidia-nvjitlink>=13,<14",
            ],
        }
    }
}

/// Why a runtime was not installed. What was installed before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Neither tool is there.
    #[error(
        "neither `uv` nor `python3 -m pip` could be started; install one of them, or set the path of an ONNX Runtime library"
    )]
    NoInstaller,
    /// The tool ran and failed.
    #[error("the {kind} runtime could not be fetched: {why}")]
    Fetch {
        /// Which runtime.
        kind: &'static str,
        /// The last line of what the tools said.
        why: String,
    },
    /// The wheel holds no library.
    #[error("the {kind} package holds no ONNX Runtime library for this platform")]
    NoLibrary {
        /// Which runtime.
        kind: &'static str,
    },
    /// The library does not load here.
    #[error(transparent)]
    Unusable(#[from] ProbeError),
    /// The disk refused.
    #[error("{} could not be written: {source}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Fetches the wheels, keeps their libraries with a receipt, and replaces an earlier install at the very end.
/// `progress` gets every line that the tool prints. The library is tried by `choice.prober`.
///
/// What is there already may have been damaged together with the tool's cache, and so may what was fetched and does not
/// load: both are fetched anew, past the cache.
///
/// # Errors
/// When nothing could be fetched, the library does not load on this machine, or the disk refuses.
pub fn install(choice: &Choice, kind: Kind, progress: &dyn Fn(&str)) -> Result<Receipt, InstallError> {
    let root = choice.paths.runtimes();
    std::fs::create_dir_all(&root).map_err(disk(&root))?;
    let work = tempfile::Builder::new().prefix(".install-").tempdir_in(&root).map_err(disk(&root))?;
    let target = root.join(kind.id());
    let first = fetched(choice, kind, &work.path().join("first"), target.exists(), progress);
    let (kept, receipt) = match first {
        Err(InstallError::Unusable(_)) if !target.exists() => {
            progress("the library does not load; fetching it anew");
            fetched(choice, kind, &work.path().join("second"), true, progress)?
        }
        first => first?,
    };
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(disk(&target))?;
    }
    std::fs::rename(&kept, &target).map_err(disk(&target))?;
    Ok(receipt)
}

fn disk(path: &Path) -> impl Fn(std::io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Disk { path: path.clone(), source }
}

/// The libraries in a folder below `work`, with their receipt, after the main one was tried in a process of its own.
fn fetched(
    choice: &Choice,
    kind: Kind,
    work: &Path,
    past_cache: bool,
    progress: &dyn Fn(&str),
) -> Result<(PathBuf, Receipt), InstallError> {
    let (packages, kept) = (work.join("packages"), work.join("kept"));
    fetch(kind, &packages, past_cache, progress)?;
    std::fs::create_dir_all(&kept).map_err(disk(&kept))?;
    progress("keeping the libraries");
    keep_libraries(&packages, &kept)?;
    let library = library_in(&kept).ok_or(InstallError::NoLibrary { kind: kind.id() })?;
    let version = probe(choice.prober.as_deref(), &library, PROBE_LIMIT)?;
    let receipt = installed::receipt_of(kind.id(), &library, version).map_err(disk(&library))?;
    let text = serde_json::to_vec_pretty(&receipt).unwrap_or_default();
    write_whole(&kept.join(RECEIPT), &text).map_err(|error| InstallError::Disk {
        path: kept.join(RECEIPT),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok((kept, receipt))
}

/// Runs `uv`, and where that is missing or fails, `python3 -m pip`; `past_cache` fetches what the tool has already.
fn fetch(kind: Kind, target: &Path, past_cache: bool, progress: &dyn Fn(&str)) -> Result<(), InstallError> {
    let common = ["--no-deps", "--only-binary=:all:", "--target"];
    // The library inside is the same for every Python, so any version that has a wheel will do.
    let uv = ["pip", "install", "--python-version=3.12"];
    let pip = ["-m", "pip", "install", "--progress-bar=off", "--python-version=3.12", "--implementation=cp"];
    let mut why = None;
    for (program, first, anew) in [
        ("uv", &uv[..], "--no-cache"),
        ("python3", &pip[..], "--no-cache-dir"),
        ("python", &pip[..], "--no-cache-dir"),
    ] {
        let mut command = Command::new(program);
        command.args(first).args(past_cache.then_some(anew)).args(common).arg(target);
        command.args(kind.requirements());
        match run(command, progress) {
            Ok(()) => return Ok(()),
            Err(Some(said)) => why = Some(format!("{program}: {said}")),
            Err(None) => {}
        }
    }
    Err(why.map_or(InstallError::NoInstaller, |why| InstallError::Fetch { kind: kind.id(), why }))
}

/// Runs the command and hands on its lines; `Err(None)` when it could not be started.
fn run(mut command: Command, progress: &dyn Fn(&str)) -> Result<(), Option<String>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| None)?;
    let mut last = String::from("it said nothing");
    if let Some(stderr) = child.stderr.take() {
        for line in
            BufReader::new(stderr).lines().map_while(Result::ok).filter(|line| !line.trim().is_empty())
        {
            progress(&line);
            last = line;
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Some(last)),
        Err(error) => Err(Some(error.to_string())),
    }
}

/// Copies every native library below `packages` into one folder, where they find each other. One after the other, so
/// that the disk holds one of them twice at most.
fn keep_libraries(packages: &Path, kept: &Path) -> Result<(), InstallError> {
    for entry in walkdir::WalkDir::new(packages).into_iter().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy();
        let library = name.contains(std::env::consts::DLL_SUFFIX) && !name.contains("pybind");
        if entry.file_type().is_file() && library {
            let target = kept.join(name.as_ref());
            std::fs::copy(entry.path(), &target).map_err(disk(&target))?;
            std::fs::remove_file(entry.path()).map_err(disk(entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_native_libraries_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (packages, kept) = (folder.path().join("packages/onnxruntime/capi"), folder.path().join("kept"));
        std::fs::create_dir_all(&packages).unwrap();
        std::fs::create_dir_all(&kept).unwrap();
        let library = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let binding = format!("onnxruntime_pybind11_state{}", std::env::consts::DLL_SUFFIX);
        for name in [library.as_str(), binding.as_str(), "__init__.py"] {
            std::fs::write(packages.join(name), b"x").unwrap();
        }
        keep_libraries(folder.path().join("packages").as_path(), &kept).unwrap();
        let names: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [std::ffi::OsString::from(library)]);
    }

    #[test]
    fn a_failing_tool_is_quoted() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first >&2; echo 'no such package' >&2; exit 3"]);
        let lines = std::cell::RefCell::new(Vec::new());
        let failed = run(command, &|line| lines.borrow_mut().push(line.to_owned())).unwrap_err();
        assert_eq!(failed.as_deref(), Some("no such package"));
        assert_eq!(lines.into_inner(), ["first", "no such package"]);
        assert_eq!(run(Command::new("no-such-tool-streetwise"), &|_| ()), Err(None));
    }
}
