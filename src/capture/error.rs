//! Why there is no frame.

/// Why a capture did not work, with what the user can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Neither `WAYLAND_DISPLAY` nor `DISPLAY` is set, so there is no screen to look at.
    #[error(
        "there is no display to capture: neither DISPLAY nor WAYLAND_DISPLAY is set; \
         start Streetwise inside a desktop session, or open a picture file instead"
    )]
    NoDisplay,
    /// The desktop is Wayland and its screenshot portal does not answer.
    #[error(
        "the desktop's screenshot portal is not available ({why}); install and start \
         xdg-desktop-portal with the part for your desktop, or open a picture file instead"
    )]
    NoPortal {
        /// What the portal or the session bus said.
        why: String,
    },
    /// The user or the system did not allow the capture.
    #[error(
        "the screen may not be captured; allow Streetwise to record the screen in the system's \
         privacy settings, or open a picture file instead"
    )]
    Denied,
    /// The window, monitor or region is not there any more.
    #[error("{what} is not there any more; choose what to capture again")]
    Gone {
        /// What was to be captured.
        what: String,
    },
    /// The window is minimised, or hidden on another virtual desktop: the system draws nothing.
    #[error("the window “{title}” is minimised or hidden; bring it back on the screen and try again")]
    Minimised {
        /// Title of the window.
        title: String,
    },
    /// The frame came back black or of one colour.
    #[error(
        "the capture is black or of one colour: {what} shows no picture; make sure that the game is visible, turn \
         off the browser's hardware acceleration if it stays so, or capture the whole monitor"
    )]
    Blank {
        /// What was captured.
        what: String,
    },
    /// This system has no means for what was asked.
    #[error("{what} is not possible here; capture a monitor or a region, or open a picture file instead")]
    Unsupported {
        /// What was asked.
        what: String,
    },
    /// Anything else that the system refused.
    #[error("{what} failed: {why}; try again, or open a picture file instead")]
    System {
        /// What was being done.
        what: String,
        /// What the system said.
        why: String,
    },
}
