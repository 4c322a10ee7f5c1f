//! The models on this machine: those that ship and those that the user added.

use std::path::{Path, PathBuf};

use super::{Manifest, ModelError};
use crate::base::hash::{sha256_bytes, sha256_of};
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

/// A model folder, valid or not.
#[derive(Debug)]
struct Entry {
    /// The manifest's identifier. Where there is none to go by, or another folder has it: the folder's name, or its path
    /// where that is taken too.
    key: String,
    folder: PathBuf,
    owner: Owner,
    model: Result<Model, ModelError>,
}

/// Every model folder found, valid or not, in the order shipped then user, each by folder name. The identifier in the
/// manifest is a model's one name; of two folders that carry the same, the shipped one has it, then the one that is
/// called so, and the other is refused.
#[derive(Debug)]
pub struct Library {
    entries: Vec<Entry>,
    user_folder: PathBuf,
}

impl Library {
    /// Reads the manifests of the shipped models and of the user's.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        Self::of_folders(&shipped_models(), &paths.models())
    }

    /// Reads the manifests below `shipped` and `user`.
    #[must_use]
    pub fn of_folders(shipped: &[PathBuf], user: &Path) -> Self {
        let below = shipped.iter().map(|dir| (dir.as_path(), Owner::Shipped)).chain([(user, Owner::User)]);
        let mut entries: Vec<Entry> = Vec::new();
        for (folder, owner) in below {
            let mut found: Vec<Entry> =
                folders_in(folder).iter().map(|path| Entry::read(path, owner)).collect();
            // Who is called what its manifest says comes first where two say the same.
            found.sort_by_key(|entry| entry.model.is_err() || !entry.folder.ends_with(&entry.key));
            for entry in found {
                let entry = entry.beside(&entries);
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| (a.owner == Owner::User, &a.folder).cmp(&(b.owner == Owner::User, &b.folder)));
        Self { entries, user_folder: user.to_owned() }
    }

    /// All entries: the name, and the model or why it cannot be used.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Result<&Model, &ModelError>)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), entry.model.as_ref()))
    }

    /// The model of that identifier.
    ///
    /// # Errors
    /// Why it cannot be used, or [`ModelError::Unknown`] with the names that exist.
    pub fn get(&self, id: &str) -> Result<&Model, ModelError> {
        match self.find(id)?.model.as_ref() {
            Ok(model) => Ok(model),
            Err(error) => Err(ModelError::Refused(error.to_string())),
        }
    }

    fn find(&self, id: &str) -> Result<&Entry, ModelError> {
        self.entries.iter().find(|entry| entry.key == id).ok_or_else(|| {
            let known: Vec<&str> = self.entries.iter().map(|entry| entry.key.as_str()).collect();
            ModelError::Unknown { model: id.to_owned(), known: known.join(", ") }
        })
    }

    /// Identifiers in the order in which they are tried at a start: what the user chose, whether it is there or not, then
    /// the shipped models by how many times chance they are right, with whole sources held out where their manifests say
    /// so. A user's own model comes in only where none ships: its manifest may claim any figure, so it is never taken for
    /// its claim.
    #[must_use]
    pub fn in_turn(&self, chosen: Option<&str>) -> Vec<String> {
        let usable =
            |owner| self.entries.iter().filter(move |entry| entry.owner == owner && entry.model.is_ok());
        let lift = |entry: &&Entry| {
            entry.model.as_ref().map_or(0.0, |model| {
                model.manifest.metrics.honest_top1() / model.manifest.metrics.chance.max(1e-3)
            })
        };
        let mut others: Vec<&Entry> = usable(Owner::Shipped).collect();
        others.sort_by(|a, b| lift(b).total_cmp(&lift(a)).then_with(|| a.key.cmp(&b.key)));
        if others.is_empty() {
            others = usable(Owner::User).collect();
        }
        let others = others.iter().map(|entry| entry.key.as_str()).filter(|key| Some(*key) != chosen);
        chosen.into_iter().chain(others).map(str::to_owned).collect()
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
        if let Some(entry) = self.entries.iter().find(|entry| entry.key == id) {
            let same = |known: &&Model| known.manifest == model.manifest && known.checked_onnx().is_ok();
            let known = entry.model.as_ref().ok().filter(same).cloned();
            let taken = "another model of this name is there already; remove it first";
            return known.ok_or_else(|| refused(taken.into()));
        }
        model.checked_onnx()?;
        let staging = self.user_folder.join(format!(".{id}.partial"));
        let target = self.user_folder.join(&id);
        if target.exists() {
            let other = self.entries.iter().find(|entry| entry.folder == target);
            let whose = other.map_or("something else", |entry| entry.key.as_str());
            return Err(refused(format!(
                "its place {} is taken by {whose}; rename that folder",
                target.display()
            )));
        }
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

    /// Deletes a model that the user added, or a folder among theirs that cannot be used, by its name in the list.
    ///
    /// # Errors
    /// When there is none of that name, it ships with the program, or the disk refuses.
    pub fn remove(&self, id: &str) -> Result<(), ModelError> {
        let refused = |what: String| ModelError::Change { model: id.to_owned(), what };
        let entry = self.find(id)?;
        if entry.owner == Owner::Shipped {
            return Err(refused("it ships with Streetwise and stays".into()));
        }
        std::fs::remove_dir_all(&entry.folder)
            .map_err(|error| refused(format!("it could not be deleted ({error})")))
    }
}

impl Entry {
    fn read(folder: &Path, owner: Owner) -> Self {
        let model = Model::read(folder, owner);
        let key = match &model {
            Ok(model) => model.manifest.id.clone(),
            Err(_) => folder_name(folder),
        };
        Self { key, folder: folder.to_owned(), owner, model }
    }

    /// The entry as it is after `earlier` ones: it gives way where its key is taken.
    fn beside(mut self, earlier: &[Self]) -> Self {
        let holder = |key: &str| earlier.iter().find(|entry| entry.key == key);
        let Some(other) = holder(&self.key).map(|entry| entry.folder.clone()) else { return self };
        let (name, path) = (folder_name(&self.folder), self.folder.display().to_string());
        if self.model.is_ok() {
            let (model, folder) = (self.key, self.folder.clone());
            self.model = Err(ModelError::Twice { model, folder, other });
        }
        self.key = if holder(&name).is_some() { path } else { name };
        self
    }
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Model {
    /// Reads `folder/model.json`.
    ///
    /// # Errors
    /// When it cannot be read or is not consistent, or names a file outside the folder.
    pub fn read(folder: &Path, owner: Owner) -> Result<Self, ModelError> {
        let name = folder_name(folder);
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

    /// The bytes of `model.onnx`, after every listed file was compared with its checksum, the graph was looked through,
    /// and the golden check was found to be worth something.
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
        let precision = super::graph::check(model, &onnx)?;
        let (tolerance, bound) =
            (self.manifest.golden.tolerance, precision.bound(self.manifest.golden.largest()));
        if tolerance > bound {
            let (model, precision) = (model.clone(), precision.name());
            return Err(ModelError::Tolerance { model, tolerance, precision, bound });
        }
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
