//! What is filled in for a new run or a grid of several, and the order that comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::training::ablation::Grid;
use crate::training::job::Job;
use crate::training::recipe::Recipe;
use crate::training::studio::Order;

/// Where the network's first weights come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// timm's model hub.
    #[default]
    Hub,
    /// A safetensors file.
    File,
    /// Random numbers.
    Scratch,
}

/// How much of the network trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The head, on cached features.
    Head,
    /// The last blocks too, from cached activations.
    Last,
    /// Everything, from pixels: the study's way.
    Everything,
}

/// Everything that was filled in.
#[derive(Debug)]
pub struct Form {
    /// The data set.
    pub data: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Where weights come from.
    pub start: Start,
    /// The weights of each preset that a file was chosen for.
    pub weights: BTreeMap<String, PathBuf>,
    /// Name of the model; empty for preset and countries.
    pub name: String,
    /// Problems of the data that are allowed.
    pub allow: BTreeSet<String>,
    /// Folder of the caches.
    pub cache: PathBuf,
    /// Whether several runs are wanted.
    pub grid: bool,
    /// Their architectures.
    pub presets: BTreeSet<String>,
    /// Their pictures a country, as typed.
    pub sizes: String,
    /// Their seeds.
    pub seeds: u64,
    /// What was looked into last.
    pub(super) looked: String,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            data: String::new(),
            recipe: Recipe { unfreeze_last: Some(0), epochs: 20, ..Recipe::new("efficientnet-lite0") },
            start: Start::default(),
            weights: BTreeMap::new(),
            name: String::new(),
            allow: BTreeSet::new(),
            cache: PathBuf::new(),
            grid: false,
            presets: BTreeSet::new(),
            sizes: "100, 200, 300".to_owned(),
            seeds: 3,
            looked: String::new(),
        }
    }
}

impl Form {
    /// Takes over a run's recipe and job, under a name of its own.
    pub fn fill(&mut self, recipe: &Recipe, job: &Job) {
        self.data = job.data.display().to_string();
        self.looked.clone_from(&self.data);
        self.recipe = recipe.clone();
        self.start = match (&job.weights, job.from_scratch) {
            (Some(path), _) => {
                self.weights.insert(recipe.preset.clone(), path.clone());
                Start::File
            }
            (None, true) => Start::Scratch,
            (None, false) => Start::Hub,
        };
        self.allow = job.allow.iter().cloned().collect();
        self.name = String::new();
        self.grid = false;
    }

    /// Weights were chosen for the preset at hand.
    pub fn use_weights(&mut self, path: &Path) {
        self.start = Start::File;
        self.weights.insert(self.recipe.preset.clone(), path.to_owned());
    }

    /// How much trains.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match self.recipe.unfreeze_last {
            Some(0) => Extent::Head,
            Some(_) => Extent::Last,
            None => Extent::Everything,
        }
    }

    /// The numbers typed for pictures a country; what cannot be read is named.
    pub(super) fn sizes(&self) -> Result<Vec<Option<u32>>, String> {
        let parts = self.sizes.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part {
                "all" => Ok(None),
                number => number.parse().ok().filter(|n| *n > 0).map(Some).ok_or_else(|| {
                    format!("“{part}” is no number of pictures; write numbers or all, with commas between")
                }),
            })
            .collect()
    }

    /// What is missing before it can be started.
    pub(super) fn missing(&self) -> Option<String> {
        if self.data.trim().is_empty() {
            return Some("Choose pictures to train on.".to_owned());
        }
        if self.start == Start::File {
            let wanted: Vec<&String> =
                if self.grid { self.presets.iter().collect() } else { vec![&self.recipe.preset] };
            if let Some(preset) = wanted.into_iter().find(|preset| !self.weights.contains_key(*preset)) {
                return Some(format!("Choose a file with the weights of {preset}."));
            }
        }
        if self.grid && self.presets.is_empty() {
            return Some("Mark the architectures that the runs compare.".to_owned());
        }
        if self.grid
            && let Err(why) = self.sizes()
        {
            return Some(why);
        }
        self.recipe.check().err().map(|error| error.to_string())
    }

    pub(super) fn job(&self) -> Job {
        let weights = (self.start == Start::File).then(|| self.weights.get(&self.recipe.preset).cloned());
        Job {
            data: self.data.trim().into(),
            weights: weights.flatten(),
            from_scratch: self.start == Start::Scratch,
            allow: self.allow.iter().cloned().collect(),
            cache: self.cache.clone(),
            name: self.name.trim().to_owned(),
            threads: None,
            model_id: String::new(),
            export: true,
        }
    }

    pub(super) fn order(&self) -> Order {
        if !self.grid {
            return Order::Start(Box::new(self.recipe.clone()), Box::new(self.job()));
        }
        Order::Ablate(Box::new(Grid {
            presets: self.presets.iter().cloned().collect(),
            per_label: self.sizes().unwrap_or_default(),
            seeds: self.seeds,
            recipe: self.recipe.clone(),
            job: Job { weights: None, ..self.job() },
            weights: if self.start == Start::File { self.weights.clone() } else { BTreeMap::new() },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_order() {
        let mut form = Form::default();
        assert_eq!(form.missing().unwrap(), "Choose pictures to train on.");
        form.data = "/pictures".into();
        assert_eq!(form.missing(), None);
        form.start = Start::File;
        assert!(form.missing().unwrap().contains("weights of efficientnet-lite0"));
        form.use_weights(Path::new("/w.safetensors"));
        assert_eq!(form.missing(), None);
        (form.start, form.grid) = (Start::Hub, true);
        assert!(form.missing().unwrap().starts_with("Mark the architectures"));
        form.presets.insert("resnet18".into());
        form.sizes = "20, x".into();
        assert!(form.missing().unwrap().contains("“x”"));
        form.sizes = "20, 40, all".into();
        assert_eq!(form.missing(), None);
        let Order::Ablate(grid) = form.order() else { panic!("a grid is wanted") };
        assert_eq!(grid.cells().len(), 9);
        form.recipe.epochs = 0;
        form.recipe.freeze_epochs = 0;
        assert!(form.missing().unwrap().contains("epoch"));
    }

    #[test]
    fn a_clone_starts_from_the_same_recipe_and_weights() {
        let mut form = Form { data: "/a".into(), ..Form::default() };
        form.use_weights(Path::new("/w.safetensors"));
        form.recipe.seed = 7;
        let (recipe, job) = (form.recipe.clone(), form.job());
        let mut other = Form::default();
        other.fill(&recipe, &job);
        assert_eq!((other.recipe.clone(), other.job()), (recipe, job));
    }
}
