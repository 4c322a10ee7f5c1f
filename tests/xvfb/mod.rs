//! An X server for one test, and a program on it that paints its windows as a real one does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use image::{Rgb, RgbImage};
use streetwise::capture::Area;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::*;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// A colour that is nothing like its own bytes reversed.
pub const WINE: [u8; 3] = [120, 10, 50];

/// Four quadrants: the colour, then red, green and blue.
pub fn pattern(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb(colour),
        (false, true) => Rgb([255, 0, 0]),
        (true, false) => Rgb([0, 255, 0]),
        (false, false) => Rgb([0, 0, 255]),
    })
}

/// A running Xvfb; ended when dropped.
pub struct Xvfb {
    child: Mutex<Child>,
    display: String,
}

impl Xvfb {
    /// Starts a server on a free display. `None`, with a line, where Xvfb is not installed.
    pub fn start(screen: &str) -> Option<Self> {
        Self::run(None, screen)
    }

    /// Starts a server on this display.
    pub fn start_on(display: &str, screen: &str) -> Option<Self> {
        Self::run(Some(display), screen)
    }

    fn run(display: Option<&str>, screen: &str) -> Option<Self> {
        let mut command = Command::new("Xvfb");
        // `-noreset`: a server resets when its last client leaves, and tests come and go.
        command.args(display).args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            screen,
            "-nolisten",
            "tcp",
            "-noreset",
        ]);
        let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let required = std::env::var_os("STREETWISE_REQUIRE_XVFB").is_some_and(|value| value == "1");
                assert!(!required, "Xvfb is required and cannot be started: {error}");
                println!("skipped: Xvfb cannot be started ({error})");
                return None;
            }
        };
        let mut number = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb ended without a display");
        Some(Self { child: Mutex::new(child), display: format!(":{}", number.trim()) })
    }

    /// The server's name, ":99" for instance.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Ends the server, which then removes its socket and its lock by itself; doing that for it
    /// could hit a server that another test has started under the same number since.
    pub fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        if let Ok(None) = child.try_wait() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }

    /// Starts openbox on this server. `None`, with a line, where it is not installed.
    pub fn window_manager(&self) -> Option<Ended> {
        let mut command = Command::new("openbox");
        let quiet = command.env("DISPLAY", &self.display).stdout(Stdio::null()).stderr(Stdio::null());
        match quiet.spawn() {
            Ok(child) => {
                let ended = Ended(child);
                self.wait_until_managed();
                Some(ended)
            }
            Err(error) => {
                println!("skipped: openbox cannot be started ({error})");
                None
            }
        }
    }
}

impl Xvfb {
    /// Waits until a window manager has said that it is there.
    fn wait_until_managed(&self) {
        let (connection, screen) = RustConnection::connect(Some(&self.display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let check = connection.intern_atom(false, b"_NET_SUPPORTING_WM_CHECK").unwrap().reply().unwrap().atom;
        for _ in 0..600 {
            let property = connection.get_property(false, root, check, AtomEnum::WINDOW, 0, 1).unwrap();
            if property.reply().unwrap().value_len == 1 {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("openbox did not start within 30 s");
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process that ends with the test.
pub struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

type Painted = Arc<Mutex<Vec<(Window, Option<[u8; 3]>)>>>;

/// A program with windows: a thread of it paints each one whenever the server asks for it.
pub struct Painter {
    connection: Arc<RustConnection>,
    screen: Screen,
    painted: Painted,
}

impl Painter {
    pub fn start(server: &Xvfb) -> Self {
        let (connection, screen) = RustConnection::connect(Some(server.display())).unwrap();
        let screen = connection.setup().roots[screen].clone();
        let painter = Self { connection: Arc::new(connection), screen, painted: Painted::default() };
        let (connection, painted) = (painter.connection.clone(), painter.painted.clone());
        // Ends with the server, whose end closes the connection.
        thread::spawn(move || {
            while let Ok(event) = connection.wait_for_event() {
                let window = match event {
                    Event::Expose(event) => event.window,
                    Event::ConfigureNotify(event) => event.window,
                    _ => continue,
                };
                let colour = painted
                    .lock()
                    .unwrap()
                    .iter()
                    .find(|(id, _)| *id == window)
                    .and_then(|(_, colour)| *colour);
                if let Some(colour) = colour {
                    let _ = paint(&connection, window, colour);
                }
            }
        });
        painter
    }

    /// A window that shows the [`pattern`]; back when it is painted.
    pub fn window(&self, area: Area, title: &str, colour: [u8; 3]) -> Window {
        let id = self.create(area, title, &CreateWindowAux::new(), Some(colour));
        self.show(id);
        paint(&self.connection, id, colour).unwrap();
        id
    }

    /// A window that stays black.
    pub fn plain(&self, area: Area, title: &str) -> Window {
        let id =
            self.create(area, title, &CreateWindowAux::new().background_pixel(self.screen.black_pixel), None);
        self.show(id);
        id
    }

    /// What a menu or a tooltip is: a window the window manager leaves alone.
    pub fn menu(&self, area: Area) -> Window {
        let id = self.create(area, "menu", &CreateWindowAux::new().override_redirect(1), Some(WINE));
        self.show(id);
        id
    }

    /// A window that says it belongs to this process.
    pub fn own(&self, area: Area) -> Window {
        let id = self.create(area, "Streetwise", &CreateWindowAux::new(), Some(WINE));
        let pid = self.atom("_NET_WM_PID");
        let process = [std::process::id()];
        self.connection.change_property32(PropMode::REPLACE, id, pid, AtomEnum::CARDINAL, &process).unwrap();
        self.show(id);
        id
    }

    /// A window of 32 bits with a border of 7 pixels.
    pub fn translucent(&self, area: Area, colour: [u8; 3]) -> Window {
        let depth = self.screen.allowed_depths.iter().find(|depth| depth.depth == 32).unwrap();
        let visual =
            depth.visuals.iter().find(|visual| visual.class == VisualClass::TRUE_COLOR).unwrap().visual_id;
        let (colormap, id) = (self.connection.generate_id().unwrap(), self.connection.generate_id().unwrap());
        self.connection.create_colormap(ColormapAlloc::NONE, colormap, self.screen.root, visual).unwrap();
        let aux = CreateWindowAux::new().colormap(colormap).border_pixel(0x00ff_ffff).event_mask(events());
        let (x, y, width, height) = numbers(area);
        self.connection
            .create_window(
                32,
                id,
                self.screen.root,
                x,
                y,
                width,
                height,
                7,
                WindowClass::INPUT_OUTPUT,
                visual,
                &aux,
            )
            .unwrap()
            .check()
            .unwrap();
        self.painted.lock().unwrap().push((id, Some(colour)));
        self.show(id);
        paint(&self.connection, id, colour).unwrap();
        id
    }

    fn create(&self, area: Area, title: &str, aux: &CreateWindowAux, colour: Option<[u8; 3]>) -> Window {
        let id = self.connection.generate_id().unwrap();
        let (x, y, width, height) = numbers(area);
        let aux = aux.event_mask(events());
        let class = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(0, id, self.screen.root, x, y, width, height, 0, class, 0, &aux)
            .unwrap();
        let (name, utf8) = (self.atom("_NET_WM_NAME"), self.atom("UTF8_STRING"));
        if !title.is_empty() {
            self.connection.change_property8(PropMode::REPLACE, id, name, utf8, title.as_bytes()).unwrap();
        }
        let class = b"painter\0Painter\0";
        self.connection
            .change_property8(PropMode::REPLACE, id, AtomEnum::WM_CLASS, AtomEnum::STRING, class)
            .unwrap();
        self.painted.lock().unwrap().push((id, colour));
        self.connection.sync().unwrap();
        id
    }

    /// Moves and resizes.
    pub fn place(&self, id: Window, area: Area) {
        let aux = ConfigureWindowAux::new().x(area.x).y(area.y).width(area.width).height(area.height);
        self.connection.configure_window(id, &aux).unwrap().check().unwrap();
    }

    pub fn show(&self, id: Window) {
        self.connection.map_window(id).unwrap().check().unwrap();
    }

    pub fn hide(&self, id: Window) {
        self.connection.unmap_window(id).unwrap().check().unwrap();
    }

    pub fn close(&self, id: Window) {
        self.connection.destroy_window(id).unwrap().check().unwrap();
    }

    /// Asks the window manager to minimise the window (ICCCM 4.1.4).
    pub fn iconify(&self, id: Window) {
        let message = ClientMessageEvent::new(32, id, self.atom("WM_CHANGE_STATE"), [3, 0, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection.send_event(false, self.screen.root, mask, message).unwrap().check().unwrap();
    }

    /// Makes two monitors of the screen, as `xrandr --setmonitor` does: 400 pixels and the rest.
    pub fn split_screen(&self) {
        let root = self.screen.root;
        let resources = self.connection.randr_get_screen_resources(root).unwrap().reply().unwrap();
        let (width, height) = (self.screen.width_in_pixels, self.screen.height_in_pixels);
        let monitor = |name: &str, x: u16, width: u16, outputs: Vec<u32>| MonitorInfo {
            name: self.atom(name),
            primary: x == 0,
            automatic: false,
            x: x.try_into().unwrap(),
            y: 0,
            width,
            height,
            width_in_millimeters: 100,
            height_in_millimeters: 100,
            outputs,
        };
        let left = monitor("LEFT", 0, 400, resources.outputs);
        let right = monitor("RIGHT", 400, width - 400, Vec::new());
        for info in [left, right] {
            self.connection.randr_set_monitor(root, info).unwrap().check().unwrap();
        }
    }

    fn atom(&self, name: &str) -> Atom {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }
}

fn events() -> EventMask {
    EventMask::EXPOSURE | EventMask::STRUCTURE_NOTIFY
}

fn numbers(area: Area) -> (i16, i16, u16, u16) {
    let side = |length: u32| length.try_into().unwrap();
    (area.x.try_into().unwrap(), area.y.try_into().unwrap(), side(area.width), side(area.height))
}

/// Paints the [`pattern`] over the whole window, as large as it is now.
fn paint(connection: &RustConnection, id: Window, colour: [u8; 3]) -> Result<(), Box<dyn std::error::Error>> {
    let size = connection.get_geometry(id)?.reply()?;
    let (right, below) = (size.width / 2, size.height / 2);
    let gc = connection.generate_id()?;
    connection.create_gc(gc, id, &CreateGCAux::new())?;
    let quadrants =
        [(0, 0, colour), (right, 0, [255, 0, 0]), (0, below, [0, 255, 0]), (right, below, [0, 0, 255])];
    for (x, y, [red, green, blue]) in quadrants {
        let pixel = if size.depth == 16 {
            u32::from(red >> 3) << 11 | u32::from(green >> 2) << 5 | u32::from(blue >> 3)
        } else {
            u32::from_be_bytes([0, red, green, blue])
        };
        connection.change_gc(gc, &ChangeGCAux::new().foreground(pixel))?;
        let (width, height) = (size.width - x, size.height - y);
        let area = Rectangle { x: x.try_into()?, y: y.try_into()?, width, height };
        connection.poly_fill_rectangle(id, gc, &[area])?;
    }
    connection.free_gc(gc)?;
    connection.sync()?;
    // A moment between paints keeps a flood of events from starving the server.
    thread::sleep(Duration::from_millis(1));
    Ok(())
}
