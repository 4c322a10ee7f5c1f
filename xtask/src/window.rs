//! The window timed from outside: first frame, processor use when idle, resident memory, under an Xvfb of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

use crate::{release, target};

/// Pause between two looks at the screen: the error of the first frame's time.
const POLL: Duration = Duration::from_millis(2);
/// A window that shows nothing by then is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time for the engine and the model to load, before memory and idling are measured.
const SETTLE: Duration = Duration::from_secs(8);
/// How long the processor's time is watched.
const IDLE: Duration = Duration::from_secs(10);
/// The part of the screen that is looked at, in pixels: inside the window, away from its border.
const PART: (i16, i16, u16, u16) = (0, 300, 640, 2);

/// What one start showed.
struct Start {
    first_frame: Duration,
    idle_ticks: u64,
    resident_mb: f64,
}

/// Starts the window `turns` times with `model` and prints a table in Markdown.
#[allow(clippy::print_stdout)]
pub(crate) fn run(runtime: Option<&Path>, model: &str, turns: u32) -> anyhow::Result<()> {
    let program = release()?;
    let (mut server, display) = xvfb()?;
    let rows =
        (0..=turns).map(|_| start(&program, &display, runtime, model)).collect::<anyhow::Result<Vec<_>>>();
    let _ = server.kill();
    let _ = server.wait();
    println!(
        "| model | start | first frame, ms | processor ticks in {} s idle | resident, MB |",
        IDLE.as_secs()
    );
    println!("|---|---|---|---|---|");
    for (turn, row) in rows?.iter().enumerate() {
        let which = if turn == 0 { "first, the disk perhaps cold".to_owned() } else { turn.to_string() };
        let first = row.first_frame.as_secs_f64() * 1e3;
        println!("| {model} | {which} | {first:.0} | {} | {:.0} |", row.idle_ticks, row.resident_mb);
    }
    Ok(())
}

fn xvfb() -> anyhow::Result<(Child, String)> {
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("Xvfb could not be started; install it to time the window")?;
    let mut number = String::new();
    BufReader::new(server.stdout.take().context("Xvfb has no output")?).read_line(&mut number)?;
    if number.trim().is_empty() {
        bail!("Xvfb ended without a display");
    }
    Ok((server, format!(":{}", number.trim())))
}

fn start(program: &Path, display: &str, runtime: Option<&Path>, model: &str) -> anyhow::Result<Start> {
    let (connection, screen) = RustConnection::connect(Some(display))?;
    let screen = connection.setup().roots[screen].root;
    let folder = target()?.join("bench-window");
    std::fs::create_dir_all(&folder)?;
    let settings = serde_json::json!({ "model": model, "fair_play_read": true });
    std::fs::write(folder.join("settings.json"), settings.to_string())?;
    let mut app = Command::new(program);
    app.env("DISPLAY", display).env("STREETWISE_DATA", &folder).env_remove("WAYLAND_DISPLAY");
    if let Some(library) = runtime {
        app.arg("--runtime").arg(library);
    }
    let before = part(&connection, screen)?;
    let began = Instant::now();
    let mut child = app.stderr(Stdio::null()).spawn().context("the window could not be started")?;
    let measured = watch(&connection, screen, &before, began, child.id());
    let _ = child.kill();
    let _ = child.wait();
    wait_for(&connection, screen, |now| now == before)?;
    measured
}

fn watch(
    connection: &RustConnection,
    screen: u32,
    before: &[u8],
    began: Instant,
    process: u32,
) -> anyhow::Result<Start> {
    // The window's own background comes first; a frame has more than one colour.
    wait_for(connection, screen, |now| now != before && now.chunks_exact(4).any(|pixel| pixel != &now[..4]))?;
    let first_frame = began.elapsed();
    std::thread::sleep(SETTLE);
    let ticks = processor_ticks(process)?;
    std::thread::sleep(IDLE);
    Ok(Start {
        first_frame,
        idle_ticks: processor_ticks(process)? - ticks,
        resident_mb: resident_mb(process)?,
    })
}

fn part(connection: &RustConnection, screen: u32) -> anyhow::Result<Vec<u8>> {
    let (x, y, width, height) = PART;
    Ok(connection.get_image(ImageFormat::Z_PIXMAP, screen, x, y, width, height, !0)?.reply()?.data)
}

fn wait_for(connection: &RustConnection, screen: u32, is_so: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so(&part(connection, screen)?) {
        if Instant::now() > end {
            bail!("the screen did not change within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// User and system time of a process in clock ticks: fields 14 and 15 of proc(5)'s `stat`.
fn processor_ticks(process: u32) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("the window has ended")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field = |index: usize| -> anyhow::Result<u64> {
        let text = after_name.split_whitespace().nth(index).context("proc's stat is short")?;
        Ok(text.parse()?)
    };
    Ok(field(11)? + field(12)?)
}

/// Resident memory of a process, `VmRSS` of proc(5)'s `status`.
fn resident_mb(process: u32) -> anyhow::Result<f64> {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("the window has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
