//! Work over data sets, and benchmarks, on the engine of this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Bencher, Compared, Excited};
use crate::bench::{BenchOptions, bench, threads_here};
use crate::compare::{self, Report};
use crate::dataset::Dataset;
use crate::evaluate::Options;
use crate::explain::exciting;
use crate::model::Library;
use crate::runtime;
use crate::training::runs::RunStore;
use crate::training::split::{Split, trained_on};
use crate::training::study::study;

/// Time of one measurement.
const BUDGET: Duration = Duration::from_secs(1);
/// Pictures at once.
const BATCHES: [usize; 3] = [1, 4, 16];
/// Exciting pictures that are kept.
const EXCITING: usize = 24;

impl Bencher {
    pub(super) fn compare(
        &self,
        models: &[String],
        data: &Path,
        limit: Option<usize>,
        turn: u64,
    ) -> Result<(), String> {
        let mut classifiers = self.load(models)?;
        let set = Dataset::open(data).map_err(|error| error.to_string())?;
        let options = Options { limit, ..Options::default() };
        self.begin("comparing");
        let found = compare::compare(&mut classifiers, &set, &options, &mut |progress| {
            self.step(turn, progress.done, progress.total)
        });
        let (comparison, answers) = found.map_err(|error| error.to_string())?;
        let store = RunStore::open(&self.means.choice.paths);
        let splits: Vec<Option<Split>> =
            classifiers.iter().map(|one| Split::of_model(&store, one.manifest())).collect();
        let trained_on = trained_on(&splits, &answers);
        let command = command(models, data, limit);
        let report = Report { comparison, runs: study(&store), command, trained_on };
        let compared = Arc::new(Compared::new(report));
        self.change(|found| {
            found.compared = Some(compared);
            found.draw_speed();
        });
        Ok(())
    }

    pub(super) fn excite(&self, model: &str, data: &Path, country: &str, turn: u64) -> Result<(), String> {
        let mut loaded = self.load(&[model.to_owned()])?;
        let Some(classifier) = loaded.first_mut() else { return Ok(()) };
        let set = Dataset::open(data).map_err(|error| error.to_string())?;
        self.begin("looking through the pictures");
        let pictures = exciting(classifier, &set, country, EXCITING, &mut |progress| {
            self.step(turn, progress.done, progress.total)
        });
        let pictures = pictures.map_err(|error| error.to_string())?;
        let found = Excited { model: model.to_owned(), country: country.to_owned(), pictures };
        self.change(|findings| findings.excited = Some(Arc::new(found)));
        Ok(())
    }

    pub(super) fn bench(&self, models: &[String], turn: u64) -> Result<(), String> {
        let engine = runtime::start(&self.means.choice).map_err(|error| error.to_string())?;
        let library = Library::open(&self.means.choice.paths);
        let (threads, device) = (threads_here(), self.means.device);
        let options = BenchOptions { batches: BATCHES.to_vec(), threads, device, budget: BUDGET };
        self.change(|found| found.benches.clear());
        for id in models {
            self.begin(&format!("timing {id}"));
            let model = library.get(id).map_err(|error| error.to_string())?;
            let found = bench(engine, model, &options, &mut |progress| {
                self.step(turn, progress.done, progress.total)
            });
            let found = Arc::new(found.map_err(|error| error.to_string())?);
            self.change(|findings| {
                findings.benches.push(found);
                findings.draw_speed();
            });
        }
        Ok(())
    }
}

/// The command that prints the same figures.
fn command(models: &[String], data: &Path, limit: Option<usize>) -> String {
    let limit = limit.map_or_else(String::new, |limit| format!(" --limit {limit}"));
    format!("streetwise compare {} --data {}{limit}", models.join(" "), data.display())
}
