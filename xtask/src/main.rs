//! Developer commands of Streetwise, run as `cargo xtask COMMAND`.

mod bench;
mod bench_train;
mod checks;
mod trainer;
#[cfg(target_os = "linux")]
mod window;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Every check there is: format, lints, docs, tests, and the trainer's
    Test {
        /// Leave out the trainer's environment, linter and tests
        #[arg(long)]
        rust_only: bool,
        /// Also the slow tests: every architecture of the trainer, from two steps to a verified graph (half an hour)
        #[arg(long, conflicts_with = "rust_only")]
        all: bool,
    },
    /// Time the guessing path, beside a script that prints the same figures where one is given
    Bench {
        /// Picture to time; a generated 1920×1080 JPEG where none is given
        #[arg(long)]
        picture: Option<PathBuf>,
        /// Python script called as `SCRIPT MODEL.onnx SIZE THREADS REPEAT IMAGE`, printing one JSON line
        #[arg(long)]
        peer: Option<PathBuf>,
        /// ONNX Runtime library for Streetwise; what `doctor` says where none is given
        #[arg(long)]
        runtime: Option<PathBuf>,
        /// Rounds
        #[arg(long, default_value_t = 30)]
        repeat: u32,
        /// Threads of one inference
        #[arg(long, default_value_t = 2)]
        threads: u32,
    },
    /// Time training beside a script that does the same by hand: plain path, and fast path with a frozen front
    BenchTrain(bench_train::Plan),
    /// Time the window under an Xvfb of its own: first frame, processor use when idle, resident memory
    #[cfg(target_os = "linux")]
    BenchWindow {
        /// ONNX Runtime library for Streetwise; what `doctor` says where none is given
        #[arg(long)]
        runtime: Option<PathBuf>,
        /// Model that is loaded
        #[arg(long, default_value = "street-world")]
        model: String,
        /// Starts, after one that warms the disk
        #[arg(long, default_value_t = 3)]
        turns: u32,
    },
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Test { rust_only, all } => {
            checks::run()?;
            if !rust_only {
                trainer::test(all)?;
            }
            Ok(())
        }
        Task::Bench { picture, peer, runtime, repeat, threads } => {
            bench::run(&bench::Plan { picture, peer, runtime, repeat, threads })
        }
        Task::BenchTrain(plan) => bench_train::run(&plan),
        #[cfg(target_os = "linux")]
        Task::BenchWindow { runtime, model, turns } => window::run(runtime.as_deref(), &model, turns),
    }
}

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a command in the repository's root and fails with its own words.
fn sh(program: &str, args: &[&str], envs: &[(&str, &str)]) -> anyhow::Result<()> {
    eprintln_step(program, args);
    let status = Command::new(program)
        .args(args)
        .envs(envs.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        bail!("{program} {} failed ({status})", args.join(" "));
    }
    Ok(())
}

#[allow(clippy::print_stderr)]
fn eprintln_step(program: &str, args: &[&str]) {
    eprintln!("── {program} {}", args.join(" "));
}
