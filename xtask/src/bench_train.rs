//! The trainer timed beside a script that trains the same network on the same pictures by hand.
#![allow(clippy::print_stdout)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{root, target};

/// Batches that both learning-rate finders try.
const FINDER: &str = "30";

/// What to train.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Folder with index.csv and images/
    #[arg(long)]
    data: PathBuf,
    /// Python script called as `SCRIPT INDEX IMAGES ARCH EPOCHS PER_LABEL BATCH FINDER WEIGHTS`, printing one JSON line
    #[arg(long)]
    peer: PathBuf,
    /// Pretrained weights, safetensors
    #[arg(long)]
    weights: PathBuf,
    /// Preset, and its name in timm
    #[arg(long, num_args = 2, default_values = ["efficientnet-lite0", "tf_efficientnet_lite0"])]
    architecture: Vec<String>,
    /// ISO codes
    #[arg(long, value_delimiter = ',', default_value = "AU,BR,DE,JP,US")]
    countries: Vec<String>,
    /// Training pictures of a country
    #[arg(long, default_value_t = 40)]
    per_label: u32,
    /// Epochs after the frozen one
    #[arg(long, default_value_t = 3)]
    epochs: u32,
    /// Pictures a step
    #[arg(long, default_value_t = 16)]
    batch: u32,
    /// Seeds; the script has none of its own and is run as often
    #[arg(long, default_value_t = 3)]
    seeds: u32,
}

/// Seconds of an epoch (training and validation) and the macro-F1 after the last one.
struct Row {
    seconds: f64,
    macro_f1: f64,
}

/// Trains by the script, by the plain path and by the fast one, once a seed, in turn; prints a table in Markdown.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let folder = target()?.join("bench-train");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let index = filtered(plan, &folder)?;
    let (mut peer, mut plain, mut fast) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..plan.seeds {
        peer.push(by_peer(plan, &index)?);
        plain.push(by_trainer(plan, &folder, seed, false)?);
        fast.push(by_trainer(plan, &folder, seed, true)?);
    }
    println!(
        "| path | seconds an epoch | / script | macro-F1, mean of {} ± standard deviation |",
        plan.seeds
    );
    println!("|---|---|---|---|");
    let base = mean(&peer, |row| row.seconds);
    for (name, rows) in [("script", &peer), ("plain", &plain), ("fast, head alone", &fast)] {
        let (seconds, f1) = (mean(rows, |row| row.seconds), mean(rows, |row| row.macro_f1));
        let spread = mean(rows, |row| (row.macro_f1 - f1).powi(2)) * rows.len() as f64;
        let spread = (spread / (rows.len() as f64 - 1.0).max(1.0)).sqrt();
        println!("| {name} | {seconds:.2} | {:.3} | {f1:.3} ± {spread:.3} |", seconds / base);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn mean(rows: &[Row], of: impl Fn(&Row) -> f64) -> f64 {
    rows.iter().map(of).sum::<f64>() / rows.len() as f64
}

/// The rows of the index that belong to the countries: the script has no choice of its own.
fn filtered(plan: &Plan, folder: &Path) -> anyhow::Result<PathBuf> {
    let source = plan.data.join("index.csv");
    let text =
        std::fs::read_to_string(&source).with_context(|| format!("{} cannot be read", source.display()))?;
    let mut lines = text.lines();
    let header = lines.next().context("the index is empty")?;
    let column = header.split(',').position(|name| name == "country");
    let column = column.context("the index has no column country")?;
    // No field before the country is quoted.
    let wanted = |line: &&str| {
        line.split(',').nth(column).is_some_and(|code| plan.countries.iter().any(|known| known == code))
    };
    let kept: Vec<&str> = std::iter::once(header).chain(lines.filter(wanted)).collect();
    let path = folder.join("index.csv");
    std::fs::write(&path, kept.join("\n") + "\n")?;
    Ok(path)
}

fn python() -> PathBuf {
    root().join("export/.venv/bin/python")
}

fn by_peer(plan: &Plan, index: &Path) -> anyhow::Result<Row> {
    let output = Command::new(python())
        .arg(&plan.peer)
        .arg(index)
        .arg(plan.data.join("images"))
        .arg(&plan.architecture[1])
        .args([plan.epochs, plan.per_label, plan.batch].map(|number| number.to_string()))
        .arg(FINDER)
        .arg(&plan.weights)
        .output()?;
    if !output.status.success() {
        bail!("the script failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    // A progress bar may stand before the object on its line.
    let last = text.lines().last().unwrap_or_default();
    let line: Value = serde_json::from_str(&last[last.find('{').unwrap_or(0)..])?;
    let get = |key: &str| line[key].as_f64().with_context(|| format!("the script printed no {key}"));
    Ok(Row { seconds: get("seconds_per_epoch")?, macro_f1: get("macro_f1")? })
}

/// Trains until the evaluation begins, then closes the trainer's input, which ends it.
fn by_trainer(plan: &Plan, folder: &Path, seed: u32, fast: bool) -> anyhow::Result<Row> {
    let run = folder.join(format!("{}-{seed}", if fast { "fast" } else { "plain" }));
    let mut command = Command::new(python());
    command
        .args(["-m", "streetwise_train", "train", "--preset", &plan.architecture[0]])
        .arg("--run")
        .arg(&run);
    command
        .arg("--data")
        .arg(&plan.data)
        .arg("--weights")
        .arg(&plan.weights)
        .arg("--cache")
        .arg(folder.join("cache"));
    command.args([
        "--pre-resize",
        "400",
        "--lr-iterations",
        FINDER,
        "--countries",
        &plan.countries.join(","),
    ]);
    for (flag, number) in [
        ("--epochs", plan.epochs),
        ("--per-label", plan.per_label),
        ("--batch", plan.batch),
        ("--seed", seed),
    ] {
        command.arg(flag).arg(number.to_string());
    }
    if fast {
        command.args(["--unfreeze-last", "0"]);
    }
    command.env("PYTHONPATH", root().join("export")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().context("the trainer could not be started")?;
    let output = BufReader::new(child.stdout.take().context("the trainer has no output")?);
    let (mut epochs, mut input): (Vec<Row>, _) = (Vec::new(), child.stdin.take());
    for line in output.lines() {
        let event: Value = serde_json::from_str(&line?)?;
        match event["type"].as_str() {
            Some("metrics") => epochs.push(Row {
                seconds: event["seconds"].as_f64().unwrap_or(f64::NAN),
                macro_f1: event["macro_f1"].as_f64().unwrap_or(f64::NAN),
            }),
            Some("phase") if event["name"] == "evaluate" => drop(input.take()),
            Some("error") => bail!("the trainer failed: {event}"),
            _ => {}
        }
    }
    child.wait()?;
    let macro_f1 = epochs.last().context("the trainer told of no epoch")?.macro_f1;
    Ok(Row { seconds: mean(&epochs, |row| row.seconds), macro_f1 })
}
