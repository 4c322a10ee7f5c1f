//! The command line: one file per subcommand, all with `--json` (one object a line, stable keys).
//!
//! Exit status: 0 when everything worked, 1 when something asked for could not be done, 2 for wrong usage. A reader of the
//! output that goes before its end (`| head`) ends the command quietly, with 0.

mod bench;
mod bench_guess;
mod capture;
mod child;
mod compare;
mod doctor;
mod evaluate;
mod explain;
mod guess;
mod interrupts;
mod measure;
mod models;
mod output;
mod paint;
mod runs;
mod runtime;
mod shown;
mod train;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::base::Device;
use crate::cli::output::{OutputError, print, tell};
use crate::runtime::{Choice, Engine, start};
use crate::store::{Paths, Settings};

/// The device on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceArg {
    /// CUDA where it works, else the processor
    Auto,
    /// the processor
    Cpu,
    /// CUDA, or an error that says what is missing
    Cuda,
}

impl From<DeviceArg> for Device {
    fn from(device: DeviceArg) -> Self {
        match device {
            DeviceArg::Auto => Self::Auto,
            DeviceArg::Cpu => Self::Cpu,
            DeviceArg::Cuda => Self::Cuda,
        }
    }
}

/// A street picture in, ranked countries out. Without a subcommand the window opens.
#[derive(Debug, Parser)]
#[command(
    name = "streetwise",
    version,
    after_help = "\
Examples:
  streetwise                              open the window
  streetwise guess photo.jpg              rank countries for one picture
  streetwise guess --json pictures/       one JSON object a line for a folder
  streetwise doctor                       which engine and device run, and why

GeoGuessr's community rules forbid outside help in its own games, single-player leaderboards included.
Streetwise is for practice, for after a round, and for games that allow it."
)]
struct Arguments {
    /// ONNX Runtime library to use, or `embedded`
    #[arg(long, global = true, value_name = "PATH|embedded")]
    runtime: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Rank countries for pictures and folders of pictures
    Guess(guess::GuessArgs),
    /// List, verify, add and remove models
    Models(models::ModelsArgs),
    /// Say which engine and device run, and why not the others
    Doctor(doctor::DoctorArgs),
    /// Measure models on labelled pictures
    Evaluate(evaluate::EvaluateArgs),
    /// Hold two to six models side by side: figures, a test, where they differ, a report
    Compare(compare::CompareArgs),
    /// Train a model on a folder of pictures, verify it and add it to your models
    Train(Box<train::TrainArgs>),
    /// List, show, stop, resume, copy, delete and compare training runs
    Runs(runs::RunsArgs),
    /// Install a faster inference engine
    Runtime(runtime::RuntimeArgs),
    /// List what can be captured, or capture it once
    Capture(capture::CaptureArgs),
    /// Show what a guess rests on, and measure whether that is true
    Explain(explain::ExplainArgs),
    /// Time models on this machine, on every engine that is found
    Bench(bench::BenchArgs),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Try to load a library; used by Streetwise itself
    #[command(hide = true)]
    ProbeRuntime {
        /// The library
        library: PathBuf,
    },
    /// Try to load a model; used by Streetwise itself
    #[command(hide = true)]
    TryModel {
        /// Its folder
        folder: PathBuf,
        /// Where it is to run
        #[arg(long, value_enum)]
        device: DeviceArg,
    },
}

/// What every subcommand starts from.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) paths: Paths,
    pub(crate) settings: Settings,
    pub(crate) choice: Choice,
}

impl Context {
    /// Starts the engine; where it is not the one that the user named, that is said.
    pub(crate) fn engine(&self) -> anyhow::Result<&'static Engine> {
        let engine = start(&self.choice)?;
        if let Some(why) = engine.not_as_wished() {
            tell!("streetwise: {why}");
        }
        Ok(engine)
    }
}

/// Reads the arguments, does the work, and turns an error into one line and an exit status.
#[must_use]
pub fn main() -> ExitCode {
    let ended = match Arguments::try_parse() {
        Ok(Arguments { command: Some(Subcommands::ProbeRuntime { library }), .. }) => child::probe(&library),
        Ok(Arguments { command: Some(Subcommands::TryModel { folder, device }), runtime, .. }) => {
            child::try_model(runtime.as_deref(), &folder, device.into())
        }
        Ok(arguments) => run(arguments),
        Err(said) if said.use_stderr() => {
            let _ = said.print();
            return ExitCode::from(2);
        }
        // Help and version.
        Err(said) => {
            said.print().map(|()| ExitCode::SUCCESS).map_err(|error| OutputError::from(error).into())
        }
    };
    ended.unwrap_or_else(|error| {
        if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(OutputError::Closed))) {
            return ExitCode::SUCCESS;
        }
        tell!("streetwise: {}", sentence(&error));
        ExitCode::FAILURE
    })
}

/// The command line as clap sees it: for completions, and for tests of what the texts say.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// An error with its causes, in one sentence; a cause whose words were said already is not said twice.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        if said.is_empty() {
            cause
        } else if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (paths, loaded) = Paths::and_settings()?;
    let choice = Choice::of_user(paths.clone(), arguments.runtime, loaded.settings.runtime.clone());
    let context = Context { paths, settings: loaded.settings, choice };
    let Some(command) = arguments.command else { return window(context, loaded.notice) };
    if let Some(notice) = loaded.notice {
        tell!("streetwise: {notice}");
    }
    match command {
        Subcommands::Guess(args) => guess::run(&args, &context),
        Subcommands::Models(args) => models::run(&args, &context),
        Subcommands::Doctor(args) => doctor::run(&args, &context),
        Subcommands::Evaluate(args) => evaluate::run(&args, &context),
        Subcommands::Compare(args) => compare::run(&args, &context),
        Subcommands::Train(args) => train::run(&args, &context),
        Subcommands::Runs(args) => runs::run(&args, &context),
        Subcommands::Runtime(args) => runtime::run(&args, &context),
        Subcommands::Capture(args) => capture::run(args),
        Subcommands::Explain(args) => explain::run(&args, &context),
        Subcommands::Bench(args) => bench::run(&args, &context),
        Subcommands::Completions { shell } => {
            // Into memory first: it panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut self::command(), "streetwise", &mut script);
            print(String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
        Subcommands::ProbeRuntime { .. } | Subcommands::TryModel { .. } => {
            anyhow::bail!("only Streetwise itself asks this")
        }
    }
}

#[cfg(feature = "gui")]
fn window(context: Context, notice: Option<String>) -> anyhow::Result<ExitCode> {
    crate::ui::run(&context.paths, context.settings, context.choice, notice)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "gui"))]
fn window(_: Context, _: Option<String>) -> anyhow::Result<ExitCode> {
    Err(anyhow::anyhow!(
        "this build has no window (it was built without the feature `gui`); see `streetwise --help`"
    ))
}

/// A bar over so many pictures on standard error, where that is a terminal.
pub(crate) fn progress_bar(files: usize) -> ProgressBar {
    if files < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {eta} left");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_is_said_twice() {
        let inner = || anyhow::anyhow!("the disk is full");
        assert_eq!(sentence(&inner()), "the disk is full");
        assert_eq!(
            sentence(&inner().context("a.png was not written")),
            "a.png was not written: the disk is full"
        );
        let repeating = inner().context("a.png was not written (the disk is full); free some space");
        assert_eq!(sentence(&repeating), "a.png was not written (the disk is full); free some space");
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
