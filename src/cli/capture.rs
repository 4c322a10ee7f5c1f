//! `streetwise capture`: what can be captured, and one frame of it to a file.
#![allow(clippy::print_stdout)]

use std::io::Cursor;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::sentence;
use crate::capture::{Area, CaptureError, FrameSource, Monitor, Target, Window, system};
use crate::cli::output::say;
use crate::store::write_whole;

/// List what can be captured, or save one frame of it.
#[derive(Args, Debug)]
#[command(after_help = "Capturing only looks: it never clicks, types or moves a window.")]
pub struct CaptureArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the monitors and the windows.
    #[command(after_help = "Examples:\n  streetwise capture list\n  streetwise capture list --json")]
    List {
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Save one frame of a monitor, a window or a region as a PNG file.
    #[command(after_help = "Examples:\n  streetwise capture shot --monitor 0 --out screen.png\n  \
        streetwise capture shot --window GeoGuessr --out game.png\n  \
        streetwise capture shot --region=-1920,0,800,600 --out part.png --json")]
    Shot(ShotArgs),
}

#[derive(Args, Debug)]
struct ShotArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The PNG file to write; an existing one is replaced.
    #[arg(long, value_name = "FILE.png", value_parser = png_path)]
    out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct TargetArgs {
    /// A monitor, by its number in `capture list`.
    #[arg(long, value_name = "N")]
    monitor: Option<u32>,
    /// A window, by its number in `capture list` or by a part of its title or program.
    #[arg(long, value_name = "ID|TITLE")]
    window: Option<String>,
    /// A part of the desktop, in physical pixels; X and Y may be negative.
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true, value_parser = region)]
    region: Option<Area>,
}

/// Runs `streetwise capture`.
///
/// # Errors
/// When the terminal cannot be written to, or nothing can be captured from this machine; with
/// `--json` a failed `shot` prints its error as an object and gives exit status 1 instead.
pub fn run(args: CaptureArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List { json } => list(json),
        Command::Shot(args) => Ok(shot(&args)?),
    }
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    let mut source = system()?;
    for monitor in source.monitors()? {
        say!("{}", if json { monitor_json(&monitor) } else { monitor_line(&monitor) })?;
    }
    match source.windows() {
        Ok(windows) => {
            for window in windows {
                say!("{}", if json { window_json(&window) } else { window_line(&window) })?;
            }
        }
        Err(error @ CaptureError::Unsupported { .. }) if json => {
            say!("{}", json!({ "kind": "windows", "error": error.to_string() }))?;
        }
        Err(error @ CaptureError::Unsupported { .. }) => say!("{error}")?,
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn monitor_json(monitor: &Monitor) -> String {
    let Monitor { id, name, area, primary } = monitor;
    let Area { x, y, width, height } = area;
    json!({
        "kind": "monitor", "id": id, "name": name, "primary": primary,
        "x": x, "y": y, "width": width, "height": height,
    })
    .to_string()
}

fn window_json(window: &Window) -> String {
    let Window { id, title, app, area, minimised } = window;
    let Area { x, y, width, height } = area;
    json!({
        "kind": "window", "id": id, "title": title, "app": app, "minimised": minimised,
        "x": x, "y": y, "width": width, "height": height,
    })
    .to_string()
}

fn monitor_line(monitor: &Monitor) -> String {
    let primary = if monitor.primary { ", primary" } else { "" };
    format!("monitor {:<10} {:>22}  {}{primary}", monitor.id, extent(&monitor.area), monitor.name)
}

fn window_line(window: &Window) -> String {
    let title = if window.title.is_empty() { "(no title)" } else { &window.title };
    let minimised = if window.minimised { ", minimised" } else { "" };
    format!("window  {:<10} {:>22}  {title} [{}]{minimised}", window.id, extent(&window.area), window.app)
}

/// "1920×1080 at -1920,0"
fn extent(area: &Area) -> String {
    if area.is_empty() {
        "size unknown".into()
    } else {
        format!("{}×{} at {},{}", area.width, area.height, area.x, area.y)
    }
}

fn shot(args: &ShotArgs) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let out = args.out.display().to_string();
    match take(args) {
        Ok((source, (width, height))) if args.json => {
            let ms = start.elapsed().as_secs_f64() * 1e3;
            say!("{}", json!({ "file": out, "source": source, "width": width, "height": height, "ms": ms }))?;
        }
        Ok((source, (width, height))) => say!("{out}: {width} × {height} pixels, taken through {source}")?,
        Err(error) if args.json => {
            say!("{}", json!({ "file": out, "error": sentence(&error) }))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes the frame and writes it; gives the source's name and the frame's size.
fn take(args: &ShotArgs) -> anyhow::Result<(&'static str, (u32, u32))> {
    let mut source = system()?;
    let target = target(&args.target, source.as_mut())?;
    let frame = source.shot(&target)?;
    let mut png = Cursor::new(Vec::new());
    frame.write_to(&mut png, image::ImageFormat::Png).context("the frame cannot be written as PNG")?;
    write_whole(&args.out, png.get_ref())?;
    Ok((source.name(), frame.dimensions()))
}

fn target(args: &TargetArgs, source: &mut dyn FrameSource) -> anyhow::Result<Target> {
    match (args.monitor, &args.window, args.region) {
        (Some(id), ..) => Ok(Target::Monitor(id)),
        (_, Some(wanted), _) => Ok(Target::Window(find_window(&source.windows()?, wanted)?)),
        (.., Some(area)) => Ok(Target::Region(area)),
        _ => bail!("say what to capture: --monitor, --window or --region"),
    }
}

/// The window with this number (decimal, or hexadecimal as `xwininfo` prints it), else the one
/// whose title or program contains the text.
fn find_window(windows: &[Window], wanted: &str) -> anyhow::Result<u32> {
    let number = match wanted.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => wanted.parse().ok(),
    };
    if let Some(window) = windows.iter().find(|window| Some(window.id) == number) {
        return Ok(window.id);
    }
    let wanted_lower = wanted.to_lowercase();
    let contains = |text: &str| text.to_lowercase().contains(&wanted_lower);
    let titled: Vec<&Window> = windows.iter().filter(|window| contains(&window.title)).collect();
    let found = if titled.is_empty() {
        windows.iter().filter(|window| contains(&window.app)).collect()
    } else {
        titled
    };
    match found[..] {
        [window] => Ok(window.id),
        [] => bail!("no window is called “{wanted}”; see `streetwise capture list`"),
        _ => {
            let lines: Vec<String> = found.iter().map(|window| window_line(window)).collect();
            bail!("several windows are called “{wanted}”; choose one by its number:\n{}", lines.join("\n"))
        }
    }
}

fn region(text: &str) -> Result<Area, String> {
    let wrong = || format!("“{text}” is not X,Y,W,H in whole pixels, such as 100,50,800,600");
    let [x, y, width, height] = text.split(',').map(str::trim).collect::<Vec<_>>()[..] else {
        return Err(wrong());
    };
    let position = |text: &str| text.parse().map_err(|_| wrong());
    let length = |text: &str| text.parse().ok().filter(|&length| length > 0).ok_or_else(wrong);
    Ok(Area::new(position(x)?, position(y)?, length(width)?, length(height)?))
}

fn png_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if is_png { Ok(path) } else { Err("frames are saved as PNG; end the file name with .png".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_four_whole_numbers() {
        let check = |text: &str, expected: Option<Area>| assert_eq!(region(text).ok(), expected, "{text}");
        check("100,50,800,600", Some(Area::new(100, 50, 800, 600)));
        check("-1920, -10, 1, 1", Some(Area::new(-1920, -10, 1, 1)));
        check("1,2,3", None);
        check("1,2,3,4,5", None);
        check("1,2,0,4", None);
        check("1,2,-3,4", None);
        check("a,b,c,d", None);
    }

    #[test]
    fn windows_are_found_by_number_title_or_program() {
        let window = |id, title: &str, app: &str| {
            let area = Area::new(0, 0, 9, 9);
            Window { id, title: title.into(), app: app.into(), area, minimised: false }
        };
        let windows = [
            window(7, "GeoGuessr – Mozilla Firefox", "firefox"),
            window(0x2a, "Notes", "editor"),
            window(9, "Notes 2", "firefox"),
        ];
        let check = |wanted: &str, expected: Option<u32>| {
            assert_eq!(find_window(&windows, wanted).ok(), expected, "{wanted}");
        };
        check("7", Some(7));
        check("42", Some(0x2a));
        check("0x2a", Some(0x2a));
        check("geoguessr", Some(7));
        check("EDITOR", Some(0x2a));
        check("2", Some(9));
        check("notes", None);
        check("chess", None);
    }
}
