//! The charts of a comparison and of finished runs, for the report, exports and panels.

use std::collections::BTreeSet;

use super::{Compared, Comparison};
use crate::chart::{Axis, Chart, Series, Value};
use crate::training::ablation::Spread;
use crate::training::study::StudyRow;

/// A chart under the name that its files get.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Name of a file, without its ending.
    pub name: String,
    /// The chart.
    pub chart: Chart,
}

/// All charts of a comparison: figures, countries, reliability, speed, and a confusion matrix a model.
#[must_use]
pub fn of_comparison(found: &Comparison) -> Vec<Named> {
    let mut all = vec![
        named("figures", figures(&found.models)),
        named("countries", countries(&found.models)),
        named("reliability", reliability(&found.models)),
        named("f1-latency", f1_against_latency(&found.models)),
        named("f1-throughput", f1_against_throughput(&found.models)),
    ];
    let matrix = |model: &Compared| named(&format!("confusion-{}", model.evaluation.model), confusion(model));
    all.extend(found.models.iter().map(matrix));
    all
}

/// The charts of finished runs: F1 by pictures a label, and training time; none where there is no run.
#[must_use]
pub fn of_runs(rows: &[StudyRow]) -> Vec<Named> {
    if rows.is_empty() {
        return Vec::new();
    }
    vec![
        named(
            "runs-f1",
            by_size(rows, "Macro-F1 by training pictures a country", "macro-F1", |r| r.macro_f1),
        ),
        named("runs-seconds", by_size(rows, "Training time", "seconds", |r| r.seconds)),
    ]
}

fn named(name: &str, chart: Chart) -> Named {
    Named { name: name.to_owned(), chart }
}

fn share(label: &str) -> Axis {
    Axis::new(label, [0.0, 1.0])
}

/// From zero to a little above the largest of `values`.
fn from_zero(label: &str, values: impl Iterator<Item = f64>) -> Axis {
    let top = values.fold(0.0, f64::max);
    Axis::new(label, [0.0, if top > 0.0 { top * 1.08 } else { 1.0 }])
}

fn series<T>(model: &Compared, values: Vec<T>) -> Series<T> {
    Series { name: model.evaluation.model.clone(), values }
}

fn figures(models: &[Compared]) -> Chart {
    let value = |at: f64, interval| Some(Value { at, interval });
    let top1 = |m: &Compared| value(m.evaluation.figures.top1, m.evaluation.intervals.map(|i| i.top1));
    let top5 = |m: &Compared| value(m.evaluation.figures.top5, m.evaluation.intervals.map(|i| i.top5));
    let f1 = |m: &Compared| value(m.evaluation.figures.macro_f1, m.evaluation.intervals.map(|i| i.macro_f1));
    Chart::Bars {
        title: "Figures with 95 % intervals over places".to_owned(),
        axis: share("share"),
        groups: ["top-1", "top-5", "macro-F1"].map(str::to_owned).to_vec(),
        series: models.iter().map(|m| series(m, vec![top1(m), top5(m), f1(m)])).collect(),
    }
}

fn countries(models: &[Compared]) -> Chart {
    let codes: BTreeSet<&String> = models.iter().flat_map(|m| m.evaluation.per_country.keys()).collect();
    let bars = |m: &Compared| {
        let f1 = |code: &&String| m.evaluation.per_country.get(*code).map(|f| Value::from(f.f1));
        series(m, codes.iter().map(f1).collect())
    };
    Chart::Bars {
        title: "F1 by country".to_owned(),
        axis: share("F1"),
        groups: codes.iter().map(|code| (*code).clone()).collect(),
        series: models.iter().map(bars).collect(),
    }
}

fn reliability(models: &[Compared]) -> Chart {
    let points = |m: &Compared| {
        let filled = m.evaluation.reliability.iter().filter(|bin| bin.images > 0);
        series(m, filled.map(|bin| (bin.confidence, bin.accuracy.into())).collect())
    };
    Chart::Lines {
        title: "Reliability of the first guess".to_owned(),
        x: share("probability said"),
        y: share("share right"),
        series: models.iter().map(points).collect(),
        joined: true,
        guide: vec![(0.0, 0.0), (1.0, 1.0)],
    }
}

/// Macro-F1 with its interval.
#[must_use]
pub fn f1_of(model: &Compared) -> Value {
    let evaluation = &model.evaluation;
    Value { at: evaluation.figures.macro_f1, interval: evaluation.intervals.map(|i| i.macro_f1) }
}

/// Highest end of the intervals of F1, for an axis.
fn f1_axis(models: &[Compared]) -> Axis {
    let top = |m: &Compared| f1_of(m).interval.map_or(f1_of(m).at, |[_, high]| high);
    from_zero("macro-F1", models.iter().map(top))
}

fn f1_against_latency(models: &[Compared]) -> Chart {
    let mut front: Vec<(f64, f64)> =
        models.iter().filter(|m| m.pareto).map(|m| (m.latency.median_ms, f1_of(m).at)).collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    Chart::Lines {
        title: "Macro-F1 against time; the line joins what no other model beats".to_owned(),
        x: from_zero("median time of a picture, ms", models.iter().map(|m| m.latency.median_ms)),
        y: f1_axis(models),
        series: models.iter().map(|m| series(m, vec![(m.latency.median_ms, f1_of(m))])).collect(),
        joined: false,
        guide: front,
    }
}

fn f1_against_throughput(models: &[Compared]) -> Chart {
    let throughput = |m: &Compared| if m.latency.median_ms > 0.0 { 1e3 / m.latency.median_ms } else { 0.0 };
    Chart::Lines {
        title: "Macro-F1 against throughput, one picture at a time".to_owned(),
        x: from_zero("pictures a second", models.iter().map(throughput)),
        y: f1_axis(models),
        series: models.iter().map(|m| series(m, vec![(throughput(m), f1_of(m))])).collect(),
        joined: false,
        guide: Vec::new(),
    }
}

/// The countries that are there or were guessed.
fn confusion(model: &Compared) -> Chart {
    let found = &model.evaluation;
    let n = found.confusion_countries.len();
    let used = |i: &usize| (0..n).any(|j| found.confusion[*i][j] + found.confusion[j][*i] > 0);
    let kept: Vec<usize> = (0..n).filter(used).collect();
    Chart::Matrix {
        title: format!("Confusion of {}", found.model),
        names: kept.iter().map(|i| found.confusion_countries[*i].clone()).collect(),
        axes: ["true country".to_owned(), "first guess".to_owned()],
        counts: kept.iter().map(|i| kept.iter().map(|j| found.confusion[*i][*j]).collect()).collect(),
    }
}

fn by_size(rows: &[StudyRow], title: &str, unit: &str, of: fn(&StudyRow) -> Spread) -> Chart {
    let sizes: BTreeSet<u32> = rows.iter().map(|row| row.per_label.unwrap_or(u32::MAX)).collect();
    let names: BTreeSet<&String> = rows.iter().map(|row| &row.series).collect();
    let word = |size: &u32| if *size == u32::MAX { "all".to_owned() } else { size.to_string() };
    let value = |name: &str, size: u32| {
        let row = rows.iter().find(|r| r.series == name && r.per_label.unwrap_or(u32::MAX) == size)?;
        let spread = of(row);
        let interval = spread.sd.map(|sd| [spread.mean - sd, spread.mean + sd]);
        Some(Value { at: spread.mean, interval })
    };
    let bars = |name: &&String| Series {
        name: (*name).clone(),
        values: sizes.iter().map(|size| value(name, *size)).collect(),
    };
    Chart::Bars {
        title: format!("{title}, mean ± standard deviation over seeds"),
        axis: from_zero(unit, rows.iter().map(|row| of(row).mean + of(row).sd.unwrap_or(0.0))),
        groups: sizes.iter().map(word).collect(),
        series: names.iter().map(bars).collect(),
    }
}
