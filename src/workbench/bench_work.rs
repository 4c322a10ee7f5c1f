//! Benchmarks of models on the engine of this process.

use std::sync::Arc;
use std::time::Duration;

use super::Bencher;
use crate::bench::{BenchOptions, bench, threads_here};
use crate::model::Library;
use crate::runtime;

/// Time of one measurement.
const BUDGET: Duration = Duration::from_secs(1);
/// Pictures at once.
const BATCHES: [usize; 3] = [1, 4, 16];

impl Bencher {
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
            self.change(|findings| findings.benches.push(found));
        }
        Ok(())
    }
}
