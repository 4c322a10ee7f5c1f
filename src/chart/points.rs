//! The data of a chart as CSV.

use super::{Chart, Value};

impl Chart {
    /// Every value, a row each: `series, x, y, low, high` for lines, `group, series, value, low, high` for bars,
    /// `true, guess, count` (by the names of its axes) for a matrix.
    ///
    /// # Errors
    /// When a row cannot be written, which does not happen in memory.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        match self {
            Self::Bars { axis, groups, series, .. } => {
                table.write_record(["group", "series", &axis.label, "low", "high"])?;
                for one in series {
                    for (group, value) in groups.iter().zip(&one.values) {
                        let Some(value) = value else { continue };
                        let [at, low, high] = words(*value);
                        table.write_record([group, &one.name, &at, &low, &high])?;
                    }
                }
            }
            Self::Lines { x, y, series, .. } => {
                table.write_record(["series", &x.label, &y.label, "low", "high"])?;
                for one in series {
                    for (x, value) in &one.values {
                        let [at, low, high] = words(*value);
                        table.write_record([&one.name, &x.to_string(), &at, &low, &high])?;
                    }
                }
            }
            Self::Matrix { names, axes, counts, .. } => {
                table.write_record([axes[0].as_str(), &axes[1], "count"])?;
                for (row, cells) in names.iter().zip(counts) {
                    for (column, count) in names.iter().zip(cells) {
                        table.write_record([row.as_str(), column, &count.to_string()])?;
                    }
                }
            }
        }
        table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// A value and the ends of its interval.
fn words(value: Value) -> [String; 3] {
    let [low, high] = value.interval.map_or_else(Default::default, |ends| ends.map(|end| end.to_string()));
    [value.at.to_string(), low, high]
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Series};
    use super::*;

    #[test]
    fn every_kind_of_chart_gives_its_values() {
        let check = |chart: &Chart, expected: &str| {
            assert_eq!(String::from_utf8(chart.csv().unwrap()).unwrap(), expected);
        };
        let value = Value { at: 0.5, interval: Some([0.4, 0.6]) };
        let (title, axis) = (String::new(), Axis::new("F1", [0.0, 1.0]));
        let series = vec![Series { name: "a, b".into(), values: vec![Some(value), None] }];
        let groups = vec!["AU".into(), "JP".into()];
        check(
            &Chart::Bars { title: title.clone(), axis: axis.clone(), groups: groups.clone(), series },
            "group,series,F1,low,high\nAU,\"a, b\",0.5,0.4,0.6\n",
        );
        let series = vec![Series { name: "a".into(), values: vec![(0.001, 2.0.into()), (3.0, value)] }];
        let x = Axis { log: true, ..Axis::new("rate", [0.001, 3.0]) };
        check(
            &Chart::Lines { title: title.clone(), x, y: axis, series, joined: true, guide: Vec::new() },
            "series,rate,F1,low,high\na,0.001,2,,\na,3,0.5,0.4,0.6\n",
        );
        let axes = ["true country".into(), "first guess".into()];
        check(
            &Chart::Matrix { title, names: groups, axes, counts: vec![vec![1, 2], vec![0, 3]] },
            "true country,first guess,count\nAU,AU,1\nAU,JP,2\nJP,AU,0\nJP,JP,3\n",
        );
    }
}
