//! The guessing path timed, beside a peer in the same run, as ratios.
#![allow(clippy::print_stdout)]

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use image::codecs::jpeg::JpegEncoder;
use serde_json::Value;

use crate::{release, root, target};

#[path = "../../tests/common/street.rs"]
mod street;

/// What to time.
pub(crate) struct Plan {
    pub(crate) picture: Option<PathBuf>,
    pub(crate) peer: Option<PathBuf>,
    pub(crate) runtime: Option<PathBuf>,
    pub(crate) repeat: u32,
    pub(crate) threads: u32,
}

/// Times every shipped model and prints a table in Markdown.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let program = release()?;
    let picture = match &plan.picture {
        Some(picture) => picture.clone(),
        None => draw(&target()?.join("bench-1080p.jpg"))?,
    };
    println!(
        "| model | engine | decode | prepare | infer | total | total / (infer alone + decode) | peer total | total / peer |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for model in ["street-world", "efficientnet-lite0"] {
        row(plan, &program, model, &picture)?;
    }
    Ok(())
}

/// Draws the street that is timed where none is given.
pub(crate) fn draw(path: &Path) -> anyhow::Result<PathBuf> {
    let file = std::fs::File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    let encoder = JpegEncoder::new_with_quality(BufWriter::new(file), 90);
    street::street(1920, 1080, 0).write_with_encoder(encoder)?;
    Ok(path.to_owned())
}

fn row(plan: &Plan, program: &Path, model: &str, picture: &Path) -> anyhow::Result<()> {
    let threads = plan.threads.to_string();
    let repeat = plan.repeat.to_string();
    let mut ours = Command::new(program);
    if let Some(library) = &plan.runtime {
        ours.arg("--runtime").arg(library);
    }
    ours.args(["bench", model, "--json", "--threads", &threads, "--repeat", &repeat, "--picture"])
        .arg(picture);
    let figures = json_of(ours)?;
    let get = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    let bound = get("inference_alone_ms") + get("decode_ms");
    let peer =
        plan.peer.as_ref().map(|script| peer_total(script, model, picture, &threads, &repeat)).transpose()?;
    let (peer_ms, ratio) = peer.map_or(("–".to_owned(), "–".to_owned()), |ms| {
        (format!("{ms:.1}"), format!("{:.2}", get("total_ms") / ms))
    });
    println!(
        "| {model} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.3} | {peer_ms} | {ratio} |",
        figures["engine"].as_str().unwrap_or("?"),
        get("decode_ms"),
        get("preprocess_ms"),
        get("inference_ms"),
        get("total_ms"),
        get("total_ms") / bound,
    );
    Ok(())
}

fn peer_total(
    script: &Path,
    model: &str,
    picture: &Path,
    threads: &str,
    repeat: &str,
) -> anyhow::Result<f64> {
    let python = root().join("export/.venv/bin/python");
    let onnx = root().join("models").join(model).join("model.onnx");
    let mut peer = Command::new(python);
    peer.arg(script).arg(onnx).args(["224", threads, repeat]).arg(picture);
    json_of(peer)?["total_ms"].as_f64().context("the peer printed no total_ms")
}

fn json_of(mut command: Command) -> anyhow::Result<Value> {
    let output = command.output().with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}
