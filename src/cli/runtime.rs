//! `streetwise runtime`: bring a faster engine.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Context;
use crate::cli::output::say;
use crate::runtime::install::{self, Kind};

/// Arguments of `runtime`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streetwise runtime install cpu       ONNX Runtime for the processor
  streetwise runtime install cuda      ONNX Runtime and CUDA 13 libraries for NVIDIA GPUs (about 2 GB)")]
pub(crate) struct RuntimeArgs {
    #[command(subcommand)]
    action: Action,
    /// One JSON object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fetch ONNX Runtime through uv or pip, keep its library; used from the next start on
    Install {
        /// Which build
        kind: KindArg,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// the processor
    Cpu,
    /// NVIDIA GPUs
    Cuda,
    /// GPUs on Windows
    Directml,
}

/// Runs `runtime`.
pub(crate) fn run(args: &RuntimeArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let Action::Install { kind } = &args.action;
    let kind = match kind {
        KindArg::Cpu => Kind::Cpu,
        KindArg::Cuda => Kind::Cuda,
        KindArg::Directml => Kind::DirectMl,
    };
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    let receipt = install::install(&context.paths, kind, &|line| bar.set_message(line.to_owned()))?;
    bar.finish_and_clear();
    if args.json {
        say!(
            "{}",
            json!({ "installed": receipt.kind, "version": receipt.version, "sha256": receipt.sha256 })
        )?;
    } else {
        say!(
            "ONNX Runtime {} ({}) is installed and used from the next start on.",
            receipt.version,
            receipt.kind
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
