//! The run folders: `runs/<id>` with everything of a run, its state derived from what is in them.
//!
//! Nothing about a run is kept elsewhere, so a restarted app, another process and a copied folder all show it as it
//! is: `events.jsonl` says how far it came, and the lock on `run.lock`, which the trainer holds while it lives, says
//! whether it still goes on.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::job::Job;
use super::recipe::{Recipe, RecipeError};
pub use super::state::State;
use super::summary::Summary;
use crate::store::{Paths, StoreError, write_whole};

/// How often the lock of a run is tried, and the time between.
const LOOKS: u32 = 100;
const LOOK: std::time::Duration = std::time::Duration::from_millis(10);

/// Why something could not be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No run of that name.
    #[error("there is no run named {id}; `streetwise runs list` names them")]
    Unknown {
        /// The name asked for.
        id: String,
    },
    /// Its files cannot be read.
    #[error("run {id}: {} cannot be read ({why}); delete the run with `streetwise runs delete {id}`", path.display())]
    Damaged {
        /// The run.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is in a state in which that cannot be done.
    #[error("run {id} is {}; {what}", state.word())]
    State {
        /// The run.
        id: String,
        /// Its state.
        state: State,
        /// What to do.
        what: &'static str,
    },
    /// The disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recipe cannot be used.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A file or folder could not be made, moved or deleted.
    #[error("{}: {source}; check the folder's permissions and the space left", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct RunStore {
    root: PathBuf,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name: a number that rises, and the preset.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What is trained and how.
    pub recipe: Recipe,
    /// On which files.
    pub job: Job,
}

impl RunStore {
    /// The runs of a user.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        Self { root: paths.runs() }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a run's folder with its recipe and job; it is queued until a trainer starts on it. An empty
    /// name in the job becomes the preset's, an empty model identifier the run's.
    ///
    /// # Errors
    /// When the recipe cannot be used or the disk refuses.
    pub fn create(&self, recipe: &Recipe, job: Job) -> Result<Run, RunError> {
        recipe.check()?;
        let disk = |path: &Path| {
            let path = path.to_owned();
            move |source| RunError::Disk { path, source }
        };
        std::fs::create_dir_all(&self.root).map_err(disk(&self.root))?;
        let mut number = self.ids().iter().filter_map(|id| number_of(id)).max().unwrap_or(0);
        loop {
            number += 1;
            let id = format!("{number:03}-{}", recipe.preset);
            let folder = self.root.join(&id);
            // Making the folder is what takes the name: two processes cannot both succeed.
            match std::fs::create_dir(&folder) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(disk(&folder))?,
            }
            let model_id = if job.model_id.is_empty() { id.clone() } else { job.model_id };
            let name = if job.name.is_empty() { recipe.preset.clone() } else { job.name };
            let job = Job { model_id, name, ..job }.absolute();
            let run = Run { id, folder, recipe: recipe.clone(), job };
            run.write()?;
            return Ok(run);
        }
    }

    /// The names of all runs, oldest first.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = std::fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("recipe.json").is_file())
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .filter(|name| !name.starts_with('.'))
            .collect();
        ids.sort_by_key(|id| (number_of(id).unwrap_or(u64::MAX), id.clone()));
        ids
    }

    /// Every run, or why it cannot be read.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Result<Run, RunError>)> {
        self.ids().into_iter().map(|id| (id.clone(), self.get(&id))).collect()
    }

    /// The run of that name; its number alone will do where it is the only one.
    ///
    /// # Errors
    /// [`RunError::Unknown`], or [`RunError::Damaged`] with the file.
    pub fn get(&self, id: &str) -> Result<Run, RunError> {
        let known = self.ids();
        let matching = |id: &str| {
            let number: u64 = id.parse().ok()?;
            let mut same = known.iter().filter(|known| number_of(known) == Some(number));
            same.next().filter(|_| same.next().is_none()).cloned()
        };
        let name = if known.iter().any(|known| known == id) { Some(id.to_owned()) } else { matching(id) };
        let id = name.ok_or_else(|| RunError::Unknown { id: id.to_owned() })?;
        let folder = self.root.join(&id);
        let damaged =
            |name: &str, why: String| RunError::Damaged { id: id.clone(), path: folder.join(name), why };
        let recipe = Recipe::read(&folder.join("recipe.json"))
            .map_err(|error| damaged("recipe.json", error.to_string()))?;
        let job = std::fs::read(folder.join("job.json"))
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
            .map_err(|why| damaged("job.json", why))?;
        Ok(Run { id, folder, recipe, job })
    }

    /// Deletes a run that no trainer works on, damaged ones too. Its model, if it was added, stays.
    ///
    /// # Errors
    /// When it is running, unknown, or the disk refuses.
    pub fn delete(&self, id: &str) -> Result<(), RunError> {
        let id = match self.get(id) {
            Ok(run) => run.id,
            Err(RunError::Damaged { id, .. }) => id,
            Err(other) => return Err(other),
        };
        let folder = self.root.join(&id);
        if is_locked(&folder.join("run.lock")) {
            let what = "stop it first with `streetwise runs stop`";
            return Err(RunError::State { id, state: State::Running, what });
        }
        // Renamed first, so that a half-deleted run is never taken for one.
        let gone = self.root.join(format!(".deleted-{id}"));
        let _ = std::fs::remove_dir_all(&gone);
        std::fs::rename(&folder, &gone)
            .and_then(|()| std::fs::remove_dir_all(&gone))
            .map_err(|source| RunError::Disk { path: folder, source })
    }
}

impl Run {
    /// A file of the run.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What `events.jsonl` says, and the state that follows from it and the lock.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::read(&self.file("events.jsonl"), is_locked(&self.file("run.lock")))
    }

    /// Asks the app that drives the run to stop it.
    ///
    /// # Errors
    /// When it is not running, or the disk refuses.
    pub fn ask_to_stop(&self) -> Result<(), RunError> {
        let state = self.summary().state;
        if state != State::Running {
            let what = "only a running one can be stopped";
            return Err(RunError::State { id: self.id.clone(), state, what });
        }
        Ok(write_whole(&self.stop_request(), b"")?)
    }

    /// Takes a wish to stop away, heard or not.
    pub fn forget_stop_request(&self) {
        let _ = std::fs::remove_file(self.stop_request());
    }

    /// Takes the lock that a trainer holds while it works: until the file is dropped, the run is running for everyone.
    ///
    /// # Errors
    /// [`RunError::State`] while another holds it, and when the disk refuses.
    pub fn take_lock(&self) -> Result<File, RunError> {
        let path = self.file("run.lock");
        let disk = |source| RunError::Disk { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let lock = lock.map_err(disk)?;
        // Who only looks whether it is locked holds it for a moment.
        for _ in 0..LOOKS {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
                Err(TryLockError::Error(source)) => return Err(disk(source)),
            }
        }
        let what = "it goes on already";
        Err(RunError::State { id: self.id.clone(), state: State::Running, what })
    }

    /// The file that asks for a stop.
    #[must_use]
    pub fn stop_request(&self) -> PathBuf {
        self.file("stop.request")
    }

    /// Whether its model is there, whole, with what it is verified by: the trainer puts the folder in place in one step.
    /// (A model from before `reference/` is exported again.)
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.file("model/model.json").is_file() && self.file("model/reference").is_dir()
    }

    /// Whether training is over and only the check of its model is left.
    #[must_use]
    pub fn only_check_is_left(&self) -> bool {
        let s = self.summary();
        (s.state == State::Done || s.verifying) && self.delivered()
    }

    /// Refuses a run that goes on already, or whose model was added.
    ///
    /// # Errors
    /// [`RunError::State`].
    pub fn check_resumable(&self) -> Result<(), RunError> {
        let s = self.summary();
        let what = match s.state {
            State::Running => "it goes on already",
            State::Done if s.registered => "its model was added; there is nothing to resume",
            _ => return Ok(()),
        };
        Err(RunError::State { id: self.id.clone(), state: s.state, what })
    }

    /// The same run with the wish for a model, written down.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn to_deliver(&self) -> Result<Self, RunError> {
        let run = Self { job: Job { export: true, ..self.job.clone() }, ..self.clone() };
        if run.job != self.job {
            run.write()?;
        }
        Ok(run)
    }

    fn write(&self) -> Result<(), RunError> {
        self.recipe.write(&self.file("recipe.json"))?;
        let job = serde_json::to_string_pretty(&self.job).unwrap_or_default();
        Ok(write_whole(&self.file("job.json"), (job + "\n").as_bytes())?)
    }
}

fn number_of(id: &str) -> Option<u64> {
    id.split('-').next()?.parse().ok()
}

/// Whether another holds the lock on `path`. A shared lock is tried, and let go of at once: readers do not disturb
/// each other. (`File::try_lock` is `flock` on Unix, as the trainer's `filelock`, and `LockFileEx` on Windows.)
#[must_use]
pub fn is_locked(path: &Path) -> bool {
    // Opened for writing too where it can be, since Windows wants that for some locks.
    let opened = File::options().read(true).write(true).open(path).or_else(|_| File::open(path));
    opened.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, RunStore) {
        let root = tempfile::tempdir().unwrap();
        let store = RunStore::open(&Paths::under(root.path().to_owned()));
        (root, store)
    }

    fn job() -> Job {
        let (data, cache) = ("/data".into(), "/cache".into());
        let (name, model_id) = ("A model".to_owned(), String::new());
        let (weights, threads) = (None, None);
        Job {
            data,
            weights,
            from_scratch: false,
            allow: vec![],
            cache,
            name,
            threads,
            model_id,
            export: true,
        }
    }

    #[test]
    fn runs_are_numbered_read_back_and_found_by_their_number() {
        let (_root, store) = store();
        let first = store.create(&Recipe::new("resnet18"), job()).unwrap();
        let second =
            store.create(&Recipe::new("vit-tiny"), Job { model_id: "mine".into(), ..job() }).unwrap();
        assert_eq!([first.id.as_str(), second.id.as_str()], ["001-resnet18", "002-vit-tiny"]);
        assert_eq!(store.ids(), ["001-resnet18", "002-vit-tiny"]);
        assert_eq!([first.job.model_id.as_str(), second.job.model_id.as_str()], ["001-resnet18", "mine"]);
        let again = store.get("2").unwrap();
        assert_eq!((again.recipe, again.job), (second.recipe, second.job));
        assert_eq!(again.folder, second.folder);
        assert_eq!(first.summary().state, State::Queued);
        for unknown in ["3", "resnet18", "../001-resnet18", ""] {
            assert!(matches!(store.get(unknown).unwrap_err(), RunError::Unknown { .. }), "{unknown}");
        }
    }

    #[test]
    fn a_damaged_run_is_named_and_can_be_deleted_and_a_locked_one_cannot() {
        let (_root, store) = store();
        let run = store.create(&Recipe::new("resnet18"), job()).unwrap();
        let lock = File::create(run.file("run.lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(run.summary().state, State::Running);
        assert!(store.delete("1").unwrap_err().to_string().contains("stop it first"));
        lock.unlock().unwrap();
        assert_eq!(run.summary().state, State::Queued);
        std::fs::write(run.file("job.json"), "{").unwrap();
        let error = store.get("1").unwrap_err().to_string();
        assert!(error.contains("job.json") && error.contains("runs delete 001-resnet18"), "{error}");
        assert!(store.all()[0].1.is_err());
        store.delete("001-resnet18").unwrap();
        assert!(store.ids().is_empty() && !run.folder.exists());
    }
}
