//! Developer commands of Streetwise, run as `cargo xtask COMMAND`.

mod bench;
mod bench_train;
mod checks;
mod country_names;
mod trainer;
#[cfg(target_os = "linux")]
mod window;

use std::path::PathBuf;
use std::process::{Command, Stdio};

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
    /// Make the table of country names anew from keshvar and CLDR; needs uv
    CountryNames,
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
        Task::CountryNames => country_names::run(),
        Task::BenchTrain(plan) => bench_train::run(&plan),
        #[cfg(target_os = "linux")]
        Task::BenchWindow { runtime, model, turns } => window::run(runtime.as_deref(), &model, turns),
    }
}

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where cargo builds into: `CARGO_TARGET_DIR`, the setting of a configuration file, or `target`.
fn target() -> anyhow::Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    let about: serde_json::Value = serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    Ok(about["target_directory"].as_str().context("cargo named no target directory")?.into())
}

/// Builds the program for release; where it lies.
fn release() -> anyhow::Result<PathBuf> {
    sh("cargo", &["build", "--release", "--locked"], &[])?;
    Ok(target()?.join("release").join(format!("streetwise{}", std::env::consts::EXE_SUFFIX)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `cargo xtask …` that a text prints is a command with options there are.
    #[test]
    fn printed_commands_are_commands() {
        let texts =
            ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "benches/README.md", "export/README.md"];
        let mut found = 0;
        for text in texts {
            let content = std::fs::read_to_string(root().join(text)).expect(text);
            for rest in content.split("cargo xtask ").skip(1) {
                let command = rest.split(['`', '\n', '#']).next().unwrap_or_default();
                let words = std::iter::once("cargo xtask").chain(command.split_whitespace());
                if let Err(error) = Task::try_parse_from(words) {
                    panic!("{text} prints `cargo xtask {command}`: {error}");
                }
                found += 1;
            }
        }
        assert!(found > 5, "the texts are no longer understood");
    }

    /// The picture that is timed is drawn where cargo builds, and is the one that the figures were measured on.
    #[test]
    fn the_picture_to_time_can_be_drawn() {
        let folder = target().expect("cargo says where it builds");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let picture = bench::draw(&folder.join("bench-test.jpg")).expect("the picture can be drawn");
        let bytes = std::fs::metadata(&picture).expect("it is there").len();
        std::fs::remove_file(&picture).expect("it can be removed");
        assert_eq!((bytes + 500) / 1000, 324, "kilobytes, as benches/README.md says");
    }
}
