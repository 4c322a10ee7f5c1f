//! `streetwise guess`: rankings for pictures and folders.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Context, DeviceArg, progress_bar};
use crate::imaging::{Picture, PictureError, decode_ahead, picture_files};
use crate::model::{Answer, Classifier, Library};
use crate::runtime;

/// Arguments of `guess`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise guess photo.jpg
  streetwise guess --top 3 --model efficientnet-lite0 one.jpg two.png
  streetwise guess --json pictures/ > rankings.jsonl

A file that cannot be read gives {\"file\",\"error\"} on its line, the rest go on, and the exit status is 1.")]
pub(crate) struct GuessArgs {
    /// Pictures, and folders that are searched for pictures
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Model to use; the best one by its held-out figures where none is named
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// As many countries are printed
    #[arg(long, default_value_t = 5, value_name = "K")]
    top: usize,
    /// Where the model runs
    #[arg(long, value_enum)]
    device: Option<DeviceArg>,
    /// Threads of one inference; all cores where none is given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `guess`; the exit status says whether every file got a ranking.
pub(crate) fn run(args: &GuessArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let mut classifier = load(args, context)?;
    if let (Some(why), false) = (classifier.fallback(), args.json) {
        eprintln!("streetwise: CUDA is not used: {why}");
    }
    let files = picture_files(&args.files);
    let bar = if std::io::stdout().is_terminal() { ProgressBar::hidden() } else { progress_bar(files.len()) };
    let mut failures = 0;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    decode_ahead(&files, |(file, picture)| {
        let line = match answer(&mut classifier, picture) {
            Ok((picture, answer)) => ranked(args, &classifier, &file, &picture, &answer),
            Err(why) => {
                failures += 1;
                failed(args.json, &file, &why)
            }
        };
        bar.inc(1);
        bar.suspend(|| writeln!(out, "{line}").and_then(|()| out.flush()))
    })?;
    bar.finish_and_clear();
    if files.is_empty() {
        anyhow::bail!("there is no picture (jpg, png, webp, bmp, gif) in what was named");
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(args: &GuessArgs, context: &Context) -> anyhow::Result<Classifier> {
    let engine = runtime::start(&context.choice)?;
    let library = Library::open(&context.paths);
    let model = match &args.model {
        Some(id) => library.get(id)?,
        None => library.default_model().ok_or_else(|| {
            anyhow::anyhow!("no model was found; add one with `streetwise models add FOLDER`")
        })?,
    };
    let device = args.device.map_or(context.settings.device, Into::into);
    Ok(Classifier::load(engine, model, device, args.threads.or(context.settings.threads))?)
}

fn answer(
    classifier: &mut Classifier,
    picture: Result<Picture, PictureError>,
) -> Result<(Picture, Answer), String> {
    let picture = picture.map_err(|error| error.to_string())?;
    let answer = classifier.look(&picture).map_err(|error| error.to_string())?;
    Ok((picture, answer))
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

fn ranked(
    args: &GuessArgs,
    classifier: &Classifier,
    file: &Path,
    picture: &Picture,
    answer: &Answer,
) -> String {
    let notes: Vec<String> = picture.notes.iter().map(ToString::to_string).collect();
    if !args.json {
        return in_words(args.top, classifier, file, &notes, answer);
    }
    let ranking = &answer.ranking;
    let ms = &answer.timings;
    let mut line = json!({
        "file": file.to_string_lossy(),
        "model": classifier.manifest().id,
        "engine": classifier.engine(),
        "device": classifier.device(),
        "ranking": ranking.guesses.iter().take(args.top).collect::<Vec<_>>(),
        "regions": ranking.regions,
        "unsure": ranking.unsure(),
        "ms": {
            "decode": milliseconds(ms.decode),
            "preprocess": milliseconds(ms.preprocess),
            "inference": milliseconds(ms.inference),
            "total": milliseconds(ms.total),
        },
    });
    if let Some(found) = ranking.outside {
        line["outside"] = json!({ "score": found.score, "bound": found.bound, "verdict": found.verdict() });
    }
    if !notes.is_empty() {
        line["notes"] = json!(notes);
    }
    line.to_string()
}

fn in_words(top: usize, classifier: &Classifier, file: &Path, notes: &[String], answer: &Answer) -> String {
    let ranking = &answer.ranking;
    let mut text = format!("{}\n", file.display());
    for guess in ranking.guesses.iter().take(top) {
        // A bar of twenty characters, so that a glance compares.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bar = "█".repeat((guess.p * 20.0).round() as usize);
        text += &format!("  {}  {:<24} {:>6}  {bar}\n", guess.country, guess.name, per_cent(guess.p));
    }
    let regions: Vec<String> =
        ranking.regions.iter().take(3).map(|r| format!("{} {}", r.region, per_cent(r.p))).collect();
    text += &format!("  {}\n  {}\n", regions.join(" · "), ranking.sentence());
    for note in notes {
        text += &format!("  Note: {note}\n");
    }
    text += &format!(
        "  {} knows {} countries · {} · {} · {:.0} ms\n",
        classifier.manifest().name,
        ranking.guesses.len(),
        classifier.engine(),
        classifier.device(),
        milliseconds(answer.timings.total),
    );
    text
}

/// Without decimals from ten per cent up, one below.
fn per_cent(p: f32) -> String {
    let p = p * 100.0;
    if p >= 9.95 { format!("{p:.0} %") } else { format!("{p:.1} %") }
}

fn failed(as_json: bool, file: &Path, why: &str) -> String {
    if as_json {
        let line: Value = json!({ "file": file.to_string_lossy(), "error": why });
        return line.to_string();
    }
    format!("{}\n  {why}\n", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_has_one_decimal_below_ten() {
        for (p, expected) in
            [(0.4567, "46 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (0.001, "0.1 %"), (1.0, "100 %")]
        {
            assert_eq!(per_cent(p), expected);
        }
    }
}
