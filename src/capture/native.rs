//! Frames on Windows and macOS, through `xcap`.
//!
//! Nothing is kept between calls, so there is nothing to recover. Windows reports physical pixels
//! to a program that is aware of scaling; macOS reports points, which become pixels here.

use image::{DynamicImage, RgbImage, RgbaImage};

use super::{Area, CaptureError, FrameSource, Monitor, Target, Window};
use super::{monitor_name, not_blank, physical, region_name, stitch, window_name};

/// Frames through the system's own means.
pub struct Native;

impl FrameSource for Native {
    fn name(&self) -> &'static str {
        if cfg!(target_os = "macos") { "macOS" } else { "Windows" }
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError> {
        Ok(placed_monitors()?.into_iter().map(|(monitor, _)| monitor).collect())
    }

    fn windows(&mut self) -> Result<Vec<Window>, CaptureError> {
        let all = xcap::Window::all().map_err(|error| failed("listing the windows", &error))?;
        // A window that closes while it is looked at is left out.
        Ok(all.iter().filter_map(|window| describe(window).ok().flatten()).collect())
    }

    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError> {
        match target {
            Target::Monitor(id) => {
                let mut all = placed_monitors()?.into_iter();
                let found = all.find(|(monitor, _)| monitor.id == *id);
                let (_, monitor) = found.ok_or_else(|| CaptureError::Gone { what: monitor_name(*id) })?;
                not_blank(monitor_frame(&monitor)?, || monitor_name(*id))
            }
            Target::Window(id) => window_frame(*id),
            Target::Region(area) => region_frame(*area),
        }
    }
}

/// The monitors with their places in physical pixels.
fn placed_monitors() -> Result<Vec<(Monitor, xcap::Monitor)>, CaptureError> {
    let explain = |error: xcap::XCapError| failed("listing the monitors", &error);
    let all = xcap::Monitor::all().map_err(explain)?;
    let scaled = all.iter().map(reported_area).collect::<Result<Vec<_>, _>>().map_err(explain)?;
    let mut monitors = Vec::new();
    for (monitor, area) in all.into_iter().zip(physical(&scaled)) {
        let name = monitor.friendly_name().or_else(|_| monitor.name()).unwrap_or_default();
        let (id, primary) = (monitor.id().map_err(explain)?, monitor.is_primary().unwrap_or(false));
        monitors.push((Monitor { id, name, area, primary }, monitor));
    }
    Ok(monitors)
}

/// A monitor as the system reports it, with its pixels per unit.
fn reported_area(monitor: &xcap::Monitor) -> xcap::XCapResult<(Area, f64)> {
    let area = Area::new(monitor.x()?, monitor.y()?, monitor.width()?, monitor.height()?);
    let scale = if cfg!(target_os = "macos") { monitor.scale_factor()?.into() } else { 1.0 };
    Ok((area, scale))
}

/// The window as it is shown in lists; `None` for this program's own, and for one without pixels.
fn describe(window: &xcap::Window) -> xcap::XCapResult<Option<Window>> {
    let reported = Area::new(window.x()?, window.y()?, window.width()?, window.height()?);
    if window.pid()? == std::process::id() || reported.width <= 1 || reported.height <= 1 {
        return Ok(None);
    }
    let scale =
        if cfg!(target_os = "macos") { window.current_monitor()?.scale_factor()?.into() } else { 1.0 };
    Ok(Some(Window {
        id: window.id()?,
        title: window.title().unwrap_or_default(),
        app: window.app_name().unwrap_or_default(),
        area: physical(&[(reported, scale)]).pop().unwrap_or(reported),
        minimised: window.is_minimized().unwrap_or(false),
    }))
}

fn window_frame(id: u32) -> Result<RgbImage, CaptureError> {
    let gone = || CaptureError::Gone { what: window_name(id, "") };
    let all = xcap::Window::all().map_err(|error| failed("listing the windows", &error))?;
    let window =
        all.into_iter().find(|window| window.id().is_ok_and(|other| other == id)).ok_or_else(gone)?;
    let title = window.title().unwrap_or_default();
    if window.is_minimized().unwrap_or(false) {
        return Err(CaptureError::Minimised { title });
    }
    match window.capture_image() {
        Ok(frame) => not_blank(rgb(frame), || window_name(id, &title)),
        // Either it closed just now, or the system refused.
        Err(_) if !exists(id) => Err(gone()),
        Err(error) => Err(failed("capturing the window", &error)),
    }
}

fn exists(id: u32) -> bool {
    xcap::Window::all().is_ok_and(|all| all.iter().any(|window| window.id().is_ok_and(|other| other == id)))
}

fn region_frame(area: Area) -> Result<RgbImage, CaptureError> {
    let mut frames = Vec::new();
    for (placed, monitor) in placed_monitors()? {
        if placed.area.intersect(&area).is_some() {
            frames.push(((placed.area.x, placed.area.y), monitor_frame(&monitor)?));
        }
    }
    let frame = stitch(area, &frames).ok_or_else(|| CaptureError::Gone { what: region_name(&area) })?;
    not_blank(frame, || region_name(&area))
}

fn monitor_frame(monitor: &xcap::Monitor) -> Result<RgbImage, CaptureError> {
    monitor.capture_image().map(rgb).map_err(|error| failed("capturing the monitor", &error))
}

fn rgb(frame: RgbaImage) -> RgbImage {
    DynamicImage::ImageRgba8(frame).into_rgb8()
}

/// macOS gives no data at all to a program that may not record the screen.
fn failed(what: &str, error: &xcap::XCapError) -> CaptureError {
    let why = error.to_string();
    if cfg!(target_os = "macos") && why.contains("Failed to copy data") {
        return CaptureError::Denied;
    }
    CaptureError::System { what: what.into(), why }
}
