//! The places an ONNX Runtime library may be in, in order, and what becomes of each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Choice, ProbeError, installed, probe};

/// Version of the embedded engine, `tract`, as locked in `Cargo.lock`.
pub(super) const TRACT_VERSION: &str = "0.23";

/// All candidates together may take this long before the embedded engine is used, so that a library that
/// hangs costs less than two seconds.
const BUDGET: Duration = Duration::from_millis(1700);

/// Why a place is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user named it.
    UserPath,
    /// It lies beside the executable.
    BesideExecutable,
    /// `streetwise runtime install` put it there.
    Installed,
    /// It belongs to the trainer's environment.
    TrainerEnvironment,
    /// It is part of the program.
    Embedded,
}

impl Origin {
    /// The place, for people.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::UserPath => "path set by the user",
            Self::BesideExecutable => "beside the executable",
            Self::Installed => "installed runtime",
            Self::TrainerEnvironment => "trainer's environment",
            Self::Embedded => "embedded engine",
        }
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// This one runs the models.
    Taken {
        /// Its version.
        version: String,
    },
    /// It is there and cannot be used.
    Refused {
        /// Why, with the version where it is known.
        why: String,
    },
    /// Nothing is there.
    Absent,
    /// One before it was taken.
    NotNeeded,
}

/// One place and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Why it is looked at.
    pub origin: Origin,
    /// The library, or the folder that was searched.
    pub path: Option<PathBuf>,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// A library that was taken, and what loading it gave.
#[derive(Debug)]
pub(super) struct Loaded<T> {
    /// The file.
    pub(super) library: PathBuf,
    /// What `load` gave for it.
    pub(super) with: T,
}

/// Looks at every place in order. The first library that passes its probe and that `load` then brings into this process
/// is taken; one that does not load gives way to the next. The embedded engine is the last row.
pub(super) fn judge<T>(
    choice: &Choice,
    mut load: impl FnMut(&Path) -> Result<T, ProbeError>,
) -> (Vec<Candidate>, Option<Loaded<T>>) {
    let deadline = Instant::now() + BUDGET;
    let (mut rows, mut taken): (Vec<Candidate>, Option<Loaded<T>>) = (Vec::new(), None);
    for (origin, path) in places(choice) {
        let fate = match &path {
            None => Fate::Absent,
            Some(_) if taken.is_some() => Fate::NotNeeded,
            Some(library) => match try_one(choice, &origin, library, deadline, &mut load) {
                Ok((version, with)) => {
                    taken = Some(Loaded { library: library.clone(), with });
                    Fate::Taken { version }
                }
                Err(why) => Fate::Refused { why },
            },
        };
        rows.push(Candidate { origin, path, fate });
    }
    rows.push(Candidate { origin: Origin::Embedded, path: None, fate: Fate::NotNeeded });
    (rows, taken)
}

/// The version of a library, and what loading it gave; else why not.
fn try_one<T>(
    choice: &Choice,
    origin: &Origin,
    library: &Path,
    deadline: Instant,
    load: &mut impl FnMut(&Path) -> Result<T, ProbeError>,
) -> Result<(String, T), String> {
    if *origin == Origin::Installed {
        installed::check(library).map_err(|error| error.to_string())?;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let probed = probe::probe(choice.prober.as_deref(), library, left);
    probed.and_then(|version| Ok((version, load(library)?))).map_err(|error| error.to_string())
}

fn places(choice: &Choice) -> Vec<(Origin, Option<PathBuf>)> {
    if choice.embedded_only {
        return Vec::new();
    }
    let beside = std::env::current_exe().ok().and_then(|exe| library_in(exe.parent()?));
    let mut rows = vec![(Origin::UserPath, choice.library.clone()), (Origin::BesideExecutable, beside)];
    let known = installed::libraries(&choice.paths);
    if known.is_empty() {
        rows.push((Origin::Installed, None));
    }
    rows.extend(known.into_iter().map(|path| (Origin::Installed, Some(path))));
    rows.push((Origin::TrainerEnvironment, trainer_library(&choice.paths.trainer())));
    rows
}

/// The ONNX Runtime library in a folder, by its platform's file name, versioned or not.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_library_name))
        .collect();
    found.sort();
    found.into_iter().next()
}

fn is_library_name(name: &str) -> bool {
    let stem = format!("{}onnxruntime.", std::env::consts::DLL_PREFIX);
    name.starts_with(&stem) && name.contains(std::env::consts::DLL_SUFFIX)
}

fn trainer_library(environment: &Path) -> Option<PathBuf> {
    let windows = environment.join("Lib/site-packages/onnxruntime/capi");
    let unix = std::fs::read_dir(environment.join("lib"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/onnxruntime/capi")));
    unix.chain([windows]).find_map(|folder| library_in(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Paths;

    #[test]
    fn only_onnx_runtime_itself_counts_as_the_library() {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        for (name, expected) in [
            (format!("{prefix}onnxruntime{suffix}"), true),
            (format!("{prefix}onnxruntime_providers_cuda{suffix}"), false),
            ("onnxruntime.txt".to_owned(), false),
        ] {
            assert_eq!(is_library_name(&name), expected, "{name}");
        }
    }

    #[test]
    fn a_library_that_is_none_is_refused_with_its_path_and_the_embedded_row_stays_last() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libonnxruntime.so");
        std::fs::write(&library, "not a library").unwrap();
        let paths = Paths::under(folder.path().join("data"));
        let choice = Choice { library: Some(library.clone()), embedded_only: false, paths, prober: None };
        let (rows, taken) = judge(&choice, |_| Ok(()));
        assert!(taken.is_none());
        assert_eq!(rows[0].origin, Origin::UserPath);
        assert!(
            matches!(&rows[0].fate, Fate::Refused { why } if why.contains("libonnxruntime.so")),
            "{:?}",
            rows[0].fate
        );
        assert_eq!(rows.last().map(|row| row.origin.clone()), Some(Origin::Embedded));
    }

    /// A prober that answers `ok`, and two libraries: the first does not load into the process.
    #[cfg(unix)]
    #[test]
    fn a_library_that_passes_its_probe_and_does_not_load_gives_way_to_the_next() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let file = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let trainers = at("data/trainer/lib/python3.12/site-packages/onnxruntime/capi");
        std::fs::create_dir_all(&trainers).unwrap();
        for library in [at("mine.so"), trainers.join(&file)] {
            std::fs::write(library, "x").unwrap();
        }
        std::fs::write(at("prober"), "#!/bin/sh\necho ok 1.32.0\n").unwrap();
        std::fs::set_permissions(at("prober"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let choice = Choice {
            library: Some(at("mine.so")),
            embedded_only: false,
            paths: Paths::under(at("data")),
            prober: Some(at("prober")),
        };
        let load = |library: &Path| match library.ends_with("mine.so") {
            true => Err(ProbeError::Told("no room for mine.so".into())),
            false => Ok(()),
        };
        let (rows, taken) = judge(&choice, load);
        assert_eq!(taken.unwrap().library, trainers.join(&file));
        assert_eq!(rows[0].fate, Fate::Refused { why: "no room for mine.so".into() });
        let trainers_row = rows.iter().find(|row| row.origin == Origin::TrainerEnvironment).unwrap();
        assert_eq!(trainers_row.fate, Fate::Taken { version: "1.32.0".into() });
    }
}
