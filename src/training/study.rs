//! Finished training runs as the rows of a study: figures and time by architecture and pictures a label.

use serde::Serialize;

use super::ablation::{HeldOut, Spread, result_of};
use super::job::Job;
use super::recipe::Recipe;
use super::runs::{RunStore, State};

/// Runs that differ in nothing but their seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyRow {
    /// Name of the series: the preset, with a number where the rest of the recipe, the data or the weights differ.
    pub series: String,
    /// Architecture.
    pub preset: String,
    /// Training pictures a country; none for all.
    pub per_label: Option<u32>,
    /// Seeds that came to their end.
    pub seeds: usize,
    /// Mean over the countries of F1, on held-out places.
    pub macro_f1: Spread,
    /// Mean over the countries of right first guesses, on held-out places.
    pub balanced_top1: Spread,
    /// Time that trainers worked, in seconds.
    pub seconds: Spread,
    /// Number of countries.
    pub countries: u64,
    /// Share of right first guesses when guessing at random.
    pub chance: f64,
    /// Held-out pictures, the mean over seeds.
    pub images: f64,
}

/// What runs of one series share: the recipe without size and seed, and on which files.
type Key = (Recipe, Job);

struct Group {
    key: Key,
    per_label: Option<u32>,
    runs: Vec<(HeldOut, f64)>,
}

/// The finished runs that have figures, sorted by series and pictures a label; all pictures come last.
#[must_use]
pub fn study(store: &RunStore) -> Vec<StudyRow> {
    let mut groups: Vec<Group> = Vec::new();
    for run in store.all().into_iter().filter_map(|(_, run)| run.ok()) {
        let summary = run.summary();
        let (State::Done, Some(result)) = (summary.state, result_of(&run)) else { continue };
        let (per_label, key) = (run.recipe.per_label, key(&run.recipe, &run.job));
        let point = (result, summary.seconds);
        match groups.iter_mut().find(|group| group.per_label == per_label && group.key == key) {
            Some(group) => group.runs.push(point),
            None => groups.push(Group { key, per_label, runs: vec![point] }),
        }
    }
    let mut keys: Vec<Key> = Vec::new();
    for group in &groups {
        if !keys.contains(&group.key) {
            keys.push(group.key.clone());
        }
    }
    let mut rows: Vec<StudyRow> = groups.iter().map(|group| row(group, &keys)).collect();
    let order = |row: &StudyRow| (row.series.clone(), row.per_label.unwrap_or(u32::MAX));
    rows.sort_by_key(order);
    rows
}

fn key(recipe: &Recipe, job: &Job) -> Key {
    let recipe = Recipe { per_label: None, seed: 0, ..recipe.clone() };
    let (name, model_id) = (String::new(), String::new());
    (recipe, Job { name, model_id, export: false, threads: None, allow: Vec::new(), ..job.clone() })
}

#[allow(clippy::cast_precision_loss)]
fn row(group: &Group, keys: &[Key]) -> StudyRow {
    let preset = group.key.0.preset.clone();
    let alike: Vec<&Key> = keys.iter().filter(|(recipe, _)| recipe.preset == preset).collect();
    let number = alike.iter().position(|key| **key == group.key).unwrap_or(0);
    let series = if number == 0 { preset.clone() } else { format!("{preset} ({})", number + 1) };
    let spread = |of: fn(&(HeldOut, f64)) -> f64| Spread::of(&group.runs.iter().map(of).collect::<Vec<_>>());
    StudyRow {
        series,
        preset,
        per_label: group.per_label,
        seeds: group.runs.len(),
        macro_f1: spread(|run| run.0.macro_f1),
        balanced_top1: spread(|run| run.0.balanced_top1),
        seconds: spread(|run| run.1),
        countries: group.runs[0].0.countries,
        chance: group.runs[0].0.chance,
        images: spread(|run| run.0.images as f64).mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Paths;

    /// A run that a trainer finished after `seconds`.
    fn finished(store: &RunStore, recipe: &Recipe, data: &str, f1: f64, seconds: f64) {
        let job = serde_json::json!({ "data": data, "weights": null, "from_scratch": true, "allow": [], "cache": "/c",
                                      "name": "", "threads": null, "model_id": "" });
        let run = store.create(recipe, serde_json::from_value(job).unwrap()).unwrap();
        let held_out = serde_json::json!({ "balanced_top1": f1, "balanced_top5": 1.0, "macro_f1": f1, "countries": 5, "chance": 0.2,
                                           "places": 3, "images": 9 });
        std::fs::write(run.file("evaluation.json"), held_out.to_string()).unwrap();
        let golden = include_str!("../../tests/protocol/v1.jsonl");
        let line = |kind: &str, seq: u64, time: f64| {
            let found = golden
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .find(|line| line["type"] == kind);
            let mut line = found.unwrap_or_else(|| panic!("no {kind} in the golden protocol"));
            line["seq"] = seq.into();
            line["time"] = time.into();
            line.to_string()
        };
        let events = [line("hello", 0, 100.0), line("done", 1, 100.0 + seconds)].join("\n");
        std::fs::write(run.file("events.jsonl"), events + "\n").unwrap();
    }

    #[test]
    fn runs_that_differ_in_their_seed_are_one_row_and_other_data_is_another_series() {
        let root = tempfile::tempdir().unwrap();
        let store = RunStore::open(&Paths::under(root.path().to_owned()));
        let recipe = |seed, per_label| Recipe { seed, per_label, ..Recipe::new("resnet18") };
        finished(&store, &recipe(0, Some(20)), "/d", 0.4, 10.0);
        finished(&store, &recipe(1, Some(20)), "/d", 0.6, 30.0);
        finished(&store, &recipe(0, None), "/d", 0.7, 40.0);
        finished(&store, &recipe(0, Some(20)), "/other", 0.1, 5.0);
        let rows = study(&store);
        let names: Vec<(&str, Option<u32>, usize)> =
            rows.iter().map(|row| (row.series.as_str(), row.per_label, row.seeds)).collect();
        assert_eq!(names, [("resnet18", Some(20), 2), ("resnet18", None, 1), ("resnet18 (2)", Some(20), 1)]);
        assert!((rows[0].macro_f1.mean - 0.5).abs() < 1e-9);
        assert!((rows[0].seconds.mean - 20.0).abs() < 1e-6, "{:?}", rows[0].seconds);
    }
}
