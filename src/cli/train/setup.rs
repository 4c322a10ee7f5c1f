//! `streetwise train setup`: the trainer's Python environment.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Context;
use crate::cli::output::{say, tell};
use crate::training::environment::{self, Torch};

/// Arguments of `train setup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise train setup             make or complete it; may be interrupted and run again
  streetwise train setup --locked    only packages whose checksum is in the lock file, torch included
  streetwise train setup --remove    delete it; runs and models stay

Everything is fetched by `uv` where it is found, else by `python3 -m venv` and pip, and compared with the checksums of
the lock file that is part of this program. Without --locked, `uv` chooses the build of torch for this machine's GPU,
or without one; such a build is pinned by its version, not by a checksum. STREETWISE_PYTHON names another interpreter
to use in place of the environment; it must have the packages.")]
pub(crate) struct SetupArgs {
    /// Delete the environment
    #[arg(long, conflicts_with = "locked")]
    remove: bool,
    /// Take the locked build of torch
    #[arg(long)]
    locked: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// The steps beside a spinner, or as plain lines.
struct Spinner<'a> {
    bar: &'a ProgressBar,
    plain: bool,
}

impl environment::Follow for Spinner<'_> {
    fn line(&self, text: &str) {
        match self.plain {
            true => tell!("{text}"),
            false => self.bar.set_message(text.to_owned()),
        }
    }
}

/// Runs `train setup`.
pub(crate) fn run(args: &SetupArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let folder = context.paths.trainer();
    if args.remove {
        let removed = environment::remove(&context.paths)?;
        match (args.json, removed) {
            (true, _) => say!("{}", json!({ "removed": removed, "folder": folder }))?,
            (false, true) => say!("{} was deleted.", folder.display())?,
            (false, false) => say!("There is no environment in {}.", folder.display())?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    let torch = if args.locked { Torch::Locked } else { Torch::Auto };
    let plain = bar.is_hidden() && !args.json;
    let stamp = environment::set_up(&context.paths, torch, &Spinner { bar: &bar, plain })?;
    bar.finish_and_clear();
    if args.json {
        say!(
            "{}",
            json!({ "folder": folder, "torch": stamp.torch, "made_by": stamp.made_by, "lock": stamp.lock })
        )?;
    } else {
        say!(
            "The trainer is set up in {} (by {}, torch: {}).",
            folder.display(),
            stamp.made_by,
            stamp.torch
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
