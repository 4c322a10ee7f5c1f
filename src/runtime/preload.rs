//! CUDA's libraries beside an installed ONNX Runtime, loaded before it so that its provider finds them.

use std::path::Path;

/// File-name stems in the order they depend on each other.
const STEMS: [&str; 8] = ["cudart", "nvrtc", "nvJitLink", "cublasLt", "cublas", "curand", "cufft", "cudnn"];

/// Loads every CUDA library lying beside `library` and leaves it loaded; quiet where there is none, since the
/// provider itself says what it lacks when a session asks for it.
pub(super) fn cuda_libraries(library: &Path) {
    let Some(folder) = library.parent() else { return };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for stem in STEMS {
        let prefix = format!("{}{stem}", std::env::consts::DLL_PREFIX);
        let matching = |path: &&std::path::PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&prefix))
        };
        for file in files.iter().filter(matching) {
            load_global(file);
        }
    }
}

#[cfg(unix)]
fn load_global(file: &Path) {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};
    // SAFETY: NVIDIA's libraries, from the folder whose runtime the user installed; their initialisers only
    // set up their own state. RTLD_GLOBAL is what lets the provider resolve them by name.
    if let Ok(loaded) = unsafe { Library::open(Some(file), RTLD_LAZY | RTLD_GLOBAL) } {
        std::mem::forget(loaded);
    }
}

#[cfg(not(unix))]
fn load_global(file: &Path) {
    // SAFETY: as above; on Windows a loaded DLL satisfies later imports by its name.
    if let Ok(loaded) = unsafe { libloading::Library::new(file) } {
        std::mem::forget(loaded);
    }
}
