//! The trainer's Python environment: made once, by `uv` where it is found, else by `venv` and `pip`.
//!
//! The package `streetwise_train` and the lock file with the checksum of every wheel are part of this program;
//! nothing but Python itself and the locked packages comes from elsewhere. The environment lies in
//! [`Paths::trainer`], with the unpacked package in `package/` and, once everything is there, a stamp. Without a
//! stamp of the same lock the environment is completed or redone: setting up may be interrupted at any time.
//!
//! About checksums: everything is installed with `--require-hashes` from the lock, torch as published on the
//! package index included. With [`Torch::Auto`] `uv` is first asked for the build of torch that fits this machine's
//! GPU or its lack (`--torch-backend auto`). Those builds are other files than the locked ones, so their checksums
//! are not in the lock: torch and torchvision are pinned to the locked version and come over TLS from the index that
//! `uv` itself names. Where that fails, and with [`Torch::Locked`], the locked torch is taken.

use std::path::{Path, PathBuf};
use std::process::Command;

use include_dir::{Dir, include_dir};

pub use super::environment_tools::{Follow, ToolError};
use super::environment_tools::{Unheard, python_3, run_tool};
use super::queue;
use super::runs::{RunError, RunStore};
use crate::base::hash::sha256_bytes;
use crate::store::{Paths, StoreError, write_whole};

static PACKAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/export/streetwise_train");
const LOCK: &str = include_str!("../../export/requirements.lock");
/// Variable with the path of a Python interpreter to use in place of the environment.
pub const OVERRIDE: &str = "STREETWISE_PYTHON";
/// The stamp of a complete environment: the checksum of the lock, and where torch came from.
const STAMP: &str = "installed.json";
/// Packages that only torch needs, or that change with its build.
const OF_TORCH: [&str; 5] = ["torch", "torchvision", "triton", "nvidia-", "cuda-"];

/// Which build of torch is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Torch {
    /// The one `uv` finds fitting, else the locked one.
    #[default]
    Auto,
    /// The locked one, its checksum compared.
    Locked,
}

/// A trainer that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trainer {
    /// The interpreter.
    pub python: PathBuf,
    /// The folder that holds the package `streetwise_train`.
    pub package: PathBuf,
}

/// Why there is no trainer.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It was never set up, or for another version.
    #[error("the trainer is not set up ({why}); run `streetwise train setup` once (it fetches up to 6 GB)")]
    NotSetUp {
        /// What is missing.
        why: String,
    },
    /// The interpreter that the user named is not there.
    #[error("{OVERRIDE} names {}, which is not there; correct or unset it", path.display())]
    NoOverride {
        /// The path as set.
        path: PathBuf,
    },
    /// A run goes on with it.
    #[error("a run is going on with this trainer; wait for its end, or stop it first")]
    InUse,
    /// The queue of runs cannot be joined.
    #[error(transparent)]
    Queue(#[from] RunError),
    /// A tool failed or is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder could not be deleted.
    #[error("{} could not be deleted ({source}); delete it by hand", path.display())]
    Delete {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What is known of the environment, for people and for `--json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// SHA-256 of the lock file it was made from.
    pub lock: String,
    /// `locked`, or `auto` for the build that `uv` chose.
    pub torch: String,
    /// `uv`, or the Python that made it.
    pub made_by: String,
}

impl Trainer {
    /// The trainer to use: the interpreter that `STREETWISE_PYTHON` names, else the environment where it is complete.
    /// The package is unpacked where it is not that of this program.
    ///
    /// # Errors
    /// [`EnvironmentError::NotSetUp`] with the command that sets it up, or when the disk refuses.
    pub fn find(paths: &Paths) -> Result<Self, EnvironmentError> {
        let python = match std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
            Some(path) => {
                let path = PathBuf::from(path);
                // A bare name is searched for by the system when the trainer starts.
                if path.components().count() > 1 && !path.exists() {
                    return Err(EnvironmentError::NoOverride { path });
                }
                path
            }
            None => installed(&paths.trainer()).map_err(|why| EnvironmentError::NotSetUp { why })?,
        };
        Ok(Self { python, package: unpack(&paths.trainer().join("package"))? })
    }

    /// The command `python -m streetwise_train` with the package in reach and nothing of the working folder.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-P", "-u", "-m", "streetwise_train"]);
        command
            .env("PYTHONPATH", &self.package)
            .env("PYTHONIOENCODING", "utf-8")
            .env("PYTHONNOUSERSITE", "1");
        command
    }
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// The interpreter of a complete environment of this lock, or what is missing.
fn installed(folder: &Path) -> Result<PathBuf, String> {
    let stamp = stamp(folder).ok_or("there is no complete environment")?;
    if stamp.lock != sha256_bytes(LOCK.as_bytes()) {
        return Err("its packages are those of another version".to_owned());
    }
    let python = interpreter(folder);
    if python.exists() { Ok(python) } else { Err("its Python is gone".to_owned()) }
}

/// The stamp of the environment in `folder`, where it is complete.
#[must_use]
pub fn stamp(folder: &Path) -> Option<Stamp> {
    serde_json::from_slice(&std::fs::read(folder.join(STAMP)).ok()?).ok()
}

/// Makes or completes the environment; `follow` gets a line for every step and all that the tools say.
/// Does nothing where it is complete and `torch` is the same. No run starts meanwhile.
///
/// # Errors
/// [`EnvironmentError::InUse`] while a run goes on; the tool that failed, with its last line, or the disk. What was
/// installed stays for the next attempt.
pub fn set_up(paths: &Paths, torch: Torch, follow: &dyn Follow) -> Result<Stamp, EnvironmentError> {
    let folder = paths.trainer();
    if let (Ok(_), Some(stamp)) = (installed(&folder), stamp(&folder))
        && (torch == Torch::Auto || stamp.torch == "locked")
    {
        unpack(&folder.join("package"))?;
        return Ok(stamp);
    }
    let _turn = alone(paths)?;
    // From here on it is not complete until the new stamp is written.
    remove_if_there(&folder.join(STAMP))?;
    let uv = run_tool(Command::new("uv").arg("--version"), &Unheard).is_ok();
    let made_by = make(&folder, uv, follow)?;
    let chosen = if uv { with_uv(&folder, torch, follow)? } else { with_pip(&folder, follow)? };
    unpack(&folder.join("package"))?;
    let stamp = Stamp { lock: sha256_bytes(LOCK.as_bytes()), torch: chosen.to_owned(), made_by };
    let text = serde_json::to_vec_pretty(&stamp).unwrap_or_default();
    write_whole(&folder.join(STAMP), &text)?;
    Ok(stamp)
}

/// The turn of the queue, so that no run goes on or starts while the environment changes under it.
fn alone(paths: &Paths) -> Result<queue::Turn, EnvironmentError> {
    queue::wait(&RunStore::open(paths), &mut || false)?.ok_or(EnvironmentError::InUse)
}

/// Deletes the environment; runs and models stay.
///
/// # Errors
/// [`EnvironmentError::InUse`] while a run goes on, and when the disk refuses.
pub fn remove(paths: &Paths) -> Result<bool, EnvironmentError> {
    let folder = paths.trainer();
    if !folder.exists() {
        return Ok(false);
    }
    let _turn = alone(paths)?;
    remove_if_there(&folder.join(STAMP))?;
    std::fs::remove_dir_all(&folder).map_err(|source| EnvironmentError::Delete { path: folder, source })?;
    Ok(true)
}

fn remove_if_there(path: &Path) -> Result<(), EnvironmentError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(EnvironmentError::Delete { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Makes the virtual environment where there is none whose Python starts.
fn make(folder: &Path, uv: bool, follow: &dyn Follow) -> Result<String, EnvironmentError> {
    let made_by = if uv { "uv".to_owned() } else { python_3()? };
    if run_tool(Command::new(interpreter(folder)).arg("--version"), &Unheard).is_ok() {
        follow.line("going on with the environment that is there");
        return Ok(made_by);
    }
    follow.line("making the environment");
    let mut command = if uv {
        let mut command = Command::new("uv");
        command.args(["venv", "--clear", "--python", ">=3.11,<3.14"]);
        command
    } else {
        let mut command = Command::new(&made_by);
        command.args(["-m", "venv", "--clear"]);
        command
    };
    run_tool(command.arg(folder), follow)?;
    Ok(made_by)
}

fn with_uv(folder: &Path, torch: Torch, follow: &dyn Follow) -> Result<&'static str, EnvironmentError> {
    let (of_torch, others) = split_lock(LOCK);
    let install = || {
        let mut command = Command::new("uv");
        command.args(["pip", "install", "--python"]).arg(interpreter(folder));
        command
    };
    let locked = |name: &str, lock: &str| -> Result<Command, EnvironmentError> {
        let path = folder.join(name);
        write_whole(&path, lock.as_bytes())?;
        let mut command = install();
        command.args(["--no-deps", "--require-hashes", "-r"]).arg(path);
        Ok(command)
    };
    follow.line("fetching the packages");
    run_tool(&mut locked("packages.lock", &others)?, follow)?;
    if torch == Torch::Auto {
        follow.line("fetching the torch that fits this machine");
        let mut command = install();
        command.args(["--torch-backend", "auto"]).args(pins(&of_torch));
        match run_tool(&mut command, follow) {
            Ok(()) => return Ok("auto"),
            Err(stopped @ ToolError::Stopped) => return Err(stopped.into()),
            Err(why) => follow.line(&format!("{why}; taking the locked torch")),
        }
    }
    follow.line("fetching the locked torch");
    run_tool(&mut locked("torch.lock", &of_torch)?, follow)?;
    Ok("locked")
}

fn with_pip(folder: &Path, follow: &dyn Follow) -> Result<&'static str, EnvironmentError> {
    let lock = folder.join("packages.lock");
    write_whole(&lock, LOCK.as_bytes())?;
    follow.line("fetching the packages");
    let mut command = Command::new(interpreter(folder));
    command.args(["-m", "pip", "install", "--progress-bar=off", "--no-deps", "--require-hashes", "-r"]);
    run_tool(command.arg(lock), follow)?;
    Ok("locked")
}

/// The lock's entries that belong to a build of torch, and the others.
fn split_lock(lock: &str) -> (String, String) {
    let (mut of_torch, mut others, mut here) = (String::new(), String::new(), false);
    for line in lock.lines() {
        if !line.starts_with(char::is_whitespace) {
            let name = line.split("==").next().unwrap_or_default();
            here = OF_TORCH
                .iter()
                .any(|known| name == *known || (known.ends_with('-') && name.starts_with(known)));
        }
        let part = if here { &mut of_torch } else { &mut others };
        part.push_str(line);
        part.push('\n');
    }
    (of_torch, others)
}

/// `torch==…` and `torchvision==…` of the lock.
fn pins(lock: &str) -> Vec<&str> {
    lock.lines()
        .filter(|line| line.starts_with("torch==") || line.starts_with("torchvision=="))
        .filter_map(|line| line.split([' ', '\\', ';']).next())
        .collect()
}

/// Unpacks the package into `folder/<checksum>` unless it is there, and returns that folder. Older ones are
/// deleted when nothing uses them any more, which is not known here: they stay, at a few hundred kilobytes each.
fn unpack(folder: &Path) -> Result<PathBuf, EnvironmentError> {
    let files = package_files();
    let mut all = Vec::new();
    for (path, content) in &files {
        all.extend_from_slice(path.as_bytes());
        all.extend_from_slice(&content.len().to_le_bytes());
        all.extend_from_slice(content);
    }
    let target = folder.join(&sha256_bytes(&all)[..16]);
    if target.join("complete").is_file() {
        return Ok(target);
    }
    for (path, content) in files {
        write_whole(&target.join("streetwise_train").join(path), content)?;
    }
    write_whole(&target.join("complete"), b"")?;
    Ok(target)
}

/// The package's files by their path, without what Python leaves behind in a working copy.
fn package_files() -> Vec<(String, &'static [u8])> {
    fn walk(dir: &'static Dir<'static>, found: &mut Vec<(String, &'static [u8])>) {
        for file in dir.files() {
            let path = file.path().to_string_lossy().replace('\\', "/");
            if !path.contains("__pycache__") {
                found.push((path, file.contents()));
            }
        }
        dir.dirs().for_each(|dir| walk(dir, found));
    }
    let mut found = Vec::new();
    walk(&PACKAGE, &mut found);
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_that_of_the_sources_and_unpacks_whole() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("export/streetwise_train");
        let folder = tempfile::tempdir().unwrap();
        let unpacked = unpack(folder.path()).unwrap();
        assert_eq!(unpack(folder.path()).unwrap(), unpacked);
        let mut count = 0;
        for entry in walkdir::WalkDir::new(&source).into_iter().map(Result::unwrap) {
            let path = entry.path().strip_prefix(&source).unwrap();
            if entry.file_type().is_file() && !path.to_string_lossy().contains("__pycache__") {
                let have = std::fs::read(unpacked.join("streetwise_train").join(path)).unwrap();
                assert!(have == std::fs::read(entry.path()).unwrap(), "{}", path.display());
                count += 1;
            }
        }
        assert_eq!(package_files().len(), count);
    }

    #[test]
    fn the_environment_is_not_changed_under_a_run() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path().to_owned());
        let python = interpreter(&paths.trainer());
        std::fs::create_dir_all(python.parent().unwrap()).unwrap();
        std::fs::write(&python, "").unwrap();
        let turn = queue::wait(&RunStore::open(&paths), &mut || false).unwrap();
        for refused in [remove(&paths).map(drop), set_up(&paths, Torch::Locked, &Unheard).map(drop)] {
            assert!(matches!(refused, Err(EnvironmentError::InUse)), "{refused:?}");
        }
        assert!(python.exists());
        drop(turn);
        assert!(remove(&paths).unwrap() && !paths.trainer().exists());
    }

    #[test]
    fn the_lock_is_split_without_loss_and_torch_is_pinned() {
        let (of_torch, others) = split_lock(LOCK);
        assert_eq!(of_torch.len() + others.len(), LOCK.len());
        for line in of_torch.lines().chain(others.lines()) {
            assert!(line.contains("==") || line.trim_start().starts_with("--hash=sha256:"), "{line}");
        }
        assert!(
            others.contains("\ntimm==")
                && others.contains("\ntorchmetrics==")
                && !others.contains("\ntorch==")
        );
        assert!(of_torch.contains("\nnvidia-cublas==") && of_torch.contains("\ntriton=="));
        let pins = pins(&of_torch);
        assert_eq!(pins.len(), 2, "{pins:?}");
        assert!(pins.iter().all(|pin| !pin.contains(' ')), "{pins:?}");
    }

    #[test]
    fn an_environment_without_a_stamp_of_this_lock_is_not_set_up() {
        let folder = tempfile::tempdir().unwrap();
        assert!(installed(folder.path()).unwrap_err().contains("no complete environment"));
        let python = interpreter(folder.path());
        std::fs::create_dir_all(python.parent().unwrap()).unwrap();
        std::fs::write(&python, "").unwrap();
        let write = |lock: &str| {
            let stamp = Stamp { lock: lock.to_owned(), torch: "locked".into(), made_by: "uv".into() };
            std::fs::write(folder.path().join(STAMP), serde_json::to_vec(&stamp).unwrap()).unwrap();
        };
        write("another");
        assert!(installed(folder.path()).unwrap_err().contains("another version"));
        write(&sha256_bytes(LOCK.as_bytes()));
        assert_eq!(installed(folder.path()).unwrap(), python);
        std::fs::remove_file(&python).unwrap();
        assert!(installed(folder.path()).unwrap_err().contains("Python is gone"));
    }
}
