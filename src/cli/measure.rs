//! What `evaluate`, `compare`, `explain` and `bench` share: flags for labelled pictures, models by name, progress.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::train::{count_interrupts, interrupts};
use super::{Context, DeviceArg};
use crate::cli::output::tell;
use crate::dataset::{Dataset, DatasetError};
use crate::evaluate::Options;
use crate::geo::{NoCountry, country_of};
use crate::model::{Classifier, Library, Model, Owner};
use crate::runtime::{self, Engine};
use crate::training::runs::RunStore;
use crate::training::split::Split;
use crate::watch::Progress;

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
    /// Loads a model as asked.
    pub(crate) fn load(
        &self,
        context: &Context,
        engine: &Engine,
        model: &Model,
    ) -> anyhow::Result<Classifier> {
        let device = self.device.map_or(context.settings.device, Into::into);
        Ok(Classifier::load(engine, model, device, self.threads.or(context.settings.threads))?)
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
        models: &[&str],
        data: &Dataset,
    ) -> anyhow::Result<(Dataset, Vec<Option<Split>>)> {
        let mut data = data.clone();
        let store = RunStore::open(&context.paths);
        let splits: Vec<Option<Split>> = models.iter().map(|model| Split::of_model(&store, model)).collect();
        for (model, split) in models.iter().zip(&splits).filter(|_| self.held_out) {
            let split = split.as_ref().with_context(|| {
                format!(
                    "the run that made {model} is not here, so what it held out is not known; leave --held-out away"
                )
            })?;
            data.samples.retain(|sample| split.held_out(&sample.file));
            anyhow::ensure!(
                !data.samples.is_empty(),
                "the run that made {model} held none of these pictures out"
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
}

impl Models {
    /// Starts the engine and reads the library.
    pub(crate) fn open(context: &Context) -> anyhow::Result<Self> {
        Ok(Self { engine: runtime::start(&context.choice)?, library: Library::open(&context.paths) })
    }

    /// A model by identifier or by folder; the best one where none is named.
    pub(crate) fn named(&self, name: Option<&str>) -> anyhow::Result<Model> {
        let Some(name) = name else {
            let best = self.library.default_model().cloned();
            return best.context("no model was found; add one with `streetwise models add FOLDER`");
        };
        let folder = PathBuf::from(name);
        match folder.join("model.json").is_file() {
            true => Ok(Model::read(&folder, Owner::User)?),
            false => Ok(self.library.get(name)?.clone()),
        }
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
            let known: BTreeSet<String> = self.named(Some(name))?.manifest.countries.into_iter().collect();
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
