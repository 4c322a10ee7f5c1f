//! The grid of runs behind a table: presets × pictures a label × seeds.
//!
//! An ablation keeps no state of its own. A cell of the grid is the run with exactly that recipe on that data and
//! those weights: where there is one it counts or goes on, where there is none it is made. So the same command
//! continues what was interrupted, and finishes nothing twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::job::Job;
use super::recipe::Recipe;
use super::report::figures_of;
use super::runs::{Run, RunStore};

/// What is varied, and what all runs share.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Architectures.
    pub presets: Vec<String>,
    /// Training pictures a country; none for all.
    pub per_label: Vec<Option<u32>>,
    /// Seeds 0 to one below this.
    pub seeds: u64,
    /// Everything else of the recipe.
    pub recipe: Recipe,
    /// The job; its weights are those of [`Grid::weights`].
    pub job: Job,
    /// Pretrained weights by preset.
    pub weights: BTreeMap<String, PathBuf>,
}

impl Grid {
    /// All recipes with their jobs, in the order of the table, seeds innermost.
    #[must_use]
    pub fn cells(&self) -> Vec<(Recipe, Job)> {
        let mut cells = Vec::new();
        for preset in &self.presets {
            for per_label in &self.per_label {
                for seed in 0..self.seeds {
                    let preset = preset.clone();
                    let weights = self.weights.get(&preset).cloned();
                    // A table needs figures alone; exporting takes longer than training a head.
                    let job = Job { weights, export: false, ..self.job.clone() };
                    let recipe = Recipe { preset, per_label: *per_label, seed, ..self.recipe.clone() };
                    cells.push((recipe, job.absolute()));
                }
            }
        }
        cells
    }
}

/// The run of a cell, where there is one.
#[must_use]
pub fn find(store: &RunStore, recipe: &Recipe, job: &Job) -> Option<Run> {
    let same = |run: &Run| {
        let (have, want) = (&run.job, job);
        run.recipe == *recipe
            && (&have.data, &have.weights, have.from_scratch)
                == (&want.data, &want.weights, want.from_scratch)
    };
    store.all().into_iter().filter_map(|(_, run)| run.ok()).find(same)
}

/// The figures of a finished run that a table needs, from its `evaluation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Mean over the countries of the share of right first guesses within each.
    pub balanced_top1: f64,
    /// The same for the first five.
    pub balanced_top5: f64,
    /// Mean of F1 over the countries.
    pub macro_f1: f64,
    /// Number of countries.
    #[serde(deserialize_with = "count")]
    pub countries: u64,
    /// Share of right first guesses when guessing at random.
    pub chance: f64,
    /// Held-out places.
    pub places: u64,
    /// Held-out pictures.
    pub images: u64,
}

/// A number, or the length of a list.
fn count<'de, D: serde::Deserializer<'de>>(value: D) -> Result<u64, D::Error> {
    match Value::deserialize(value)? {
        Value::Array(list) => Ok(list.len() as u64),
        other => other.as_u64().ok_or_else(|| serde::de::Error::custom("neither a number nor a list")),
    }
}

/// Reads a run's held-out figures.
#[must_use]
pub fn result_of(run: &Run) -> Option<HeldOut> {
    serde_json::from_value(figures_of(run)?.ok()?).ok()
}

/// Mean and standard deviation over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the sample (over n − 1); none for a single seed.
    pub sd: Option<f64>,
}

impl Spread {
    /// Of values; zero for none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        if values.is_empty() {
            return Self { mean: 0.0, sd: None };
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, sd: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) }
    }
}

/// One row of the table: a preset with so many pictures a label, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Architecture.
    pub preset: String,
    /// Training pictures a country; none for all.
    pub per_label: Option<u32>,
    /// Seeds that came to their end.
    pub seeds: usize,
    /// Mean over the countries of the share of right first guesses within each.
    pub balanced_top1: Spread,
    /// The same for the first five.
    pub balanced_top5: Spread,
    /// Mean of F1 over the countries.
    pub macro_f1: Spread,
    /// Number of countries.
    pub countries: u64,
    /// Share of right first guesses when guessing at random.
    pub chance: f64,
    /// Held-out places, the mean over seeds, since each seed splits anew.
    pub places: f64,
    /// Held-out pictures, the mean over seeds.
    pub images: f64,
}

/// What the runs of a row share.
type Key = (String, Option<u32>);

/// Folds the results of all cells, in the order of [`Grid::cells`], into rows. Cells without a result do not count;
/// a row without any is left out.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn table(results: &[(Recipe, Option<HeldOut>)]) -> Vec<Row> {
    let mut groups: Vec<(Key, Vec<&HeldOut>)> = Vec::new();
    for (recipe, result) in results {
        let Some(result) = result else { continue };
        let key = (recipe.preset.clone(), recipe.per_label);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(result),
            None => groups.push((key, vec![result])),
        }
    }
    let row = |((preset, per_label), group): (Key, Vec<&HeldOut>)| {
        let spread = |of: fn(&HeldOut) -> f64| Spread::of(&group.iter().map(|r| of(r)).collect::<Vec<_>>());
        Row {
            preset,
            per_label,
            seeds: group.len(),
            balanced_top1: spread(|r| r.balanced_top1),
            balanced_top5: spread(|r| r.balanced_top5),
            macro_f1: spread(|r| r.macro_f1),
            countries: group[0].countries,
            chance: group[0].chance,
            places: spread(|r| r.places as f64).mean,
            images: spread(|r| r.images as f64).mean,
        }
    };
    groups.into_iter().map(row).collect()
}

/// Rows of runs that differ only in preset, pictures a country and seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The data set.
    pub data: PathBuf,
    /// What all runs share, with the first one's preset, size and seed.
    pub recipe: Recipe,
    /// The rows.
    pub rows: Vec<Row>,
    /// The runs behind them, oldest first.
    pub runs: Vec<String>,
}

/// The tables that finished runs make, that of the newest run first. Of runs with one recipe the newest counts, so that
/// a repeated run is no second seed. A single run makes none.
#[must_use]
pub fn tables<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<Table> {
    let plain =
        |recipe: &Recipe| Recipe { preset: String::new(), per_label: None, seed: 0, ..recipe.clone() };
    let mut groups: Vec<Vec<(&Run, HeldOut)>> = Vec::new();
    for run in runs {
        let Some(result) = result_of(run) else { continue };
        let same = |known: &Run| {
            known.job.data == run.job.data
                && known.job.from_scratch == run.job.from_scratch
                && plain(&known.recipe) == plain(&run.recipe)
        };
        match groups.iter().position(|group| group.first().is_some_and(|(known, _)| same(known))) {
            Some(at) => {
                let mut group = groups.remove(at);
                group.retain(|(known, _)| known.recipe != run.recipe);
                group.push((run, result));
                groups.push(group);
            }
            None => groups.push(vec![(run, result)]),
        }
    }
    let several = groups.into_iter().rev().filter(|group| group.len() > 1);
    several
        .map(|group| {
            let mut results: Vec<_> =
                group.iter().map(|(run, result)| (run.recipe.clone(), Some(result.clone()))).collect();
            let size = |recipe: &Recipe| (recipe.preset.clone(), recipe.per_label.unwrap_or(u32::MAX));
            results.sort_by_key(|(recipe, _)| size(recipe));
            Table {
                data: group[0].0.job.data.clone(),
                recipe: group[0].0.recipe.clone(),
                rows: table(&results),
                runs: group.iter().map(|(run, _)| run.id.clone()).collect(),
            }
        })
        .collect()
}

/// "all" for none.
#[must_use]
pub fn size_in_words(per_label: Option<u32>) -> String {
    per_label.map_or("all".to_owned(), |n| n.to_string())
}

/// The rows as CSV, with a header.
///
/// # Errors
/// None that can happen in memory, but the writer says so.
pub fn as_csv(rows: &[Row]) -> Result<String, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "preset",
        "per_label",
        "seeds",
        "balanced_top1",
        "balanced_top1_sd",
        "balanced_top5",
        "balanced_top5_sd",
        "macro_f1",
        "macro_f1_sd",
        "countries",
        "chance",
        "places",
        "images",
    ])?;
    for row in rows {
        let sd = |s: Spread| s.sd.map_or_else(String::new, |sd| format!("{sd:.6}"));
        let mut record = vec![row.preset.clone(), size_in_words(row.per_label), row.seeds.to_string()];
        for spread in [row.balanced_top1, row.balanced_top5, row.macro_f1] {
            record.extend([format!("{:.6}", spread.mean), sd(spread)]);
        }
        record.extend([row.countries.to_string()]);
        record.extend([row.chance, row.places, row.images].map(|value| value.to_string()));
        table.write_record(record)?;
    }
    let bytes = table.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Paths;

    fn grid() -> Grid {
        let job = Job {
            data: "/data".into(),
            weights: None,
            from_scratch: true,
            allow: vec![],
            cache: "/cache".into(),
            name: String::new(),
            threads: None,
            model_id: String::new(),
            export: true,
        };
        Grid {
            presets: vec!["resnet18".into(), "vit-tiny".into()],
            per_label: vec![Some(100), None],
            seeds: 2,
            recipe: Recipe { epochs: 3, ..Recipe::new("resnet18") },
            job,
            weights: BTreeMap::from([("vit-tiny".into(), "/w/vit".into())]),
        }
    }

    #[test]
    fn a_cell_is_found_again_by_its_recipe_data_and_weights() {
        let root = tempfile::tempdir().unwrap();
        let store = RunStore::open(&Paths::under(root.path().to_owned()));
        let cells = grid().cells();
        assert_eq!(cells.len(), 8);
        assert_eq!(
            (cells[1].0.seed, cells[2].0.per_label, cells[4].0.preset.as_str()),
            (1, None, "vit-tiny")
        );
        assert_eq!((&cells[0].1.weights, &cells[7].1.weights), (&None, &Some("/w/vit".into())));
        assert!(cells.iter().all(|(recipe, job)| find(&store, recipe, job).is_none()));
        let made: Vec<String> =
            cells.iter().map(|(recipe, job)| store.create(recipe, job.clone()).unwrap().id).collect();
        let found: Vec<String> =
            cells.iter().map(|(recipe, job)| find(&store, recipe, job).unwrap().id).collect();
        assert_eq!(found, made);
        let other = Grid { job: Job { data: "/other".into(), ..grid().job }, ..grid() }.cells();
        assert!(other.iter().all(|(recipe, job)| find(&store, recipe, job).is_none()));
    }

    #[test]
    fn a_row_is_the_mean_and_the_standard_deviation_over_seeds() {
        let result = |top1: f64| HeldOut {
            balanced_top1: top1,
            balanced_top5: 1.0,
            macro_f1: top1 / 2.0,
            countries: 5,
            chance: 0.2,
            places: 10,
            images: 12,
        };
        let recipe = Recipe::new("resnet18");
        let other = Recipe { per_label: Some(100), ..recipe.clone() };
        let all = [
            (recipe.clone(), Some(result(0.4))),
            (recipe.clone(), Some(result(0.5))),
            (recipe.clone(), None),
            (recipe, Some(result(0.6))),
            (other.clone(), Some(result(0.3))),
            (Recipe { preset: "vit-tiny".into(), ..other }, None),
        ];
        let rows = table(&all);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].seeds, rows[0].countries), (3, 5));
        assert!(
            (rows[0].balanced_top1.mean - 0.5).abs() < 1e-9
                && (rows[0].balanced_top1.sd.unwrap() - 0.1).abs() < 1e-9
        );
        assert_eq!((rows[1].per_label, rows[1].balanced_top1.sd), (Some(100), None));
    }

    #[test]
    fn a_repeated_run_is_no_second_seed() {
        let root = tempfile::tempdir().unwrap();
        let store = RunStore::open(&Paths::under(root.path().to_owned()));
        let done = |seed: u64, top1: f64| {
            let recipe = Recipe { seed, ..grid().recipe };
            let run = store.create(&recipe, grid().job).unwrap();
            let figures = json!({ "balanced_top1": top1, "balanced_top5": 1.0, "macro_f1": top1, "countries": 5, "chance": 0.2,
                                  "places": 3, "images": 4 });
            std::fs::write(run.file("evaluation.json"), figures.to_string()).unwrap();
            run
        };
        let repeated = [done(0, 0.1), done(0, 0.4)];
        assert!(tables(&repeated).is_empty());
        let [old, new] = repeated;
        let found = tables(&[old, new, done(1, 0.6)]);
        assert_eq!((found[0].rows[0].seeds, found[0].runs.len()), (2, 2));
        assert!((found[0].rows[0].balanced_top1.mean - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_evaluation_may_list_or_count_its_countries() {
        let rest =
            r#""balanced_top1":0.5,"balanced_top5":1,"macro_f1":0.4,"chance":0.2,"places":3,"images":4"#;
        for countries in [r#"["AU","JP"]"#, "2"] {
            let read: HeldOut =
                serde_json::from_str(&format!("{{\"countries\":{countries},{rest}}}")).unwrap();
            assert_eq!(read.countries, 2);
        }
    }
}
