//! Frames from a Wayland desktop, through its screenshot portal.
//!
//! Wayland lets no program look at the screen; the desktop takes the picture, asks the user where
//! it wants to, and hands over a file
//! ([`org.freedesktop.portal.Screenshot`](https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Screenshot.html)).
//! There is no list of windows: [`CHOOSE`] opens the desktop's own dialog, in which one chooses.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use ashpd::desktop::ResponseError;
use ashpd::desktop::screenshot::Screenshot;
use ashpd::zbus::{self, Connection, fdo};
use ashpd::{Error, PortalError};
use image::RgbImage;
use image::imageops;

use super::{Area, CaptureError, FrameSource, Monitor, Target, Window};
use super::{monitor_name, not_blank, region_name};
use crate::imaging::{Limits, Picture};

/// [`Monitor::id`] of the whole desktop, taken without a dialog where the desktop allows that.
const WHOLE: u32 = 0;
/// [`Monitor::id`] of "what the user chooses in the desktop's dialog": a window, a screen, a part.
const CHOOSE: u32 = 1;
/// How long the session bus may take.
const BUS_PATIENCE: Duration = Duration::from_secs(5);
/// How long a screenshot may take: the desktop may first ask the user to allow it.
const SHOT_PATIENCE: Duration = Duration::from_secs(60);
const PORTAL: &str = "org.freedesktop.portal.Desktop";

type Answer = Result<PathBuf, Error>;

/// Frames from the screenshot portal of a Wayland desktop.
pub struct Portal {
    bus: Option<String>,
    connection: Option<Connection>,
    /// A request that was not answered in time; its dialog may still be open.
    unanswered: Option<Receiver<Answer>>,
    /// Size of the last frame of the whole desktop: the portal tells no other.
    size: (u32, u32),
    patience: Duration,
}

impl Portal {
    /// Connects to the session bus at this address, or to that of this process, and looks whether
    /// a portal is there.
    ///
    /// # Errors
    /// [`CaptureError::NoPortal`] when there is no session bus, no portal, or no answer in 5 s.
    pub fn open(bus: Option<&str>) -> Result<Self, CaptureError> {
        let bus = bus.map(str::to_owned);
        let connection = Some(connect(bus.clone())?);
        Ok(Self { bus, connection, unanswered: None, size: (0, 0), patience: SHOT_PATIENCE })
    }

    /// Waits at most this long for a screenshot instead of 60 s.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A frame of the whole desktop. A desktop that takes none without a dialog gets one.
    fn whole(&mut self) -> Result<RgbImage, CaptureError> {
        let frame = match self.ask(false) {
            Err(Refusal::NotWithoutDialog) => self.ask(true),
            other => other,
        };
        let frame = frame.map_err(Refusal::explain)?;
        self.size = frame.dimensions();
        Ok(frame)
    }

    /// Asks the desktop for a screenshot and reads it.
    fn ask(&mut self, dialog: bool) -> Result<RgbImage, Refusal> {
        let asked = SystemTime::now();
        let answer = match self.unanswered.take() {
            // One dialog at a time: the answer to the one that is open is as good.
            Some(answer) => answer,
            None => self.request(dialog)?,
        };
        match answer.recv_timeout(self.patience) {
            Ok(Ok(path)) => read_and_remove(&path, asked).map_err(Refusal::Explained),
            Ok(Err(error)) => {
                if matches!(error, Error::Zbus(_)) {
                    self.connection = None;
                }
                Err(refusal(error, dialog))
            }
            Err(RecvTimeoutError::Timeout) => {
                self.unanswered = Some(answer);
                Err(no_answer(self.patience).into())
            }
            Err(RecvTimeoutError::Disconnected) => Err(no_answer(self.patience).into()),
        }
    }

    /// Sends the request from a thread of its own: the desktop may never answer.
    fn request(&mut self, dialog: bool) -> Result<Receiver<Answer>, Refusal> {
        let connection = match &self.connection {
            Some(connection) => connection.clone(),
            None => self.connection.insert(connect(self.bus.clone())?).clone(),
        };
        Ok(in_thread(move || pollster::block_on(screenshot(connection, dialog))))
    }
}

impl FrameSource for Portal {
    fn name(&self) -> &'static str {
        "Wayland portal"
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, CaptureError> {
        let entry = |id, name: &str, (width, height)| Monitor {
            id,
            name: name.into(),
            area: Area::new(0, 0, width, height),
            primary: id == WHOLE,
        };
        Ok(vec![
            entry(WHOLE, "whole desktop", self.size),
            entry(CHOOSE, "chosen in the desktop's dialog", (0, 0)),
        ])
    }

    fn windows(&mut self) -> Result<Vec<Window>, CaptureError> {
        let what = "listing windows on Wayland (the desktop's own dialog lets you choose one: capture \
                    monitor 1, “chosen in the desktop's dialog”)";
        Err(CaptureError::Unsupported { what: what.into() })
    }

    fn shot(&mut self, target: &Target) -> Result<RgbImage, CaptureError> {
        match target {
            Target::Monitor(WHOLE) => not_blank(self.whole()?, || "the desktop".into()),
            Target::Monitor(CHOOSE) => {
                let frame = self.ask(true).map_err(Refusal::explain)?;
                not_blank(frame, || "what was chosen".into())
            }
            Target::Monitor(id) => Err(CaptureError::Gone { what: monitor_name(*id) }),
            Target::Window(_) => self.windows().and(Err(CaptureError::Gone { what: "the window".into() })),
            Target::Region(area) => {
                let frame = cut(&self.whole()?, area)
                    .ok_or_else(|| CaptureError::Gone { what: region_name(area) })?;
                not_blank(frame, || region_name(area))
            }
        }
    }
}

/// `area` of a frame whose corner is the desktop's origin.
fn cut(frame: &RgbImage, area: &Area) -> Option<RgbImage> {
    let part = Area::new(0, 0, frame.width(), frame.height()).intersect(area)?;
    let (left, top) = (part.x.unsigned_abs(), part.y.unsigned_abs());
    Some(imageops::crop_imm(frame, left, top, part.width, part.height).to_image())
}

/// Runs `work` elsewhere. When nobody waits for its result any more, that is dropped.
fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || sender.send(work()));
    receiver
}

fn connect(bus: Option<String>) -> Result<Connection, CaptureError> {
    let no_portal = |why: String| CaptureError::NoPortal { why };
    match in_thread(move || pollster::block_on(find_portal(bus))).recv_timeout(BUS_PATIENCE) {
        Ok(Ok(Some(connection))) => Ok(connection),
        Ok(Ok(None)) => Err(no_portal(format!("nothing on the session bus is called {PORTAL}"))),
        Ok(Err(error)) => Err(no_portal(format!("no session bus: {error}"))),
        Err(_) => Err(no_portal("the session bus does not answer".into())),
    }
}

/// A connection to a bus on which the portal runs or can be started.
async fn find_portal(bus: Option<String>) -> zbus::Result<Option<Connection>> {
    let builder = match bus {
        Some(address) => zbus::connection::Builder::address(address.as_str())?,
        None => zbus::connection::Builder::session()?,
    };
    let connection = builder.build().await?;
    let names = fdo::DBusProxy::new(&connection).await?;
    let running = names.list_names().await?;
    let startable = names.list_activatable_names().await?;
    let found = running.iter().chain(&startable).any(|name| name.as_str() == PORTAL);
    Ok(found.then_some(connection))
}

async fn screenshot(connection: Connection, dialog: bool) -> Answer {
    let request = Screenshot::request().interactive(dialog).modal(true).connection(Some(connection));
    let answer = request.send().await?.response()?;
    file_path(answer.uri().as_str()).ok_or(Error::ParseError("the portal's answer names no file"))
}

/// The path of a `file:` URI (RFC 8089), its `%` escapes undone.
fn file_path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = rest[rest.find('/')?..].bytes();
    let mut path = Vec::with_capacity(rest.len());
    while let Some(byte) = bytes.next() {
        path.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    Some(OsString::from_vec(path).into())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| value.try_into().ok())
}

/// Reads the screenshot. It was made for us, so it is removed again (or the pictures folder would
/// fill) – unless it is older than the request, and so somebody else's.
fn read_and_remove(path: &Path, asked: SystemTime) -> Result<RgbImage, CaptureError> {
    let picture = Picture::open(path, &Limits::default());
    let slack = Duration::from_secs(2);
    let fresh = fs::metadata(path).and_then(|file| file.modified()).is_ok_and(|time| time + slack >= asked);
    if fresh {
        // A file that cannot be removed is still a good screenshot.
        let _ = fs::remove_file(path);
    }
    match picture {
        Ok(picture) => Ok(Arc::unwrap_or_clone(picture.pixels)),
        Err(error) => Err(CaptureError::System {
            what: "reading the desktop's screenshot".into(),
            why: error.to_string(),
        }),
    }
}

/// Why the portal gave no screenshot.
enum Refusal {
    /// The desktop takes none unless the user is asked.
    NotWithoutDialog,
    Explained(CaptureError),
}

impl Refusal {
    fn explain(self) -> CaptureError {
        match self {
            Refusal::NotWithoutDialog => CaptureError::Denied,
            Refusal::Explained(error) => error,
        }
    }
}

impl From<CaptureError> for Refusal {
    fn from(error: CaptureError) -> Self {
        Refusal::Explained(error)
    }
}

fn no_answer(patience: Duration) -> CaptureError {
    CaptureError::System {
        what: "asking the desktop for a screenshot".into(),
        why: format!("it did not answer within {} s; look for its dialog", patience.as_secs()),
    }
}

fn refusal(error: Error, dialog: bool) -> Refusal {
    match error {
        Error::Response(ResponseError::Other) if !dialog => Refusal::NotWithoutDialog,
        Error::Response(_) | Error::Portal(PortalError::NotAllowed(_) | PortalError::Cancelled(_)) => {
            CaptureError::Denied.into()
        }
        Error::PortalNotFound(_) => CaptureError::NoPortal { why: "it takes no screenshots".into() }.into(),
        Error::Zbus(zbus::Error::MethodError(name, ..)) if name.as_str().contains(".Unknown") => {
            CaptureError::NoPortal { why: format!("it takes no screenshots: {name}") }.into()
        }
        other => CaptureError::System {
            what: "asking the desktop for a screenshot".into(),
            why: other.to_string(),
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_uris_become_paths() {
        let check = |uri: &str, expected: Option<&str>| {
            assert_eq!(file_path(uri), expected.map(PathBuf::from), "{uri}");
        };
        check("file:///tmp/shot.png", Some("/tmp/shot.png"));
        check("file://localhost/tmp/a.png", Some("/tmp/a.png"));
        check(
            "file:///home/u/Bildschirmfoto%20vom%2023.%20M%C3%A4rz.png",
            Some("/home/u/Bildschirmfoto vom 23. März.png"),
        );
        check("file:///tmp/100%25.png", Some("/tmp/100%.png"));
        check("file:///tmp/cut%2", None);
        check("file:///tmp/no%zzhex", None);
        check("file://", None);
        check("https://example.org/a.png", None);
    }

    #[test]
    fn a_screenshot_made_for_us_is_removed_and_an_older_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shot.png");
        RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8 * 40, y as u8 * 60, 9])).save(&path).unwrap();
        let later = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(read_and_remove(&path, later).unwrap().dimensions(), (6, 4));
        assert!(path.exists(), "older than the request: kept");
        assert_eq!(read_and_remove(&path, SystemTime::now()).unwrap().get_pixel(5, 3).0, [200, 180, 9]);
        assert!(!path.exists());
        let gone = read_and_remove(&path, SystemTime::now()).unwrap_err();
        assert!(gone.to_string().contains("shot.png"), "{gone}");
    }
}
