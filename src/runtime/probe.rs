//! Is a file an ONNX Runtime that is new enough? Asked in a child process, with a time limit.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ort::sys::{OrtApi, OrtApiBase, OrtLoggingLevel};

use super::child::{self, Answer};

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The system's loader refused the file.
    #[error("{} could not be loaded as a library: {why}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        why: String,
    },
    /// It is a library, but not ONNX Runtime.
    #[error("{} is a library, but not ONNX Runtime (it has no OrtGetApiBase)", path.display())]
    NotOnnxRuntime {
        /// The file.
        path: PathBuf,
    },
    /// Its interface is older than the app's.
    #[error("{} is ONNX Runtime {version}, too old: 1.{needed} or newer is needed", path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The oldest minor version that works.
        needed: u32,
    },
    /// It has the interface, and does not start.
    #[error("{} is ONNX Runtime {version}, but it does not start here ({why})", path.display())]
    NotStarted {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
        /// What it said.
        why: String,
    },
    /// Loading took too long or ended the process.
    #[error("{} {what} while it was loaded", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What happened.
        what: String,
    },
    /// The sentence of the process that tried it.
    #[error("{0}")]
    Told(String),
}

/// A library that was loaded and started once.
#[derive(Debug)]
pub(super) struct Probed {
    /// Its version.
    pub(super) version: String,
    /// Its functions, for as long as the process lives.
    pub(super) api: &'static OrtApi,
}

/// Loads the library, asks for its version, starts it once, and leaves it loaded.
///
/// # Errors
/// One of [`ProbeError`], naming the file.
pub fn probe_in_process(path: &Path) -> Result<String, ProbeError> {
    loaded(path).map(|probed| probed.version)
}

/// As [`probe_in_process`], with the library's functions.
pub(super) fn loaded(path: &Path) -> Result<Probed, ProbeError> {
    let refused =
        |error: libloading::Error| ProbeError::NotALibrary { path: path.to_owned(), why: error.to_string() };
    // The loader looks for a bare name in the system's folders, not in the working directory.
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // SAFETY: loading runs the library's initialisers. The file is one the user named or installed, and the
    // app asks in a child process first, so that a hostile or broken one cannot harm the app itself.
    let library = unsafe { libloading::Library::new(&file) }.map_err(refused)?;
    // SAFETY: the symbol has this signature in every release of ONNX Runtime (onnxruntime_c_api.h).
    let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") }
        .map_err(|_| ProbeError::NotOnnxRuntime { path: path.to_owned() })?;
    // SAFETY: the function takes nothing and returns a pointer to a static table, or null.
    let base =
        unsafe { entry().as_ref() }.ok_or_else(|| ProbeError::NotOnnxRuntime { path: path.to_owned() })?;
    // SAFETY: both functions belong to the table just checked; the string is static and ends with a zero.
    let (version, api) =
        unsafe { (CStr::from_ptr((base.GetVersionString)()), (base.GetApi)(ort::MINOR_VERSION)) };
    let version = version.to_string_lossy().into_owned();
    // Unloading ONNX Runtime is not supported by its threads; the process keeps it, and so its table of functions.
    std::mem::forget(library);
    // SAFETY: null, or the library's static table of at least the functions of the version that was asked for.
    let Some(api) = (unsafe { api.as_ref() }) else {
        return Err(ProbeError::TooOld { path: path.to_owned(), version, needed: ort::MINOR_VERSION });
    };
    match start_once(api) {
        Ok(()) => Ok(Probed { version, api }),
        Err(why) => Err(ProbeError::NotStarted { path: path.to_owned(), version, why }),
    }
}

/// Makes an environment and releases it: `ort` takes one set of functions for the life of the process, so a library is
/// handed to it only after this has worked.
fn start_once(api: &OrtApi) -> Result<(), String> {
    let mut environment = std::ptr::null_mut();
    let level = OrtLoggingLevel::ORT_LOGGING_LEVEL_ERROR;
    // SAFETY: the functions are the library's own; the name is a static C string, the out-pointer a local.
    let status = unsafe { (api.CreateEnv)(level, c"streetwise".as_ptr(), &raw mut environment) };
    if !status.0.is_null() {
        // SAFETY: the status is not null; its message lives as long as it, and it is released once.
        let why = unsafe {
            let why = CStr::from_ptr((api.GetErrorMessage)(status.0)).to_string_lossy().into_owned();
            (api.ReleaseStatus)(status.0);
            why
        };
        return Err(why.lines().next().unwrap_or_default().to_owned());
    }
    if environment.is_null() {
        return Err("it gave no environment".to_owned());
    }
    // SAFETY: made above, used by nothing, released once.
    unsafe { (api.ReleaseEnv)(environment) };
    Ok(())
}

/// Asks `prober probe-runtime PATH` in a child process and gives it `limit`; without a prober, asks here.
pub(super) fn probe(prober: Option<&Path>, path: &Path, limit: Duration) -> Result<String, ProbeError> {
    if !path.exists() {
        let why = "there is no such file".to_owned();
        return Err(ProbeError::NotALibrary { path: path.to_owned(), why });
    }
    let Some(prober) = prober else { return probe_in_process(path) };
    match child::ask(Command::new(prober).arg("probe-runtime").arg(path), limit) {
        Ok(Answer::Yes(version)) => Ok(version),
        Ok(Answer::No(why)) => Err(ProbeError::Told(why)),
        Err(silence) => Err(ProbeError::Failed { path: path.to_owned(), what: silence.to_string() }),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_the_child_says_is_the_reason_and_its_silence_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (body, expected) in [
            ("echo ok 1.32.0", Ok("1.32.0")),
            ("echo no libx.so is old", Err("libx.so is old")),
            ("exec sleep 60", Err("prober did not answer in time")),
            ("exit 3", Err("prober ended the process")),
        ] {
            let script = folder.path().join("prober");
            std::fs::write(&script, format!("#!/bin/sh\n{body}\n")).unwrap();
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
            let found = probe(Some(&script), &script, Duration::from_millis(500));
            match (found, expected) {
                (Ok(version), Ok(expected)) => assert_eq!(version, expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, expected) => panic!("{found:?} where {expected:?} was expected"),
            }
        }
    }
}
