//! The charts of benchmarks: throughput by batch, and F1 against the time of a picture.

use std::collections::BTreeMap;

use super::{Bench, BenchRow};
use crate::chart::{Axis, Chart, Series, Value};

/// Pictures a second by batch, a line a model and number of threads.
#[must_use]
pub fn throughput<'a>(benches: impl Iterator<Item = &'a Bench>) -> Chart {
    let mut series: Vec<Series<(f64, Value)>> = Vec::new();
    for bench in benches {
        let mut by_threads: BTreeMap<usize, Vec<&BenchRow>> = BTreeMap::new();
        for row in &bench.rows {
            by_threads.entry(row.threads).or_default().push(row);
        }
        for (threads, rows) in by_threads {
            #[allow(clippy::cast_precision_loss)]
            let values = rows.iter().map(|row| (row.batch as f64, row.pictures_per_s.into())).collect();
            let word = if threads == 1 { "thread" } else { "threads" };
            series.push(Series { name: format!("{}, {threads} {word}", bench.model), values });
        }
    }
    let values = || series.iter().flat_map(|one| &one.values);
    let (most, fastest) = (top(values().map(|(x, _)| *x)), top(values().map(|(_, y)| y.at)));
    Chart::Lines {
        title: "Throughput by batch".to_owned(),
        x: Axis::new("pictures at once", [1.0, most.max(2.0)]),
        y: Axis::new("pictures a second", [0.0, fastest * 1.08]),
        joined: true,
        guide: Vec::new(),
        series,
    }
}

/// Macro-F1 against the median time of one picture with the threads that are fastest, for the models whose F1 is known;
/// the line joins those that no other is both better and faster than (the Pareto front). None for fewer than two.
#[must_use]
pub fn pareto<'a>(benches: impl Iterator<Item = &'a Bench>, f1: &BTreeMap<String, Value>) -> Option<Chart> {
    let alone = |bench: &Bench| {
        let rows = bench.rows.iter().filter(|row| row.batch == 1);
        rows.map(|row| row.latency.median_ms).min_by(f64::total_cmp)
    };
    let points: Vec<(String, f64, Value)> = benches
        .filter_map(|bench| Some((bench.model.clone(), alone(bench)?, *f1.get(&bench.model)?)))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let beaten = |(_, ms, value): &(String, f64, Value)| {
        points
            .iter()
            .any(|(_, other, f1)| *other <= *ms && f1.at >= value.at && (*other < *ms || f1.at > value.at))
    };
    let mut front: Vec<(f64, f64)> =
        points.iter().filter(|point| !beaten(point)).map(|(_, ms, value)| (*ms, value.at)).collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    let high = top(points.iter().map(|(_, _, f1)| f1.interval.map_or(f1.at, |[_, high]| high)));
    Some(Chart::Lines {
        title: "Macro-F1 against time; the line joins what no other model beats".to_owned(),
        x: Axis::new("median time of a picture, ms", [0.0, top(points.iter().map(|point| point.1)) * 1.08]),
        y: Axis::new("macro-F1", [0.0, high * 1.08]),
        series: points
            .iter()
            .map(|(name, ms, f1)| Series { name: name.clone(), values: vec![(*ms, *f1)] })
            .collect(),
        joined: false,
        guide: front,
    })
}

/// The largest value; 1 where none is above zero.
fn top(values: impl Iterator<Item = f64>) -> f64 {
    let top = values.fold(0.0, f64::max);
    if top > 0.0 { top } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Latency;

    fn bench(model: &str, times: &[(usize, usize, f64)]) -> Bench {
        let row = |(threads, batch, ms): &(usize, usize, f64)| BenchRow {
            threads: *threads,
            batch: *batch,
            latency: Latency { median_ms: *ms, ..Latency::default() },
            pictures_per_s: *batch as f64 * 1e3 / ms,
        };
        Bench {
            model: model.into(),
            engine: "test".into(),
            device: "CPU".into(),
            load_ms: 1.0,
            resident_mb: None,
            grown_mb: None,
            rows: times.iter().map(row).collect(),
            not_run: Vec::new(),
        }
    }

    #[test]
    fn the_front_leaves_out_what_is_both_slower_and_worse() {
        let all = [
            bench("fast", &[(1, 1, 20.0), (2, 1, 10.0), (2, 4, 30.0)]),
            bench("good", &[(2, 1, 50.0)]),
            bench("neither", &[(2, 1, 60.0)]),
            bench("unknown", &[(2, 1, 5.0)]),
        ];
        let f1 = [("fast", 0.4), ("good", 0.6), ("neither", 0.5)];
        let f1 = f1.map(|(name, f1)| (name.to_owned(), Value::from(f1))).into();
        let Some(Chart::Lines { series, guide, .. }) = pareto(all.iter(), &f1) else { panic!("no chart") };
        assert_eq!(guide, [(10.0, 0.4), (50.0, 0.6)]);
        assert_eq!(series.len(), 3);
        assert!(pareto(all[..1].iter(), &f1).is_none());
    }

    #[test]
    fn throughput_has_a_line_for_each_number_of_threads() {
        let one = bench("a", &[(1, 1, 20.0), (1, 4, 40.0), (2, 1, 10.0)]);
        let Chart::Lines { series, .. } = throughput([&one].into_iter()) else { panic!("other chart") };
        let names: Vec<&str> = series.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a, 1 thread", "a, 2 threads"]);
        assert_eq!(series[0].values, [(1.0, 50.0.into()), (4.0, 100.0.into())]);
    }
}
