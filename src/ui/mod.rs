//! The window (eframe, egui): a calm instrument beside the game.
//!
//! Data flows one way. [`App`] takes the worker's newest snapshot, draws it, and collects what the parts ask for
//! as actions, which are done after the frame. Nothing in here decodes, infers, reads a large file or waits:
//! the worker, the textures' thread, the clipboard's, the dialog's and the settings' do.

mod app;
mod background;
mod clipboard;
mod coach;
mod commands;
mod diagnostics;
mod folders;
mod found;
mod frames;
mod layout;
mod panels;
mod pasted;
mod sample;
mod state;
mod textures;
mod theme;
mod widgets;
mod words;

pub use app::{App, Parts};
pub use commands::UiCommand;
pub use sample::street as sample_picture;

use crate::capture;
use crate::engine::LocalBrain;
use crate::runtime::Choice;
use crate::store::{Loaded, Paths, Settings};
use crate::training::studio::Means;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// Nothing says where a display is.
    #[error(
        "there is no display to open a window on (neither WAYLAND_DISPLAY nor DISPLAY is set); \
         `streetwise guess FILE` works without one"
    )]
    NoDisplay,
    /// The display refuses, or cannot draw with OpenGL.
    #[error("no window could be opened: {0}; `streetwise guess FILE` works without one")]
    Refused(String),
}

impl From<eframe::Error> for WindowError {
    fn from(error: eframe::Error) -> Self {
        use eframe::Error;
        match error {
            Error::Winit(_) | Error::WinitEventLoop(_) if !has_display() => Self::NoDisplay,
            Error::Winit(error) => Self::Refused(without_place(&error.to_string())),
            Error::WinitEventLoop(error) => Self::Refused(without_place(&error.to_string())),
            Error::AppCreation(error) => Self::Refused(error.to_string()),
            Error::Glutin(error) => Self::Refused(format!("the display cannot draw with OpenGL ({error})")),
            Error::NoGlutinConfigs(_, error) => {
                Self::Refused(format!("the display cannot draw with OpenGL ({error})"))
            }
            Error::OpenGL(error) => Self::Refused(format!("OpenGL cannot be used ({error})")),
        }
    }
}

/// Whether the environment names a display; elsewhere than on a free desktop there is always one.
fn has_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(named)
}

/// winit begins with `os error at FILE:LINE: `, a place in its sources that helps nobody here.
fn without_place(text: &str) -> String {
    let place = text.strip_prefix("os error at ").and_then(|rest| rest.split_once(".rs:"));
    let said = place.and_then(|(_, rest)| rest.split_once(": ")).map_or(text, |(_, said)| said);
    said.trim_end_matches('.').to_owned()
}

/// Opens the window and returns when it is closed. `notice` is what reading the settings had to tell.
///
/// # Errors
/// When there is no display, or none that can draw with OpenGL.
pub fn run(
    paths: &Paths,
    settings: Settings,
    choice: Choice,
    notice: Option<String>,
) -> Result<(), WindowError> {
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_app_id("streetwise")
            .with_title("Streetwise")
            .with_icon(icon())
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([960.0, 600.0]),
        renderer: eframe::Renderer::Glow,
        clipboard_shortcuts: false,
        ..eframe::NativeOptions::default()
    };
    let settings_path = Some(paths.settings());
    let training = Means::of(paths, choice.clone(), settings.device, settings.threads);
    let brain = LocalBrain::new(choice, settings.device, settings.threads, settings.model.clone());
    let loaded = Loaded { settings, notice };
    let parts =
        Parts { brain: Box::new(brain), eye: Box::new(capture::system), loaded, settings_path, training };
    let create = move |cc: &eframe::CreationContext<'_>| {
        let app = App::new(&cc.egui_ctx, parts)?;
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    Ok(eframe::run_native("streetwise", native, Box::new(create))?)
}

fn icon() -> egui::IconData {
    const SIDE: u32 = 128;
    egui::IconData { rgba: sample::icon(SIDE), width: SIDE, height: SIDE }
}
