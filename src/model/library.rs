//! The models on this machine: those that ship and those that the user added.

use std::path::{Path, PathBuf};

use super::{Manifest, ModelError, sha256_bytes, sha256_of};
use crate::store::{Paths, shipped_models, write_whole};

/// Whose folder a model lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It came with the program.
    Shipped,
    /// The user added or trained it.
    User,
}

/// A model folder whose manifest was read. Its files are checked when it is loaded.
#[derive(Debug, Clone)]
pub struct Model {
    /// The folder.
    pub folder: PathBuf,
    /// Whose it is.
    pub owner: Owner,
    /// The manifest.
    pub manifest: Manifest,
}

/// Every model folder found, valid or not, in the order shipped then user, each by name.
#[derive(Debug)]
pub struct Library {
    entries: Vec<(String, Result<Model, ModelError>)>,
    user_folder: PathBuf,
}

impl Library {
    /// Reads the manifests of the shipped models and of the user's.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        Self::of_folders(&shipped_models(), &paths.models())
    }

    /// Reads the manifests below `shipped` and `user`; a user's model hides a shipped one of the same name.
    #[must_use]
    pub fn of_folders(shipped: &[PathBuf], user: &Path) -> Self {
        let mut entries: Vec<(String, Result<Model, ModelError>)> = Vec::new();
        let below = shipped.iter().map(|dir| (dir.as_path(), Owner::Shipped)).chain([(user, Owner::User)]);
        for (folder, owner) in below {
            for path in folders_in(folder) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let model = Model::read(&path, owner);
                entries.retain(|(known, _)| *known != name);
                entries.push((name, model));
            }
        }
        Self { entries, user_folder: user.to_owned() }
    }

    /// All entries: folder name, and the model or why it cannot be used.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Result<&Model, &ModelError>)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.as_ref()))
    }

    /// The model of that identifier.
    ///
    /// # Errors
    /// Why it cannot be used, or [`ModelError::Unknown`] with the names that exist.
    pub fn get(&self, id: &str) -> Result<&Model, ModelError> {
        match self.entries.iter().find(|(name, _)| name == id) {
            Some((_, Ok(model))) => Ok(model),
            Some((_, Err(error))) => {
                Err(ModelError::Change { model: id.to_owned(), what: error.to_string() })
            }
            None => {
                let known: Vec<&str> = self.entries.iter().map(|(name, _)| name.as_str()).collect();
                Err(ModelError::Unknown { model: id.to_owned(), known: known.join(", ") })
            }
        }
    }

    /// The model to start with: the valid one whose top-1 is the most times chance, with whole sources held out
    /// where its manifest says so, since that is the honest figure.
    #[must_use]
    pub fn default_model(&self) -> Option<&Model> {
        let lift =
            |model: &&Model| model.manifest.metrics.honest_top1() / model.manifest.metrics.chance.max(1e-3);
        self.entries
            .iter()
            .filter_map(|(_, entry)| entry.as_ref().ok())
            .max_by(|a, b| lift(a).total_cmp(&lift(b)).then_with(|| b.manifest.id.cmp(&a.manifest.id)))
    }

    /// Copies a model folder into the user's, after its files were checked. The copy appears whole or not at all. Where
    /// the very same model is there already, that one is returned.
    ///
    /// # Errors
    /// When the model is not valid, its name is taken by another, or the disk refuses.
    pub fn add(&self, folder: &Path) -> Result<Model, ModelError> {
        let model = Model::read(folder, Owner::User)?;
        let id = model.manifest.id.clone();
        let refused = |what: String| ModelError::Change { model: id.clone(), what };
        if let Some((_, known)) = self.entries.iter().find(|(name, _)| *name == id) {
            let same = |known: &&Model| known.manifest == model.manifest && known.checked_onnx().is_ok();
            let known = known.as_ref().ok().filter(same).cloned();
            let taken = "another model of this name is there already; remove it first";
            return known.ok_or_else(|| refused(taken.into()));
        }
        model.checked_onnx()?;
        let staging = self.user_folder.join(format!(".{id}.partial"));
        let target = self.user_folder.join(&id);
        let copied = || -> Result<(), Box<dyn std::error::Error>> {
            let _ = std::fs::remove_dir_all(&staging);
            for file in model.manifest.files.iter().map(|file| file.path.as_str()).chain(["model.json"]) {
                write_whole(&staging.join(file), &std::fs::read(folder.join(file))?)?;
            }
            std::fs::rename(&staging, &target)?;
            Ok(())
        };
        copied().map_err(|error| refused(format!("it could not be copied ({error})")))?;
        Model::read(&target, Owner::User)
    }

    /// Deletes a model that the user added.
    ///
    /// # Errors
    /// When there is none of that name, it ships with the program, or the disk refuses.
    pub fn remove(&self, id: &str) -> Result<(), ModelError> {
        let refused = |what: String| ModelError::Change { model: id.to_owned(), what };
        if !self.entries.iter().any(|(name, _)| name == id) {
            self.get(id)?;
        }
        let folder = self.user_folder.join(id);
        if !folder.is_dir() {
            return Err(refused("it ships with Streetwise and stays".into()));
        }
        std::fs::remove_dir_all(&folder)
            .map_err(|error| refused(format!("it could not be deleted ({error})")))
    }
}

impl Model {
    /// Reads `folder/model.json`.
    ///
    /// # Errors
    /// When it cannot be read or is not consistent, or names a file outside the folder.
    pub fn read(folder: &Path, owner: Owner) -> Result<Self, ModelError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join("model.json");
        let text = std::fs::read(&path).map_err(|source| ModelError::Read {
            model: name.clone(),
            path: path.clone(),
            source,
        })?;
        let manifest = Manifest::parse(&name, &text)?;
        for file in &manifest.files {
            let plain = Path::new(&file.path).components().count() == 1
                && matches!(Path::new(&file.path).components().next(), Some(std::path::Component::Normal(_)));
            let link = folder.join(&file.path).is_symlink();
            if !plain || link {
                return Err(ModelError::Escapes { model: manifest.id, file: file.path.clone() });
            }
        }
        Ok(Self { folder: folder.to_owned(), owner, manifest })
    }

    /// The bytes of `model.onnx`, after every listed file was compared with its checksum and the graph
    /// was looked through.
    ///
    /// # Errors
    /// The first thing that is wrong with a file.
    pub fn checked_onnx(&self) -> Result<Vec<u8>, ModelError> {
        let model = &self.manifest.id;
        let mut onnx = Vec::new();
        for file in &self.manifest.files {
            let path = self.folder.join(&file.path);
            let read = |source| ModelError::Read { model: model.clone(), path: path.clone(), source };
            let sum = if file.path == "model.onnx" {
                onnx = std::fs::read(&path).map_err(read)?;
                sha256_bytes(&onnx)
            } else {
                sha256_of(&path).map_err(read)?
            };
            let bytes = std::fs::metadata(&path).map_err(read)?.len();
            if sum != file.sha256.to_lowercase() || bytes != file.bytes {
                return Err(ModelError::Hash { model: model.clone(), file: file.path.clone() });
            }
        }
        super::graph::check(model, &onnx)?;
        Ok(onnx)
    }

    /// The card's text, or a sentence that there is none.
    #[must_use]
    pub fn card(&self) -> String {
        std::fs::read_to_string(self.folder.join("card.md"))
            .unwrap_or_else(|_| format!("{} has no card.", self.manifest.name))
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.is_dir() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    found.sort();
    found
}
