//! Choosing what frames are taken with on this machine.

#[cfg(target_os = "linux")]
use std::ffi::OsString;

use super::{CaptureError, FrameSource};

/// Opens what this machine captures with.
///
/// On Linux the portal where `WAYLAND_DISPLAY` is set (an X server there sees only some of the
/// windows), else X11 where `DISPLAY` is. On Windows and macOS the system's own means.
///
/// # Errors
/// [`CaptureError::NoDisplay`] or [`CaptureError::NoPortal`] when there is nothing to capture
/// from, [`CaptureError::System`] when the X server named by `DISPLAY` does not answer.
pub fn system() -> Result<Box<dyn FrameSource>, CaptureError> {
    Desktop::from_env().open()
}

/// Where a desktop session can be reached: the part of the environment that [`system`] looks at.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desktop {
    /// `WAYLAND_DISPLAY`: set in a Wayland session.
    pub wayland: Option<OsString>,
    /// `DISPLAY`: the X server, ":0" for instance.
    pub x11: Option<OsString>,
    /// Address of the session bus; `None` for the one of `DBUS_SESSION_BUS_ADDRESS`.
    pub bus: Option<String>,
}

#[cfg(target_os = "linux")]
impl Desktop {
    /// The session this process runs in. Variables that are set but empty count as not set.
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self { wayland: set("WAYLAND_DISPLAY"), x11: set("DISPLAY"), bus: None }
    }

    /// Opens the source of frames of this session.
    ///
    /// # Errors
    /// As [`system`].
    pub fn open(&self) -> Result<Box<dyn FrameSource>, CaptureError> {
        match (&self.wayland, &self.x11) {
            (Some(_), _) => Ok(Box::new(super::Portal::open(self.bus.as_deref())?)),
            (None, Some(display)) => Ok(Box::new(super::X11::open(&display.to_string_lossy())?)),
            (None, None) => Err(CaptureError::NoDisplay),
        }
    }
}

/// Where a desktop session can be reached: on this system there is only the one of this process.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desktop;

#[cfg(not(target_os = "linux"))]
impl Desktop {
    /// The session this process runs in.
    pub fn from_env() -> Self {
        Self
    }

    /// Opens the source of frames of this session.
    ///
    /// # Errors
    /// [`CaptureError::Unsupported`] on a system other than Linux, Windows and macOS.
    pub fn open(&self) -> Result<Box<dyn FrameSource>, CaptureError> {
        #[cfg(any(target_os = "windows", target_os = "macos"))]
        return Ok(Box::new(super::Native));
        #[cfg(not(any(target_os = "windows", target_os = "macos")))]
        return Err(CaptureError::Unsupported { what: "capturing the screen".into() });
    }
}
