//! What `evaluate`, `compare`, `explain` and `bench` share: flags for labelled pictures, models by name, progress.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::interrupts::{count_interrupts, interrupts};
use super::{Context, DeviceArg};
use crate::base::Device;
use crate::base::progress::Progress;
use crate::cli::output::tell;
use crate::dataset::{Dataset, DatasetError};
use crate::evaluate::Options;
use crate::geo::{NoCountry, country_of};
use crate::model::{Classifier, Library, Manifest, Model, ModelError, Owner};
use crate::runtime::Engine;
use crate::training::runs::RunStore;
use crate::training::split::{Content, Split};

/// Which labelled pictures count, and how models run on them.
#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// Only pictures of these countries, by code or name
    #[arg(long, value_delimiter = ',', value_name = "COUNTRY,…", value_parser = country)]
    pub(crate) countries: Vec<String>,
    /// At most so many pictures, spread evenly over the list
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Also count pictures whose label was inferred
    #[arg(long)]
    pub(crate) include_inferred: bool,
    /// Only pictures that the model's own training run held out; for models of `streetwise train`
    #[arg(long)]
    pub(crate) held_out: bool,
    /// Bootstrap replicates for the intervals; 0 for none
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(crate) replicates: usize,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// How models run.
#[derive(Debug, clap::Args)]
pub(crate) struct Running {
    /// Where the models run
    #[arg(long, value_enum)]
    device: Option<DeviceArg>,
    /// Threads of one inference; all cores where none is given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Running {
    /// Loads a model as asked; see [`Models::load`] for where none is named.
    pub(crate) fn load(
        &self,
        context: &Context,
        models: &Models,
        name: Option<&str>,
    ) -> anyhow::Result<Classifier> {
        let device = self.device.map_or(context.settings.device, Into::into);
        models.load(name, device, self.threads.or(context.settings.threads))
    }
}

impl Measure {
    /// The options of a pass over the pictures.
    pub(crate) fn options(&self) -> Options {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        Options { inferred: self.include_inferred, replicates: self.replicates, limit, ..Options::default() }
    }

    /// The pictures to count, and the splits of the models' own runs. With `--held-out`, pictures that any of the models
    /// trained on are taken away.
    pub(crate) fn split(
        &self,
        context: &Context,
        models: &[&Manifest],
        data: &Dataset,
    ) -> anyhow::Result<(Dataset, Vec<Option<Split>>)> {
        let mut data = data.clone();
        let store = RunStore::open(&context.paths);
        let splits: Vec<Option<Split>> = models.iter().map(|model| Split::of_model(&store, model)).collect();
        for (id, split) in models.iter().map(|model| &model.id).zip(&splits).filter(|_| self.held_out) {
            let split = split.as_ref().with_context(|| {
                format!(
                    "the run that made {id} is not here, so what it held out is not known; leave --held-out away"
                )
            })?;
            let held_out = |file: &Path| Content::of(file).is_some_and(|picture| split.held_out(&picture));
            data.samples.retain(|sample| held_out(&sample.file));
            anyhow::ensure!(
                !data.samples.is_empty(),
                "the run that made {id} held none of these pictures out"
            );
        }
        Ok((data, splits))
    }
}

/// Where the models of a command come from.
pub(crate) struct Models {
    /// The engine of this process.
    pub(crate) engine: &'static Engine,
    library: Library,
    /// The one chosen in the window.
    chosen: Option<String>,
}

/// The first model of [`Library::in_turn`] that can be loaded, and why those before it cannot.
pub(super) fn first_loaded(
    engine: &Engine,
    library: &Library,
    chosen: Option<&str>,
    device: Device,
    threads: Option<usize>,
) -> (Option<Classifier>, Vec<ModelError>) {
    let mut failed = Vec::new();
    let load =
        |id: String| library.get(&id).and_then(|model| Classifier::load(engine, model, device, threads));
    let loaded =
        library.in_turn(chosen).into_iter().find_map(|id| load(id).map_err(|why| failed.push(why)).ok());
    (loaded, failed)
}

impl Models {
    /// Starts the engine and reads the library.
    pub(crate) fn open(context: &Context) -> anyhow::Result<Self> {
        let chosen = context.settings.model.clone();
        Ok(Self { engine: context.engine()?, library: Library::open(&context.paths), chosen })
    }

    /// A model by identifier or by folder.
    pub(crate) fn named(&self, name: &str) -> anyhow::Result<Model> {
        let folder = PathBuf::from(name);
        match folder.join("model.json").is_file() {
            true => Ok(Model::read(&folder, Owner::User)?),
            false => Ok(self.library.get(name)?.clone()),
        }
    }

    /// A model by name, loaded; where none is named the one chosen in the window, else one that ships, and a line on
    /// standard error says why it is not the one before.
    pub(crate) fn load(
        &self,
        name: Option<&str>,
        device: Device,
        threads: Option<usize>,
    ) -> anyhow::Result<Classifier> {
        if let Some(name) = name {
            return Ok(Classifier::load(self.engine, &self.named(name)?, device, threads)?);
        }
        let chosen = self.chosen.as_deref();
        let (loaded, failed) = first_loaded(self.engine, &self.library, chosen, device, threads);
        let Some(loaded) = loaded else {
            let why = failed.into_iter().next().map(anyhow::Error::from);
            return Err(why.unwrap_or_else(|| {
                anyhow::anyhow!("no model was found; add one with `streetwise models add FOLDER`")
            }));
        };
        for why in failed {
            tell!("streetwise: {why}. {} is used instead.", loaded.manifest().id);
        }
        Ok(loaded)
    }

    /// The identifiers of all models that can be used.
    pub(crate) fn all(&self) -> Vec<String> {
        let usable = self.library.entries().filter(|(_, entry)| entry.is_ok());
        usable.map(|(name, _)| name.to_owned()).collect()
    }

    /// The countries that all of `names` know; none where none is named.
    pub(crate) fn known_to(&self, names: &[String]) -> anyhow::Result<Option<BTreeSet<String>>> {
        let mut common: Option<BTreeSet<String>> = None;
        for name in names {
            let known: BTreeSet<String> = self.named(name)?.manifest.countries.into_iter().collect();
            common = Some(common.map_or(known.clone(), |all| all.intersection(&known).cloned().collect()));
        }
        Ok(common)
    }
}

/// Reads a country on the command line: a code or a name, any case, spaces around it.
pub(crate) fn country(text: &str) -> Result<String, NoCountry> {
    country_of(text).map(str::to_owned)
}

/// Reads labelled pictures, and tells which rows or folders were left out.
pub(crate) fn open_data(path: &Path) -> Result<Dataset, DatasetError> {
    let data = Dataset::open(path)?;
    if let Some(notice) = data.notice() {
        tell!("streetwise: {notice}");
    }
    Ok(data)
}

/// A watch that moves `bar` and stops at Ctrl-C.
pub(crate) fn watching(bar: &ProgressBar) -> impl FnMut(Progress<'_>) -> ControlFlow<()> + '_ {
    // Where it cannot be caught, Ctrl-C ends the program at once, which stops the work as well.
    let _ = count_interrupts();
    |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        if interrupts() > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What to say where some of the pictures were trained on.
pub(crate) fn trained_on_warning(count: Option<usize>) -> String {
    let Some(count @ 1..) = count else { return String::new() };
    format!(
        "  Warning: {count} of the pictures were trained on, so these figures flatter; --held-out counts the others alone\n"
    )
}
