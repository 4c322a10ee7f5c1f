//! A desktop that a test makes up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;

use super::{Area, CaptureError, FrameSource, Monitor, Target, Window};
use super::{monitor_name, not_blank, region_name, stitch, window_name};

/// A [`FrameSource`] with scripted monitors, windows and frames, for tests and for trying the
/// interface where there is no screen.
///
/// Clones share one desktop, so a test keeps a clone, hands the other to the code under test, and
/// changes the desktop while that runs. A frame is first taken from the script ([`Fake::then`]),
/// then from the desktop, under the same rules as a real one: blank, minimised and missing
/// targets are the same errors.
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    monitors: Vec<(Monitor, RgbImage)>,
    windows: Vec<(Window, RgbImage)>,
    script: VecDeque<Result<RgbImage, CaptureError>>,
    shots: usize,
}

impl Fake {
    /// A desktop without monitors and windows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a monitor whose top left corner is at (`x`, `y`) and which shows `frame`; its id is
    /// its place in the list, and the first is the primary one.
    #[must_use]
    pub fn monitor(self, name: &str, x: i32, y: i32, frame: RgbImage) -> Self {
        let mut state = self.state();
        let index = state.monitors.len();
        let area = Area::new(x, y, frame.width(), frame.height());
        let id = u32::try_from(index).unwrap_or(u32::MAX);
        state.monitors.push((Monitor { id, name: name.into(), area, primary: index == 0 }, frame));
        drop(state);
        self
    }

    /// Adds a window that shows `frame`, at the desktop's origin.
    #[must_use]
    pub fn window(self, id: u32, title: &str, app: &str, frame: RgbImage) -> Self {
        let area = Area::new(0, 0, frame.width(), frame.height());
        let window = Window { id, title: title.into(), app: app.into(), area, minimised: false };
        self.state().windows.push((window, frame));
        self
    }

    /// Appends to the script: what one coming [`FrameSource::shot`] gives, whatever its target.
    #[must_use]
    pub fn then(self, frame: Result<RgbImage, CaptureError>) -> Self {
        self.push(frame);
        self
    }

    /// As [`Fake::then`], on a desktop in use.
    pub fn push(&self, frame: Result<RgbImage, CaptureError>) {
        self.state().script.push_back(frame);
    }

    /// Changes what the window shows; its area takes the frame's size.
    pub fn show(&self, id: u32, frame: RgbImage) {
        if let Some((window, shown)) = self.state().windows.iter_mut().find(|(window, _)| window.id == id) {
            (window.area.width, window.area.height) = frame.dimensions();
            *shown = frame;
        }
    }

    /// Minimises the window, or brings it back.
    pub fn minimise(&self, id: u32, minimised: bool) {
        if let Some((window, _)) = self.state().windows.iter_mut().find(|(window, _)| window.id == id) {
            window.minimised = minimised;
        }
    }

    /// Closes the window.
    pub fn close(&self, id: u32) {
        self.state().windows.retain(|(window, _)| window.id != id);
    }

    /// How many frames were asked for so far.
    pub fn shots(&self) -> usize {
        self.state().shots
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameSource for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError> {
        Ok(self.state().monitors.iter().map(|(monitor, _)| monitor.clone()).collect())
    }

    fn windows(&mut self) -> Result<Vec<Window>, CaptureError> {
        Ok(self.state().windows.iter().map(|(window, _)| window.clone()).collect())
    }

    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError> {
        let mut state = self.state();
        state.shots += 1;
        if let Some(frame) = state.script.pop_front() {
            return frame.and_then(|frame| not_blank(frame, || "the screen".into()));
        }
        match target {
            Target::Monitor(id) => state.monitor(*id),
            Target::Window(id) => state.window(*id),
            Target::Region(area) => state.region(*area),
        }
    }
}

impl State {
    fn monitor(&self, id: u32) -> Result<RgbImage, CaptureError> {
        let found = self.monitors.iter().find(|(monitor, _)| monitor.id == id);
        let (_, frame) = found.ok_or_else(|| CaptureError::Gone { what: monitor_name(id) })?;
        not_blank(frame.clone(), || monitor_name(id))
    }

    fn window(&self, id: u32) -> Result<RgbImage, CaptureError> {
        let found = self.windows.iter().find(|(window, _)| window.id == id);
        let (window, frame) = found.ok_or_else(|| CaptureError::Gone { what: window_name(id, "") })?;
        if window.minimised {
            return Err(CaptureError::Minimised { title: window.title.clone() });
        }
        not_blank(frame.clone(), || window_name(id, &window.title))
    }

    fn region(&self, area: Area) -> Result<RgbImage, CaptureError> {
        let frames: Vec<_> = self
            .monitors
            .iter()
            .map(|(monitor, frame)| ((monitor.area.x, monitor.area.y), frame.clone()))
            .collect();
        let frame = stitch(area, &frames).ok_or_else(|| CaptureError::Gone { what: region_name(&area) })?;
        not_blank(frame, || region_name(&area))
    }
}
