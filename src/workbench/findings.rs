//! What the workbench has found: the latest state of both lanes.

use std::sync::Arc;

use image::RgbImage;

use crate::bench::{Bench, charts as bench_charts};
use crate::chart::Chart;
use crate::compare::{self, Looks, Report, charts};
use crate::engine::Busy;
use crate::explain::{Exciting, Heatmap, Method};

/// Work of one kind, done one task after the other; the two go on beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Over data sets, and benchmarks.
    Sets,
    /// About one picture.
    Picture,
}

/// How a lane stands.
#[derive(Debug, Clone, Default)]
pub struct LaneState {
    /// What goes on.
    pub doing: Option<Busy>,
    /// Why the last task was not done.
    pub problem: Option<String>,
}

/// A comparison with its charts.
pub struct Compared {
    /// Figures, pairs, disagreements.
    pub report: Report,
    /// The charts, in order.
    pub charts: Vec<(String, Arc<Chart>)>,
}

/// What of a comparison is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The HTML report.
    Html,
    /// The table of that place among [`tables`](compare::tables), as CSV.
    Csv(usize),
}

impl Compared {
    /// With the charts of the report.
    #[must_use]
    pub fn new(report: Report) -> Self {
        let named =
            charts::of_comparison(&report.comparison).into_iter().chain(charts::of_runs(&report.runs));
        let charts = named.map(|named| (named.name, Arc::new(named.chart))).collect();
        Self { report, charts }
    }

    /// The bytes of a part; takes its time.
    ///
    /// # Errors
    /// A sentence on what could not be made.
    pub fn bytes(&self, part: Part) -> Result<Vec<u8>, String> {
        match part {
            Part::Html => self.report.html().map(String::into_bytes).map_err(|error| error.to_string()),
            Part::Csv(index) => {
                let tables = compare::tables(&self.report.comparison, &self.report.runs);
                let table = tables.get(index).ok_or("there is no such table")?;
                table.csv().map_err(|error| error.to_string())
            }
        }
    }
}

impl std::fmt::Debug for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compared").finish_non_exhaustive()
    }
}

/// What several models say of one picture.
pub struct Looked {
    /// The picture's name.
    pub name: String,
    /// Its pixels.
    pub picture: Arc<RgbImage>,
    /// What they say.
    pub looks: Looks,
}

/// What the guesses of several models rest on, on one picture; the models that are done so far, in order.
#[derive(Clone)]
pub struct Maps {
    /// The picture's pixels.
    pub picture: Arc<RgbImage>,
    /// How.
    pub method: Method,
    /// The models, by identifier.
    pub models: Vec<String>,
    /// Of each model that is done, in their order: the picture with the map over it, or why there is none.
    pub made: Vec<Result<Arc<RgbImage>, String>>,
}

impl Maps {
    /// The map of a model on these very pixels, or why there is none; nothing where it is not made yet, and where
    /// the maps are of another picture or of other models.
    #[must_use]
    pub fn of(&self, model: &str, picture: &Arc<RgbImage>) -> Option<&Result<Arc<RgbImage>, String>> {
        let place = self.models.iter().position(|known| known == model)?;
        self.made.get(place).filter(|_| Arc::ptr_eq(&self.picture, picture))
    }
}

/// A heatmap over its picture.
pub struct Explained {
    /// The number of the look.
    pub look: u64,
    /// The model whose guess is explained.
    pub model: String,
    /// The map; none while it is on its way.
    pub map: Option<Heatmap>,
    /// The picture with the map over it.
    pub shown: Arc<RgbImage>,
}

impl Explained {
    /// Whether it explains what this model said in that look. A look that was made again with another model keeps
    /// its number.
    #[must_use]
    pub fn is_of(&self, look: u64, model: &str) -> bool {
        self.look == look && self.model == model
    }
}

/// The pictures of a data set that excite a country most.
pub struct Excited {
    /// The model.
    pub model: String,
    /// The country, ISO alpha-2.
    pub country: String,
    /// The pictures, the most exciting first.
    pub pictures: Vec<Exciting>,
}

/// The latest state.
#[derive(Clone, Default)]
pub struct Findings {
    /// Work over data sets.
    pub sets: LaneState,
    /// Work about one picture.
    pub picture: LaneState,
    /// The last comparison.
    pub compared: Option<Arc<Compared>>,
    /// The last picture that several models looked at.
    pub looked: Option<Arc<Looked>>,
    /// The last maps of several models.
    pub maps: Option<Arc<Maps>>,
    /// The last explanation.
    pub explained: Option<Arc<Explained>>,
    /// The last exciting pictures.
    pub excited: Option<Arc<Excited>>,
    /// The last benchmarks.
    pub benches: Vec<Arc<Bench>>,
    /// Their charts: throughput, and for two or more models that were compared too, F1 against time.
    pub speed: Vec<(String, Arc<Chart>)>,
}

impl Findings {
    /// Makes the charts of the benchmarks anew; for after benchmarks and comparisons.
    pub(super) fn draw_speed(&mut self) {
        let models = self.compared.iter().flat_map(|compared| &compared.report.comparison.models);
        let f1 = models.map(|model| (model.evaluation.model.clone(), charts::f1_of(model))).collect();
        let benches = || self.benches.iter().map(|bench| &**bench);
        let throughput = bench_charts::throughput(benches());
        let pareto = bench_charts::pareto(benches(), &f1);
        let named = |name: &str, chart| (name.to_owned(), Arc::new(chart));
        let pareto = pareto.map(|chart| named("pareto", chart));
        self.speed = std::iter::once(named("throughput", throughput)).chain(pareto).collect();
    }

    /// How a lane stands.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> &LaneState {
        match lane {
            Lane::Sets => &self.sets,
            Lane::Picture => &self.picture,
        }
    }

    pub(super) fn lane_mut(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Sets => &mut self.sets,
            Lane::Picture => &mut self.picture,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_belongs_to_one_model_and_one_picture() {
        let pixels = || Arc::new(RgbImage::new(1, 1));
        let (picture, other) = (pixels(), pixels());
        let models = ["a", "b", "c"].map(str::to_owned).to_vec();
        let made = vec![Ok(pixels()), Err("no attention".to_owned())];
        let maps = Maps { picture: Arc::clone(&picture), method: Method::Occlusion, models, made };
        assert!(maps.of("a", &picture).is_some_and(Result::is_ok));
        assert!(maps.of("b", &picture).is_some_and(Result::is_err));
        for (model, picture) in [("c", &picture), ("d", &picture), ("a", &other)] {
            assert!(maps.of(model, picture).is_none(), "{model}");
        }
    }
}
