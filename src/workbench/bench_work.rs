//! Benchmarks of models on the engine of this process.

use std::sync::Arc;
use std::time::Duration;

use super::Bencher;
use crate::bench::{BenchOptions, bench};
use crate::imaging::Picture;
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
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads = vec![1, cores];
        threads.dedup();
        let device = self.means.device;
        let options = BenchOptions { batches: BATCHES.to_vec(), threads, device, budget: BUDGET };
        let picture = Picture::from_rgb(
            "bench",
            image::RgbImage::from_fn(1920, 1080, |x, y| {
                image::Rgb([x, y, x ^ y].map(|value| value.to_le_bytes()[0]))
            }),
        );
        self.change(|found| found.benches.clear());
        for id in models {
            self.begin(&format!("timing {id}"), 0);
            let model = library.get(id).map_err(|error| error.to_string())?;
            let found = bench(engine, model, &picture, &options, &mut |progress| {
                self.step(turn, progress.done, progress.total)
            });
            let found = Arc::new(found.map_err(|error| error.to_string())?);
            self.change(|findings| findings.benches.push(found));
        }
        Ok(())
    }
}
