//! `streetwise explain`: what a guess rests on, and whether such a map tells the truth.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

use super::interrupts::{count_interrupts, interrupts};
use super::measure::{Models, Running, country, open_data, watching};
use super::{Context, progress_bar};
use crate::cli::output::{print, say};
use crate::explain::{CheckOptions, Grid, Heatmap, Method, attention, check, exciting, occlusion};
use crate::imaging::{Limits, Picture};
use crate::model::Classifier;
use crate::store::{keep_apart, write_whole};

/// The method on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MethodArg {
    /// hide one part after the other and see what the country's probability does; any model
    Occlusion,
    /// follow attention through all blocks; models exported with it
    Attention,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise explain photo.jpg --out heat.png
  streetwise explain photo.jpg --model street-world --method attention --json
  streetwise explain --check --data pictures/ --limit 100
  streetwise explain --exciting AU --data pictures/ --top 12

A map is a grid of values over the part of the picture that the model sees. Occlusion: by how much the logarithm of the
country's probability falls when a window around the cell is filled with the picture's mean colour. Attention: shares
that sum to 1, whatever the country. --check hides cells in the order of the map, and at random, and compares the area
under the curves of the probability (deletion, RISE): a map that tells the truth has the lower one.")]
pub(crate) struct ExplainArgs {
    /// The picture
    #[arg(required_unless_present_any = ["check", "exciting"], conflicts_with_all = ["check", "exciting"])]
    file: Option<PathBuf>,
    /// Model, by identifier or by folder; where none is named the one chosen in the window, else the best that ships
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// How
    #[arg(long, value_enum, default_value = "occlusion")]
    method: MethodArg,
    /// The country to explain; the first guess where none is named
    #[arg(long, value_name = "COUNTRY", value_parser = country)]
    country: Option<String>,
    /// Cells of occlusion each way
    #[arg(long, default_value_t = 14, value_name = "N")]
    cells: usize,
    /// Write the picture with the map over it
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// Measure on labelled pictures whether the maps tell the truth
    #[arg(long, requires = "data", conflicts_with = "exciting")]
    check: bool,
    /// The pictures of --data with the highest probability of this country, at most one a place
    #[arg(long, value_name = "COUNTRY", requires = "data", value_parser = country)]
    exciting: Option<String>,
    /// Labelled pictures, for --check and --exciting
    #[arg(long, value_name = "DIR|index.csv")]
    data: Option<PathBuf>,
    /// At most so many pictures in --check, spread evenly over the list
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    /// Points of a curve in --check
    #[arg(long, default_value_t = 14, value_name = "N")]
    steps: usize,
    /// Random orders a picture in --check
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    orders: u64,
    /// As many pictures in --exciting
    #[arg(long, default_value_t = 12, value_name = "K")]
    top: usize,
    #[command(flatten)]
    running: Running,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `explain`.
pub(crate) fn run(args: &ExplainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        keep_apart(out, &args.file)?;
    }
    let models = Models::open(context)?;
    let mut classifier = args.running.load(context, &models, args.model.as_deref())?;
    match (&args.file, &args.exciting, &args.data) {
        (Some(file), ..) => one(args, &mut classifier, file)?,
        (None, Some(country), Some(data)) => excite(args, &mut classifier, country, data)?,
        (None, None, Some(data)) => measure(args, &mut classifier, data)?,
        (None, _, None) => anyhow::bail!("name labelled pictures with --data"),
    }
    Ok(ExitCode::SUCCESS)
}

fn one(args: &ExplainArgs, classifier: &mut Classifier, file: &Path) -> anyhow::Result<()> {
    let picture = Picture::open(file, &Limits::default())?;
    let country = args.country.as_deref();
    let map = match args.method {
        MethodArg::Attention => attention(classifier, &picture, country)?,
        MethodArg::Occlusion => {
            let _ = count_interrupts();
            let bar = progress_bar(args.cells * args.cells);
            let grid = Grid { rows: args.cells, columns: args.cells };
            let found = occlusion(classifier, &picture, country, grid, &mut |partial| {
                bar.set_position(partial.progress.done as u64);
                if interrupts() > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            bar.finish_and_clear();
            found?
        }
    };
    if let Some(out) = &args.out {
        let mut png = std::io::Cursor::new(Vec::new());
        map.over(&picture)
            .write_to(&mut png, image::ImageFormat::Png)
            .context("the map could not be drawn")?;
        write_whole(out, png.get_ref())?;
    }
    match args.json {
        true => {
            let mut line = serde_json::to_value(&map)?;
            line["file"] = file.to_string_lossy().into();
            say!("{line}")?;
        }
        false => print(in_words(&map))?,
    }
    Ok(())
}

/// The map in five shades, a row a line.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn in_words(map: &Heatmap) -> String {
    let mut text = format!("{}: {} {:.0} %, what it rests on:\n", map.model, map.country, map.p * 100.0);
    for row in map.shades().chunks(map.columns) {
        let shade = |value: &f32| [" ", "░", "▒", "▓", "█"][((value * 5.0) as usize).min(4)].repeat(2);
        text += &format!("  {}\n", row.iter().map(shade).collect::<String>());
    }
    text
}

fn measure(args: &ExplainArgs, classifier: &mut Classifier, data: &Path) -> anyhow::Result<()> {
    let data = open_data(data)?;
    let options = CheckOptions {
        method: match args.method {
            MethodArg::Occlusion => Method::Occlusion,
            MethodArg::Attention => Method::Attention,
        },
        grid: Grid { rows: args.cells, columns: args.cells },
        limit: args.limit,
        steps: args.steps,
        orders: args.orders,
        replicates: 2000,
    };
    let bar = progress_bar(args.limit);
    let found = check(classifier, &data, options, &mut watching(&bar));
    bar.finish_and_clear();
    let found = found?;
    match args.json {
        true => say!("{}", serde_json::to_string(&found)?)?,
        false => say!("{}: {}", found.model, found.sentence)?,
    }
    Ok(())
}

fn excite(args: &ExplainArgs, classifier: &mut Classifier, country: &str, data: &Path) -> anyhow::Result<()> {
    let data = open_data(data)?;
    let bar = progress_bar(data.samples.len());
    let found = exciting(classifier, &data, country, args.top, &mut watching(&bar));
    bar.finish_and_clear();
    for one in found? {
        match args.json {
            true => say!("{}", serde_json::to_string(&one)?)?,
            false => say!(
                "  {country} {:>5.1} %  logit {:>6.2}  taken in {}  {}",
                one.p * 100.0,
                one.logit,
                one.country,
                one.file.display()
            )?,
        }
    }
    Ok(())
}
