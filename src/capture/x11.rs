//! Frames from an X server.
//!
//! A window is read from its own off-screen picture, which the XComposite extension keeps: so a
//! covered window comes back whole, where reading it from the screen gives what covers it. The
//! server keeps that picture from the first shot of a window on. What was covered before is drawn
//! by the program only then, so the first shot waits a moment for it (not where a compositing
//! manager runs: it has had those pictures kept all along). Monitors and regions are read from
//! the root window, as they are seen.

use std::collections::HashSet;
use std::fmt::Display;
use std::thread;
use std::time::Duration;

use image::RgbImage;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::protocol::ErrorKind;
use x11rb::protocol::composite::{self, ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{self, ConnectionExt as _, GetWindowAttributesReply, MapState, PixmapWrapper};
use x11rb::rust_connection::RustConnection;

use super::x11_fault::Fault;
use super::x11_pixels::{Rectangle, read};
use super::x11_windows::{Atoms, Desk};
use super::{Area, CaptureError, FrameSource, Monitor, Target, Window};
use super::{monitor_name, not_blank, region_name, window_name};

/// What a program gets to draw the part of its window that was covered, before the first shot.
/// Browsers draw within two frames of 60 a second.
const REPAINT: Duration = Duration::from_millis(150);

/// Frames from an X server, through one connection that is opened again when it is lost.
pub struct X11 {
    display: String,
    session: Option<Session>,
}

impl X11 {
    /// Connects to the display of this name, ":0" for instance.
    ///
    /// # Errors
    /// [`CaptureError::System`] when no X server answers there.
    pub fn open(display: &str) -> Result<Self, CaptureError> {
        let session =
            Session::open(display).map_err(|fault| fault.explain("connecting to the X server", display))?;
        Ok(Self { display: display.to_owned(), session: Some(session) })
    }

    /// Runs `work` on the connection; when that was lost, once more on a new one. `what` is the
    /// target, for messages.
    fn with<T>(
        &mut self,
        what: &str,
        work: impl Fn(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, CaptureError> {
        let mut outcome = self.attempt(&work);
        if let Err(Fault::Lost(_)) = outcome {
            outcome = self.attempt(&work);
        }
        outcome.map_err(|fault| fault.explain("asking the X server", what))
    }

    fn attempt<T>(&mut self, work: impl Fn(&mut Session) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.display)?,
        };
        let outcome = work(&mut session);
        if !matches!(outcome, Err(Fault::Lost(_))) {
            self.session = Some(session);
        }
        outcome
    }
}

impl FrameSource for X11 {
    fn name(&self) -> &'static str {
        "X11"
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError> {
        self.with("the screen", |session| session.desk().monitors())
    }

    fn windows(&mut self) -> Result<Vec<Window>, CaptureError> {
        self.with("the list of windows", |session| session.desk().windows())
    }

    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError> {
        match target {
            Target::Monitor(id) => self.with(&monitor_name(*id), |session| session.monitor(*id)),
            Target::Window(id) => self.with(&window_name(*id, ""), |session| session.window(*id)),
            Target::Region(area) => {
                self.with(&region_name(area), |session| session.region(area, || region_name(area)))
            }
        }
    }
}

/// One connection.
struct Session {
    connection: RustConnection,
    root: xproto::Window,
    root_visual: xproto::Visualid,
    atoms: Atoms,
    composite: bool,
    /// Windows whose own picture the server keeps for this connection.
    kept: HashSet<xproto::Window>,
}

impl Session {
    fn open(display: &str) -> Result<Self, Fault> {
        let lost = |error: &dyn Display| Fault::Lost(error.to_string());
        let (connection, screen) = RustConnection::connect(Some(display)).map_err(|error| lost(&error))?;
        let atoms = Atoms::new(&connection)?.reply()?;
        let composite = connection.extension_information(composite::X11_EXTENSION_NAME)?.is_some();
        if composite {
            // NameWindowPixmap came with 0.2; the server refuses it until a version is agreed on.
            connection.composite_query_version(0, 4)?.reply()?;
        }
        let screen = &connection.setup().roots[screen];
        let (root, root_visual) = (screen.root, screen.root_visual);
        Ok(Self { connection, root, root_visual, atoms, composite, kept: HashSet::new() })
    }

    fn desk(&self) -> Desk<'_> {
        Desk { connection: &self.connection, root: self.root, atoms: &self.atoms }
    }

    fn monitor(&mut self, id: u32) -> Result<RgbImage, Fault> {
        let monitors = self.desk().monitors()?;
        let gone = || Fault::Typed(CaptureError::Gone { what: monitor_name(id) });
        let monitor = monitors.into_iter().find(|monitor| monitor.id == id).ok_or_else(gone)?;
        self.region(&monitor.area, || monitor_name(id))
    }

    fn region(&mut self, area: &Area, what: impl Fn() -> String) -> Result<RgbImage, Fault> {
        let screen = self.desk().screen()?;
        let part = screen.intersect(area).and_then(rectangle);
        let part = part.ok_or_else(|| Fault::Typed(CaptureError::Gone { what: what() }))?;
        let frame = match read(&self.connection, self.root, part, self.root_visual) {
            // The screen became smaller since it was measured.
            Err(Fault::Refused(ErrorKind::Match, _)) => {
                return Err(Fault::Typed(CaptureError::Gone { what: what() }));
            }
            other => other?,
        };
        Ok(not_blank(frame, what)?)
    }

    fn window(&mut self, id: xproto::Window) -> Result<RgbImage, Fault> {
        if !self.composite {
            let what = "capturing a window (this X server has no Composite extension)".into();
            return Err(Fault::Typed(CaptureError::Unsupported { what }));
        }
        let title = self.desk().title(id)?;
        let attributes = self.drawn(id, &title)?;
        let pixmap = self.keep_and_name(id, &title)?;
        let pixmap = PixmapWrapper::for_pixmap(&self.connection, pixmap);
        // The size of the picture itself: the window may have another one by now.
        let size = self.connection.get_geometry(pixmap.pixmap())?.reply()?;
        let border = self.connection.get_geometry(id)?.reply()?.border_width;
        let inside = Area::new(
            border.into(),
            border.into(),
            u32::from(size.width).saturating_sub(2 * u32::from(border)),
            u32::from(size.height).saturating_sub(2 * u32::from(border)),
        );
        let part = rectangle(inside)
            .ok_or_else(|| Fault::Typed(CaptureError::Gone { what: window_name(id, &title) }))?;
        let frame = read(&self.connection, pixmap.pixmap(), part, attributes.visual)?;
        Ok(not_blank(frame, || window_name(id, &title))?)
    }

    /// The attributes of a window that the server draws.
    fn drawn(&self, id: xproto::Window, title: &str) -> Result<GetWindowAttributesReply, Fault> {
        let attributes = self.desk().attributes(id)?;
        if attributes.map_state == MapState::VIEWABLE {
            return Ok(attributes);
        }
        Err(Fault::Typed(CaptureError::Minimised { title: title.to_owned() }))
    }

    /// A name for the window's own picture, which is kept from now on.
    fn keep_and_name(&mut self, id: xproto::Window, title: &str) -> Result<xproto::Pixmap, Fault> {
        if self.kept.contains(&id) {
            match self.name_pixmap(id) {
                // Unmapped since, or another window under the number of a closed one.
                Err(Fault::Refused(ErrorKind::Match, _)) => self.kept.remove(&id),
                named => return named,
            };
        }
        self.drawn(id, title)?;
        self.connection.composite_redirect_window(id, Redirect::AUTOMATIC)?.check()?;
        self.kept.insert(id);
        if self.connection.get_selection_owner(self.atoms._NET_WM_CM_S0)?.reply()?.owner == x11rb::NONE {
            thread::sleep(REPAINT);
        }
        match self.name_pixmap(id) {
            Err(Fault::Refused(ErrorKind::Match, why)) => {
                self.drawn(id, title)?;
                Err(Fault::Refused(ErrorKind::Match, why))
            }
            named => named,
        }
    }

    fn name_pixmap(&self, id: xproto::Window) -> Result<xproto::Pixmap, Fault> {
        let pixmap = self.connection.generate_id()?;
        self.connection.composite_name_window_pixmap(id, pixmap)?.check()?;
        Ok(pixmap)
    }
}

/// `area` in the numbers of the protocol; `None` when it is empty or beyond them.
fn rectangle(area: Area) -> Option<Rectangle> {
    let Area { x, y, width, height } = area;
    Some(Rectangle {
        x: x.try_into().ok()?,
        y: y.try_into().ok()?,
        width: width.try_into().ok().filter(|&width| width > 0)?,
        height: height.try_into().ok().filter(|&height| height > 0)?,
    })
}
