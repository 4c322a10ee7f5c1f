//! Is a file an ONNX Runtime that is new enough? Asked in a child process, with a time limit.

use std::ffi::CStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    /// Loading took too long or ended the process.
    #[error("{} {what} while it was loaded", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What happened.
        what: String,
    },
}

/// Loads the library, asks for its version, and leaves it loaded.
///
/// # Errors
/// One of [`ProbeError`], naming the file.
pub fn probe_in_process(path: &Path) -> Result<String, ProbeError> {
    let refused =
        |error: libloading::Error| ProbeError::NotALibrary { path: path.to_owned(), why: error.to_string() };
    // SAFETY: loading runs the library's initialisers. The file is one the user named or installed, and the
    // app asks in a child process first, so that a hostile or broken one cannot harm the app itself.
    let library = unsafe { libloading::Library::new(path) }.map_err(refused)?;
    // SAFETY: the symbol has this signature in every release of ONNX Runtime (onnxruntime_c_api.h).
    let entry =
        unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0") }
            .map_err(|_| ProbeError::NotOnnxRuntime { path: path.to_owned() })?;
    // SAFETY: the function takes nothing and returns a pointer to a static table, or null.
    let base =
        unsafe { entry().as_ref() }.ok_or_else(|| ProbeError::NotOnnxRuntime { path: path.to_owned() })?;
    // SAFETY: both functions belong to the table just checked; the string is static and ends with a zero.
    let (version, api) =
        unsafe { (CStr::from_ptr((base.GetVersionString)()), (base.GetApi)(ort::MINOR_VERSION)) };
    let version = version.to_string_lossy().into_owned();
    // Unloading ONNX Runtime is not supported by its threads; the process keeps it.
    std::mem::forget(library);
    if api.is_null() {
        return Err(ProbeError::TooOld { path: path.to_owned(), version, needed: ort::MINOR_VERSION });
    }
    Ok(version)
}

/// Asks `prober probe-runtime PATH` in a child process and gives it `limit`; without a prober, asks here.
pub(super) fn probe(prober: Option<&Path>, path: &Path, limit: Duration) -> Result<String, ProbeError> {
    let failed = |what: &str| ProbeError::Failed { path: path.to_owned(), what: what.to_owned() };
    if !path.exists() {
        let why = "there is no such file".to_owned();
        return Err(ProbeError::NotALibrary { path: path.to_owned(), why });
    }
    let Some(prober) = prober else { return probe_in_process(path) };
    let mut child = Command::new(prober)
        .arg("probe-runtime")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("could not be tried ({error})")))?;
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(3)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed("did not answer in time"));
            }
            Err(error) => return Err(failed(&format!("could not be tried ({error})"))),
        }
    }
    let mut answer = String::new();
    if let Some(mut out) = child.stdout.take() {
        let _ = out.read_to_string(&mut answer);
    }
    read_answer(path, answer.trim())
}

/// The child's answer: `ok VERSION`, or the sentence of its error after `no `.
fn read_answer(path: &Path, answer: &str) -> Result<String, ProbeError> {
    if let Some(version) = answer.strip_prefix("ok ") {
        return Ok(version.to_owned());
    }
    let what = match answer.strip_prefix("no ") {
        Some(why) => return Err(ProbeError::NotALibrary { path: path.to_owned(), why: why.to_owned() }),
        None => "ended the process that tried it",
    };
    Err(ProbeError::Failed { path: path.to_owned(), what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_childs_answer_is_read() {
        let path = Path::new("/x/libonnxruntime.so");
        assert_eq!(read_answer(path, "ok 1.32.0").unwrap(), "1.32.0");
        for (answer, expected) in
            [("no too old", "too old"), ("", "ended the process"), ("garbage", "ended the process")]
        {
            let error = read_answer(path, answer).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("/x/libonnxruntime.so"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_prober_that_hangs_is_ended_in_time() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("prober");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = probe(Some(&script), &script, Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().contains("did not answer in time"), "{error}");
    }
}
