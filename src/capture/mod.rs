//! Where frames come from: monitors, windows and regions of the screen.
//!
//! [`system()`] opens what this machine has behind one trait, [`FrameSource`]: X11 through
//! `XComposite` (covered windows come back right), the XDG portal on Wayland, `xcap` on Windows
//! and macOS. [`Fake`] is the same with scripted frames. Capturing is read-only: nothing here
//! clicks, types, moves a window or sends input. A black frame is an error
//! ([`CaptureError::Blank`]) and never a picture.

mod area;
mod error;
mod fake;
mod system;
mod thumbnail;

#[cfg(any(target_os = "windows", target_os = "macos"))]
mod native;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "linux")]
mod x11;
#[cfg(target_os = "linux")]
mod x11_clipboard;
#[cfg(target_os = "linux")]
mod x11_fault;
#[cfg(target_os = "linux")]
mod x11_pixels;
#[cfg(target_os = "linux")]
mod x11_windows;

use image::RgbImage;
use serde::Serialize;

pub use area::{Area, physical, stitch};
pub use error::CaptureError;
pub use fake::Fake;
pub use system::{Desktop, system};
pub use thumbnail::thumbnail;

#[cfg(any(target_os = "windows", target_os = "macos"))]
pub use native::Native;
#[cfg(target_os = "linux")]
pub use portal::Portal;
#[cfg(target_os = "linux")]
pub use x11::X11;
#[cfg(target_os = "linux")]
pub use x11_clipboard::x11_clipboard_picture;

/// Something that takes pictures of the screen.
///
/// Calls block (a Wayland desktop may show a dialog), so they belong on a worker thread. After an
/// error the next call starts afresh: a source recovers by itself.
pub trait FrameSource: Send {
    /// How frames are taken, for the status bar: "X11", "Wayland portal", "Windows", "macOS", "fake".
    fn name(&self) -> &'static str;

    /// The monitors, as they are arranged now.
    ///
    /// # Errors
    /// [`CaptureError::System`] when the display does not answer.
    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError>;

    /// The windows other than this program's own, as they are now.
    ///
    /// # Errors
    /// [`CaptureError::Unsupported`] where the system lists no windows (Wayland),
    /// [`CaptureError::System`] when the display does not answer.
    fn windows(&mut self) -> Result<Vec<Window>, CaptureError>;

    /// One frame of `target`, in physical pixels.
    ///
    /// # Errors
    /// [`CaptureError::Gone`] for a target that is not there any more, [`CaptureError::Minimised`]
    /// for a window that is not drawn, [`CaptureError::Blank`] for a black or one-coloured frame,
    /// [`CaptureError::Denied`] when the user or the system refuses, [`CaptureError::System`]
    /// otherwise.
    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError>;
}

/// A monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Monitor {
    /// What [`Target::Monitor`] takes. On X11 the place in the list, so it may change when a
    /// monitor is plugged in.
    pub id: u32,
    /// The connector ("HDMI-1") or the name the system shows.
    pub name: String,
    /// Where it lies on the virtual desktop. Empty where the system does not say (Wayland).
    pub area: Area,
    /// Whether it is the main one.
    pub primary: bool,
}

/// A window that can be captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// What [`Target::Window`] takes: the system's own number for the window.
    pub id: u32,
    /// The title; may be empty.
    pub title: String,
    /// The program it belongs to; may be empty.
    pub app: String,
    /// Where its contents lie on the virtual desktop, without a frame drawn by a window manager.
    pub area: Area,
    /// Whether it is minimised or hidden, and so cannot be captured until it is brought back.
    pub minimised: bool,
}

/// What to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The monitor with this [`Monitor::id`].
    Monitor(u32),
    /// The window with this [`Window::id`], even where other windows cover it.
    Window(u32),
    /// A part of the virtual desktop, across monitors where it spans several. The part outside
    /// the desktop is cut off.
    Region(Area),
}

/// Passes a frame on unless it is black or of one colour.
fn not_blank(frame: RgbImage, what: impl FnOnce() -> String) -> Result<RgbImage, CaptureError> {
    if crate::imaging::is_blank(&frame) { Err(CaptureError::Blank { what: what() }) } else { Ok(frame) }
}

/// "monitor 2" and the like, for messages.
fn monitor_name(id: u32) -> String {
    format!("monitor {id}")
}

/// "the window …" and the like, for messages; a window without a title is named by its number.
fn window_name(id: u32, title: &str) -> String {
    if title.is_empty() { format!("the window {id}") } else { format!("the window “{title}”") }
}

/// "the region …" for messages.
fn region_name(area: &Area) -> String {
    format!("the region of {} × {} pixels at {}, {}", area.width, area.height, area.x, area.y)
}
