//! The figures of a comparison as tables: the same rows for CSV and for the report.

use super::{Compared, Comparison, Pair};
use crate::evaluate::Interval;
use crate::training::study::StudyRow;

/// A table of words and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name of a file, without its ending.
    pub name: &'static str,
    /// Names of the columns.
    pub header: Vec<&'static str>,
    /// The rows, each as long as the header. Shares are between 0 and 1 with six decimals.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As CSV with a header.
    ///
    /// # Errors
    /// When a row is not as long as the header.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(&self.header)?;
        for row in &self.rows {
            table.write_record(row)?;
        }
        table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// All tables: models, countries, pairs, reliability, confusion, disagreements, and the runs where there are any.
#[must_use]
pub fn tables(found: &Comparison, runs: &[StudyRow]) -> Vec<Table> {
    let mut all = vec![
        models(found),
        countries(found),
        pairs(found),
        reliability(found),
        confusion(found),
        disagreements(found),
    ];
    if !runs.is_empty() {
        all.push(study(runs));
    }
    all
}

fn number(value: f64) -> String {
    format!("{value:.6}")
}

fn ends(interval: Option<Interval>) -> [String; 2] {
    interval.map_or_else(Default::default, |ends| ends.map(number))
}

/// One row a model.
fn models(found: &Comparison) -> Table {
    let row = |m: &Compared| {
        let (e, f, i) = (&m.evaluation, &m.evaluation.figures, m.evaluation.intervals);
        let mut row = vec![e.model.clone(), e.engine.clone(), e.device.clone()];
        row.extend([e.images, e.places, e.countries, e.countries_in_data].map(|count| count.to_string()));
        row.extend([number(e.chance), number(f.top1)]);
        row.extend(ends(i.map(|i| i.top1)));
        row.extend([number(f.top3), number(f.top5)]);
        row.extend(ends(i.map(|i| i.top5)));
        row.push(number(f.macro_f1));
        row.extend(ends(i.map(|i| i.macro_f1)));
        row.extend([number(f.ece), number(m.latency.median_ms), number(m.latency.p95_ms)]);
        row.push(m.pareto.to_string());
        row
    };
    let header = vec![
        "model",
        "engine",
        "device",
        "pictures",
        "places",
        "countries",
        "countries_in_data",
        "chance",
        "top1",
        "top1_low",
        "top1_high",
        "top3",
        "top5",
        "top5_low",
        "top5_high",
        "macro_f1",
        "macro_f1_low",
        "macro_f1_high",
        "ece",
        "median_ms",
        "p95_ms",
        "pareto",
    ];
    Table { name: "models", header, rows: found.models.iter().map(row).collect() }
}

fn countries(found: &Comparison) -> Table {
    let mut rows = Vec::new();
    for m in &found.models {
        for (code, f) in &m.evaluation.per_country {
            let mut row = vec![m.evaluation.model.clone(), code.clone()];
            row.extend([f.f1, f.precision, f.recall].map(number));
            row.push(f.support.to_string());
            rows.push(row);
        }
    }
    let header = vec!["model", "country", "f1", "precision", "recall", "pictures"];
    Table { name: "countries", header, rows }
}

fn pairs(found: &Comparison) -> Table {
    let row = |pair: &Pair| {
        let mut row = vec![pair.a.clone(), pair.b.clone()];
        let counts = [pair.both_right, pair.only_a_right, pair.only_b_right, pair.neither_right];
        row.extend(counts.map(|count| count.to_string()));
        row.extend([number(pair.mcnemar_p), pair.places.to_string(), number(pair.place_p)]);
        row.extend([number(pair.place_p_corrected), number(pair.top1_difference)]);
        row.extend(ends(pair.top1_interval));
        row.push(number(pair.macro_f1_difference));
        row.extend(ends(pair.macro_f1_interval));
        row.push(pair.better.clone().unwrap_or_default());
        row
    };
    let header = vec![
        "a",
        "b",
        "both_right",
        "only_a_right",
        "only_b_right",
        "neither_right",
        "mcnemar_p",
        "places",
        "place_p",
        "place_p_corrected",
        "top1_difference",
        "top1_low",
        "top1_high",
        "macro_f1_difference",
        "macro_f1_low",
        "macro_f1_high",
        "better",
    ];
    Table { name: "pairs", header, rows: found.pairs.iter().map(row).collect() }
}

fn reliability(found: &Comparison) -> Table {
    let mut rows = Vec::new();
    for m in &found.models {
        for bin in &m.evaluation.reliability {
            let mut row = vec![m.evaluation.model.clone(), number(bin.from), bin.images.to_string()];
            row.extend([bin.confidence, bin.accuracy].map(number));
            rows.push(row);
        }
    }
    Table { name: "reliability", header: vec!["model", "from", "pictures", "confidence", "accuracy"], rows }
}

fn confusion(found: &Comparison) -> Table {
    let mut rows = Vec::new();
    for m in &found.models {
        let codes = &m.evaluation.confusion_countries;
        for (truth, counts) in codes.iter().zip(&m.evaluation.confusion) {
            let filled = codes.iter().zip(counts).filter(|(_, count)| **count > 0);
            let row = |(guess, count): (&String, &usize)| {
                vec![m.evaluation.model.clone(), truth.clone(), guess.clone(), count.to_string()]
            };
            rows.extend(filled.map(row));
        }
    }
    Table { name: "confusion", header: vec!["model", "country", "guess", "pictures"], rows }
}

fn disagreements(found: &Comparison) -> Table {
    let mut rows = Vec::new();
    for picture in &found.disagreements {
        for said in &picture.said {
            rows.push(vec![
                picture.file.display().to_string(),
                picture.country.clone(),
                picture.place.clone(),
                said.model.clone(),
                said.country.clone(),
                number(f64::from(said.p)),
                number(f64::from(said.p_true)),
                said.right.to_string(),
            ]);
        }
    }
    let header = vec!["file", "country", "place", "model", "guess", "p", "p_true", "right"];
    Table { name: "disagreements", header, rows }
}

fn study(runs: &[StudyRow]) -> Table {
    let row = |r: &StudyRow| {
        let sd = |value: Option<f64>| value.map_or_else(String::new, number);
        let size = r.per_label.map_or_else(|| "all".to_owned(), |n| n.to_string());
        let mut row = vec![r.series.clone(), size, r.seeds.to_string()];
        for spread in [r.macro_f1, r.balanced_top1, r.seconds] {
            row.extend([number(spread.mean), sd(spread.sd)]);
        }
        row.extend([r.countries.to_string(), number(r.chance), number(r.images)]);
        row
    };
    let header = vec![
        "series",
        "per_label",
        "seeds",
        "macro_f1",
        "macro_f1_sd",
        "balanced_top1",
        "balanced_top1_sd",
        "seconds",
        "seconds_sd",
        "countries",
        "chance",
        "pictures",
    ];
    Table { name: "runs", header, rows: runs.iter().map(row).collect() }
}
