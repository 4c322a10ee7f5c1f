//! One HTML file that holds a comparison and opens anywhere: no script, no picture of the data, nothing fetched.

use std::path::{Path, PathBuf};

use super::charts::{Named, of_comparison, of_runs};
use super::html::{STYLE, escape, signed, table, with};
use super::significance::p_value;
use super::{Comparison, Pair, tables};
use crate::chart::{ChartError, Theme};
use crate::store::{StoreError, write_whole};
use crate::training::ablation::Spread;
use crate::training::study::StudyRow;

/// Disagreements that the report lists; all of them are in the CSV.
const LISTED: usize = 50;

/// A comparison with what belongs beside it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The comparison.
    pub comparison: Comparison,
    /// Finished runs, for the charts of training; may be none.
    pub runs: Vec<StudyRow>,
    /// The command that makes it again.
    pub command: String,
    /// Of the pictures, how many each model's own run trained on, in the order of the models; none where its run is not
    /// here.
    pub trained_on: Vec<Option<usize>>,
}

/// A report that could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart failed.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A table failed.
    #[error("a table of the report could not be put together ({0})")]
    Table(#[from] csv::Error),
    /// The disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Report {
    /// The whole file.
    ///
    /// # Errors
    /// When a chart cannot be drawn.
    pub fn html(&self) -> Result<String, ReportError> {
        let title = self.title();
        let mut body = format!("<h1>{}</h1>\n{}", escape(&title), self.summary());
        body += &self.figures();
        body += &self.pairs();
        for named in of_comparison(&self.comparison) {
            body += &inline(&named)?;
        }
        body += &self.countries();
        body += &self.disagreements();
        body += &self.training()?;
        body += &format!("<h2>Made by</h2>\n<p><code>{}</code></p>\n", escape(&self.command));
        Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" \
             content=\"width=device-width\"/>\n<title>{}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
            escape(&title)
        ))
    }

    /// Writes the HTML file.
    ///
    /// # Errors
    /// When a chart cannot be drawn or the disk refuses; an old file is then unchanged.
    pub fn write_html(&self, path: &Path) -> Result<(), ReportError> {
        Ok(write_whole(path, self.html()?.as_bytes())?)
    }

    /// Writes every table beside `path`: the models to `path` itself, the others to `STEM-NAME.csv`. Gives the files.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_csv(&self, path: &Path) -> Result<Vec<PathBuf>, ReportError> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut written = Vec::new();
        for table in tables(&self.comparison, &self.runs) {
            let file = match table.name {
                "models" => path.to_owned(),
                name => path.with_file_name(format!("{stem}-{name}.csv")),
            };
            write_whole(&file, &table.csv()?)?;
            written.push(file);
        }
        Ok(written)
    }

    /// Writes every chart into `folder`, as SVG and as PNG. Gives the files.
    ///
    /// # Errors
    /// When a chart cannot be drawn or the disk refuses.
    pub fn write_charts(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        let mut written = Vec::new();
        for named in of_comparison(&self.comparison).into_iter().chain(of_runs(&self.runs)) {
            let size = size(&named);
            for (ending, bytes) in [
                ("svg", named.chart.svg(size, Theme::Light)?.into_bytes()),
                ("png", named.chart.png(size, Theme::Light)?),
            ] {
                let file = folder.join(format!("{}.{ending}", named.name));
                write_whole(&file, &bytes)?;
                written.push(file);
            }
        }
        Ok(written)
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.comparison.models.iter().map(|m| m.evaluation.model.as_str()).collect();
        format!("{} compared", names.join(", "))
    }

    fn summary(&self) -> String {
        let found = &self.comparison;
        let Some(first) = found.models.first().map(|m| &m.evaluation) else { return String::new() };
        let unknown: usize = first.left_out.unknown_country.values().sum::<usize>()
            + first.left_out.unknown_to_others.values().sum::<usize>();
        let limit = first.limit.map_or_else(String::new, |limit| {
            format!(" {} of {} were taken, spread evenly over the list.", limit.taken, limit.of)
        });
        format!(
            "<p>{} pictures of {} places in {} countries that all models know ({}).{limit} Left out: {unknown} of countries \
             that not all know, {} with an inferred label, {} unreadable, {} rows or folders that name no picture of a country. All models agree on {}, rightly on {}; at least one \
             is right on {}.</p>\n",
            first.images,
            first.places,
            first.countries_in_data,
            escape(&found.common.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
            first.left_out.inferred,
            first.left_out.unreadable.len(),
            first.left_out.unread,
            found.agreed,
            found.agreed_right,
            found.any_right,
        )
    }

    fn figures(&self) -> String {
        let mut rows = Vec::new();
        for (m, trained_on) in self.comparison.models.iter().zip(&self.trained_on) {
            let (e, f, i) = (&m.evaluation, &m.evaluation.figures, m.evaluation.intervals);
            rows.push(vec![
                e.model.clone(),
                with(f.top1, i.map(|i| i.top1)),
                with(f.top5, i.map(|i| i.top5)),
                with(f.macro_f1, i.map(|i| i.macro_f1)),
                format!("{:.3}", f.ece),
                format!("{} ({:.1} %)", e.countries, e.chance * 100.0),
                format!("{:.1} / {:.1}", m.latency.median_ms, m.latency.p95_ms),
                format!("{}, {}", e.engine, e.device),
                m.card_top1.map_or_else(|| "–".to_owned(), |top1| format!("{:.1}", top1 * 100.0)),
                trained_on.map_or_else(|| "not known".to_owned(), |count| count.to_string()),
            ]);
        }
        let header = [
            "model",
            "top-1 %",
            "top-5 %",
            "macro-F1 %",
            "calibration error",
            "countries (chance)",
            "ms, median / 95th",
            "ran on",
            "card: held-out top-1 %",
            "trained on",
        ];
        let note = "<p class=\"faint\">In brackets: 95 % bootstrap intervals over places. Trained on: pictures of these that the \
                    model's own training run has seen; they flatter it. Not known: that run is not on this machine.</p>\n";
        let warnings: String = self
            .comparison
            .models
            .iter()
            .filter_map(super::Compared::flattered)
            .map(|warning| format!("<p><strong>{}</strong></p>\n", escape(&warning)))
            .collect();
        format!("<h2>Figures</h2>\n{warnings}{}{note}", table(&header, &rows))
    }

    fn pairs(&self) -> String {
        let row = |pair: &Pair| {
            vec![
                format!("{} → {}", pair.a, pair.b),
                format!("{:+.1}{}", pair.top1_difference * 100.0, signed(pair.top1_interval)),
                format!("{:+.1}{}", pair.macro_f1_difference * 100.0, signed(pair.macro_f1_interval)),
                pair.only_a_right.to_string(),
                pair.only_b_right.to_string(),
                p_value(pair.mcnemar_p),
                p_value(pair.place_p),
                p_value(pair.place_p_corrected),
            ]
        };
        let header = [
            "pair",
            "top-1, points",
            "macro-F1, points",
            "only first right",
            "only second right",
            "p over pictures",
            "p over places",
            "corrected",
        ];
        let rows: Vec<Vec<String>> = self.comparison.pairs.iter().map(row).collect();
        let sentences: String =
            self.comparison.pairs.iter().map(|p| format!("<p>{}</p>\n", escape(&p.sentence))).collect();
        format!(
            "<h2>Is the difference real?</h2>\n{sentences}{}<p class=\"faint\">The verdict rests on the exact sign-flip test \
             over places, corrected for the number of pairs by Holm's method; McNemar's exact test over pictures takes the \
             views of one place for independent.</p>\n",
            table(&header, &rows)
        )
    }

    fn countries(&self) -> String {
        let models = &self.comparison.models;
        let Some(first) = models.first() else { return String::new() };
        let mut header = vec!["country", "pictures"];
        header.extend(models.iter().map(|m| m.evaluation.model.as_str()));
        let row = |(code, figures): (&String, &crate::evaluate::metrics::CountryFigures)| {
            let mut row = vec![code.clone(), figures.support.to_string()];
            let f1 = |m: &super::Compared| m.evaluation.per_country.get(code).map_or(0.0, |f| f.f1);
            row.extend(models.iter().map(|m| format!("{:.1}", f1(m) * 100.0)));
            row
        };
        let rows: Vec<Vec<String>> = first.evaluation.per_country.iter().map(row).collect();
        format!("<h2>F1 by country, %</h2>\n{}", table(&header, &rows))
    }

    fn disagreements(&self) -> String {
        let found = &self.comparison;
        let mut header = vec!["picture", "country"];
        header.extend(found.models.iter().map(|m| m.evaluation.model.as_str()));
        let mut rows = Vec::new();
        for picture in found.disagreements.iter().take(LISTED) {
            let mut row = vec![self.short(&picture.file), picture.country.clone()];
            let said = |one: &super::Said| {
                format!("{} {:.0} %{}", one.country, one.p * 100.0, if one.right { " ✓" } else { "" })
            };
            row.extend(picture.said.iter().map(said));
            rows.push(row);
        }
        format!(
            "<h2>Where they differ</h2>\n<p>{} pictures, the most confident errors first{}.</p>\n{}",
            found.disagreements.len(),
            if found.disagreements.len() > LISTED { "; the first 50" } else { "" },
            table(&header, &rows)
        )
    }

    fn training(&self) -> Result<String, ReportError> {
        let mut text = String::new();
        for named in of_runs(&self.runs) {
            text += &inline(&named)?;
        }
        if text.is_empty() {
            return Ok(text);
        }
        let spread = |s: Spread, scale: f64| {
            let sd = s.sd.map_or_else(String::new, |sd| format!(" ± {:.1}", sd * scale));
            format!("{:.1}{sd}", s.mean * scale)
        };
        let row = |r: &StudyRow| {
            let size = r.per_label.map_or_else(|| "all".to_owned(), |n| n.to_string());
            let mut row = vec![r.series.clone(), size, r.seeds.to_string()];
            row.extend([spread(r.macro_f1, 100.0), spread(r.balanced_top1, 100.0), spread(r.seconds, 1.0)]);
            row.push(format!("{} ({:.1} %)", r.countries, r.chance * 100.0));
            row
        };
        let header = [
            "run",
            "pictures a country",
            "seeds",
            "macro-F1 %",
            "balanced top-1 %",
            "seconds",
            "countries (chance)",
        ];
        let rows: Vec<Vec<String>> = self.runs.iter().map(row).collect();
        Ok(format!(
            "<h2>Training runs</h2>\n<p>On the places that each run held out; ± is the standard deviation over seeds.</p>\n{text}{}",
            table(&header, &rows)
        ))
    }

    /// A picture's path below the data set.
    fn short(&self, file: &Path) -> String {
        let root = self.comparison.models.first().map_or("", |m| m.evaluation.data.as_str());
        let root = Path::new(root);
        let folder = if root.extension().is_some() { root.parent().unwrap_or(root) } else { root };
        file.strip_prefix(folder).unwrap_or(file).display().to_string()
    }
}

/// Width and height of a chart on the page, in pixels.
fn size(named: &Named) -> (u32, u32) {
    match (&named.chart, named.name.as_str()) {
        (crate::chart::Chart::Matrix { .. }, _) => (640, 660),
        (_, "reliability") => (520, 480),
        _ => (940, 360),
    }
}

/// A chart inside the page. Inside HTML an SVG needs no namespace, and the page then names no address at all.
fn inline(named: &Named) -> Result<String, ReportError> {
    let svg = named.chart.svg(size(named), Theme::Inherit)?;
    Ok(format!("<div class=\"wide\">{}</div>\n", svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "")))
}

#[cfg(test)]
mod tests {
    use super::super::disagree::tests::answers;
    use super::*;
    use crate::evaluate::Options;

    fn report() -> Report {
        let places = ["p", "q", "r", "s"];
        let all = [
            answers("a<b", &[0, 1, 2, 0], &[0, 1, 1, 1], &places),
            answers("b", &[0, 1, 2, 0], &[1, 1, 2, 2], &places),
        ];
        let options = Options { replicates: 100, ..Options::default() };
        Report {
            comparison: Comparison::of(&all, &options),
            runs: Vec::new(),
            command: "streetwise compare \"a<b\" b".into(),
            trained_on: vec![None, Some(3)],
        }
    }

    /// Every tag that is opened is closed, in order.
    fn balanced(html: &str) {
        let mut open: Vec<String> = Vec::new();
        for tag in html.split('<').skip(1).filter_map(|part| part.split('>').next()) {
            if tag.starts_with('!') || tag.ends_with('/') {
                continue;
            }
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "near </{name}>"),
                None => open.push(tag.split([' ', '\n']).next().unwrap().to_owned()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn the_report_is_one_whole_file_that_fetches_nothing_and_holds_the_figures() {
        let report = report();
        let html = report.html().unwrap();
        balanced(&html);
        for never in ["http:", "https:", "//", "<script", "<img", "url(", "@import", "data:"] {
            assert!(!html.contains(never), "{never}");
        }
        let e = &report.comparison.models[0].evaluation;
        for part in [
            with(e.figures.top1, e.intervals.map(|i| i.top1)),
            with(e.figures.macro_f1, e.intervals.map(|i| i.macro_f1)),
            "4 pictures of 4 places".to_owned(),
            "a&lt;b".to_owned(),
            "33.3 %".to_owned(),
            "<td>not known</td>".to_owned(),
            "<td>3</td>".to_owned(),
            "prefers-color-scheme:dark".to_owned(),
            "streetwise compare".to_owned(),
            escape(&report.comparison.pairs[0].sentence),
        ] {
            assert!(html.contains(&part), "{part}");
        }
        assert!(!html.contains("a<b"), "names are escaped");
        // Five charts and a matrix a model.
        assert_eq!(html.matches("<svg").count(), 7);
    }

    #[test]
    fn tables_are_written_beside_each_other_and_every_chart_twice() {
        let root = tempfile::tempdir().unwrap();
        let report = report();
        let written = report.write_csv(&root.path().join("out.csv")).unwrap();
        let names: Vec<String> =
            written.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
        let expected =
            ["out.csv", "out-countries.csv", "out-pairs.csv", "out-reliability.csv", "out-confusion.csv"];
        assert_eq!(names[..5], expected);
        let text = std::fs::read_to_string(&written[0]).unwrap();
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let at = rows.headers().unwrap().iter().position(|name| name == "top1").unwrap();
        let first = rows.records().next().unwrap().unwrap();
        assert_eq!(first[at], format!("{:.6}", report.comparison.models[0].evaluation.figures.top1));
        let charts = report.write_charts(&root.path().join("charts")).unwrap();
        assert_eq!(charts.len(), 14);
        assert!(charts.iter().all(|file| file.metadata().unwrap().len() > 500));
    }
}
