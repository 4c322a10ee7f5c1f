//! Capturing on Wayland, with a session bus of the test's own and a portal on it that answers as
//! the test says.
//!
//! Skipped with a line where `dbus-daemon` is not installed.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ashpd::zbus;
use image::{Rgb, RgbImage};
use streetwise::capture::{Area, CaptureError, FrameSource, Portal, Target};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

/// A session bus; ended when dropped.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Option<Self> {
        let mut command = Command::new("dbus-daemon");
        command
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut daemon = match command.spawn() {
            Ok(daemon) => daemon,
            Err(error) => {
                println!("skipped: dbus-daemon cannot be started ({error})");
                return None;
            }
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self { daemon, address: address.trim().to_owned() })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the desktop does when it is asked for a screenshot.
#[derive(Clone)]
enum Desktop {
    /// Takes it, into this folder.
    Takes(PathBuf, RgbImage),
    /// Takes it only with its dialog.
    TakesWithDialog(PathBuf, RgbImage),
    /// The user says no.
    Cancels,
    /// Never answers.
    Sleeps,
}

struct FakePortal {
    desktop: Desktop,
    /// Whether each request wanted the dialog.
    asked: Arc<Mutex<Vec<bool>>>,
}

#[zbus::interface(name = "org.freedesktop.portal.Screenshot", crate = "ashpd::zbus")]
impl FakePortal {
    async fn screenshot(
        &self,
        _parent: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(connection)] connection: &zbus::Connection,
        #[zbus(header)] header: zbus::message::Header<'_>,
    ) -> OwnedObjectPath {
        let token: String = options["handle_token"].try_clone().unwrap().try_into().unwrap();
        let dialog: bool = options.get("interactive").is_some_and(|value| bool::try_from(value).unwrap());
        self.asked.lock().unwrap().push(dialog);
        let sender = header.sender().unwrap().to_string();
        let caller = sender.trim_start_matches(':').replace('.', "_");
        let handle = format!("/org/freedesktop/portal/desktop/request/{caller}/{token}");
        let (code, results) = match &self.desktop {
            Desktop::Takes(folder, frame) => (0_u32, saved(folder, frame)),
            Desktop::TakesWithDialog(folder, frame) if dialog => (0, saved(folder, frame)),
            Desktop::TakesWithDialog(..) => (2, HashMap::new()),
            Desktop::Cancels => (1, HashMap::new()),
            Desktop::Sleeps => return handle.try_into().unwrap(),
        };
        let request = "org.freedesktop.portal.Request";
        connection
            .emit_signal(Some(sender.as_str()), handle.as_str(), request, "Response", &(code, results))
            .await
            .unwrap();
        handle.try_into().unwrap()
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}

/// Saves a screenshot under a name that needs escaping, and answers with where it is.
fn saved(folder: &Path, frame: &RgbImage) -> HashMap<&'static str, Value<'static>> {
    frame.save(folder.join("Screen shot.png")).unwrap();
    let uri = format!("file://{}/Screen%20shot.png", folder.display());
    HashMap::from([("uri", Value::from(uri))])
}

fn street() -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| Rgb([x.to_le_bytes()[0] * 4, y.to_le_bytes()[0] * 5, 77]))
}

/// Opens the portal of a desktop that acts like this; with it, what was asked of the desktop.
fn on(bus: &Bus, desktop: Desktop) -> (zbus::Connection, Portal, Arc<Mutex<Vec<bool>>>) {
    let asked = Arc::default();
    let portal = FakePortal { desktop, asked: Arc::clone(&asked) };
    let serving = pollster::block_on(async {
        zbus::connection::Builder::address(bus.address.as_str())
            .unwrap()
            .name("org.freedesktop.portal.Desktop")
            .unwrap()
            .serve_at("/org/freedesktop/portal/desktop", portal)
            .unwrap()
            .build()
            .await
            .unwrap()
    });
    (serving, Portal::open(Some(&bus.address)).unwrap(), asked)
}

#[test]
fn the_desktops_screenshot_is_the_frame_and_its_file_is_removed() {
    let Some(bus) = Bus::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_serving, mut source, asked) = on(&bus, Desktop::Takes(folder.path().into(), street()));
    assert_eq!(source.shot(&Target::Monitor(0)), Ok(street()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(source.monitors().unwrap()[0].area, Area::new(0, 0, 64, 48));
    let part = source.shot(&Target::Region(Area::new(-5, 10, 25, 8))).unwrap();
    assert!(part == image::imageops::crop_imm(&street(), 0, 10, 20, 8).to_image());
    assert_eq!(*asked.lock().unwrap(), [false, false], "without the dialog");
    source.shot(&Target::Monitor(1)).unwrap();
    assert_eq!(asked.lock().unwrap().last(), Some(&true), "monitor 1 is what is chosen in the dialog");
    let windows = source.windows().unwrap_err();
    assert!(windows.to_string().contains("dialog"), "{windows}");
}

#[test]
fn a_desktop_that_wants_to_ask_is_let_ask() {
    let Some(bus) = Bus::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_serving, mut source, asked) = on(&bus, Desktop::TakesWithDialog(folder.path().into(), street()));
    assert_eq!(source.shot(&Target::Monitor(0)), Ok(street()));
    assert_eq!(*asked.lock().unwrap(), [false, true]);
}

#[test]
fn a_refusal_is_denied_and_a_black_screenshot_is_blank() {
    let Some(bus) = Bus::start() else { return };
    let (serving, mut source, _) = on(&bus, Desktop::Cancels);
    assert_eq!(source.shot(&Target::Monitor(0)), Err(CaptureError::Denied));
    drop((serving, source));
    let Some(bus) = Bus::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_serving, mut source, _) = on(&bus, Desktop::Takes(folder.path().into(), RgbImage::new(64, 48)));
    assert!(matches!(source.shot(&Target::Monitor(0)), Err(CaptureError::Blank { .. })));
}

#[test]
fn a_desktop_that_never_answers_is_not_waited_for_and_not_asked_twice() {
    let Some(bus) = Bus::start() else { return };
    let (_serving, source, asked) = on(&bus, Desktop::Sleeps);
    let mut source = source.with_patience(Duration::from_millis(300));
    for _ in 0..3 {
        let error = source.shot(&Target::Monitor(0)).unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
    }
    assert_eq!(asked.lock().unwrap().len(), 1, "one dialog, however often one asks");
}

#[test]
fn a_bus_without_a_portal_says_so() {
    let Some(bus) = Bus::start() else { return };
    match Portal::open(Some(&bus.address)) {
        Err(CaptureError::NoPortal { why }) => {
            assert!(why.contains("org.freedesktop.portal.Desktop"), "{why}");
        }
        Err(other) => panic!("{other}"),
        // This machine's own portal, started by the bus.
        Ok(_) => println!("skipped: a portal is installed here"),
    }
}
