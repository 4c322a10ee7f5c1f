//! `streetwise runs paint`: what excites each country of a run most, painted by the trainer.

use std::process::ExitCode;

use serde_json::json;

use super::measure::watching;
use super::{Context, progress_bar};
use crate::base::progress::Progress;
use crate::cli::output::say;
use crate::training::environment::Trainer;
use crate::training::paint::{paint, painted};
use crate::training::runs::Run;

/// Paints, and says where each picture lies.
pub(crate) fn run(run: &Run, context: &Context, as_json: bool) -> anyhow::Result<ExitCode> {
    let trainer = Trainer::find(&context.paths)?;
    let bar = progress_bar(1);
    let ended = {
        let mut watch = watching(&bar);
        paint(run, &trainer, &mut |done, total| watch(Progress { what: "painting", done, total }))
    };
    bar.finish_and_clear();
    anyhow::ensure!(ended?, "painting was stopped, as asked");
    for one in painted(run) {
        match as_json {
            true => say!(
                "{}",
                json!({ "run": run.id, "country": one.country, "file": one.file, "p": one.probability })
            )?,
            false => {
                say!("{}  {:.1} %  {}", one.country, one.probability * 100.0, one.file.display())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
