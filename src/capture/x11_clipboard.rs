//! A picture that the clipboard of X11 offers in another form than PNG: a browser may offer `image/jpeg` alone.
//!
//! The selection is asked for as ICCCM (section 2) has it, in pieces where its owner sends it so. Nothing is put into
//! the clipboard.

use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, Property, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::CaptureError;

/// What is asked for, the first that is offered.
const FORMS: [&str; 6] = ["image/png", "image/jpeg", "image/jpg", "image/webp", "image/bmp", "image/gif"];
/// How long the owner of the clipboard may take for each answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes that are taken at most: more is no picture that is read.
const MOST: usize = 200_000_000;
/// Pause between two looks for an answer.
const PAUSE: Duration = Duration::from_millis(2);

/// The bytes of the picture that the clipboard offers as a file of some format; none where it offers no picture, or its
/// owner does not answer. `display` is the server's name, the user's where none is named.
///
/// # Errors
/// [`CaptureError::System`] when the display does not answer.
pub fn x11_clipboard_picture(display: Option<&str>) -> Result<Option<Vec<u8>>, CaptureError> {
    let system = |error: &dyn std::fmt::Display| CaptureError::System {
        what: "asking for the clipboard".to_owned(),
        why: error.to_string(),
    };
    let (connection, screen) = RustConnection::connect(display).map_err(|error| system(&error))?;
    let root = connection.setup().roots[screen].root;
    let asked = Asker::new(&connection, root).and_then(|asker| asker.picture());
    asked.map_err(|error| system(&error))
}

type Found<T> = Result<T, x11rb::errors::ReplyOrIdError>;

/// A window that asks for the selection.
struct Asker<'a> {
    connection: &'a RustConnection,
    window: Window,
    selection: Atom,
    /// The property that answers are put into.
    answer: Atom,
}

impl<'a> Asker<'a> {
    fn new(connection: &'a RustConnection, root: Window) -> Found<Self> {
        let window = connection.generate_id()?;
        let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        connection.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &events)?;
        let selection = atom(connection, "CLIPBOARD")?;
        let answer = atom(connection, "STREETWISE_CLIPBOARD")?;
        Ok(Self { connection, window, selection, answer })
    }

    fn picture(&self) -> Found<Option<Vec<u8>>> {
        let Some(offered) = self.ask(atom(self.connection, "TARGETS")?)? else { return Ok(None) };
        let offered: Vec<Atom> = offered
            .chunks_exact(4)
            .map(|four| Atom::from_ne_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        for form in FORMS {
            let form = atom(self.connection, form)?;
            if offered.contains(&form) {
                return self.ask(form);
            }
        }
        Ok(None)
    }

    /// Asks for the selection in one form, and waits for all of it.
    fn ask(&self, form: Atom) -> Found<Option<Vec<u8>>> {
        self.connection.convert_selection(
            self.window,
            self.selection,
            form,
            self.answer,
            x11rb::CURRENT_TIME,
        )?;
        let answered = |event: &Event| match event {
            Event::SelectionNotify(notify) => Some(notify.property != x11rb::NONE),
            _ => None,
        };
        if self.wait(answered)? != Some(true) {
            return Ok(None);
        }
        let (kind, first) = self.take()?;
        if kind != atom(self.connection, "INCR")? {
            return Ok(Some(first));
        }
        // In pieces: each is there when the property is new, the last one is empty.
        let mut all = Vec::new();
        loop {
            let new = |event: &Event| match event {
                Event::PropertyNotify(notify) => {
                    (notify.atom == self.answer && notify.state == Property::NEW_VALUE).then_some(())
                }
                _ => None,
            };
            if self.wait(new)?.is_none() {
                return Ok(None);
            }
            let (_, piece) = self.take()?;
            if piece.is_empty() {
                return Ok(Some(all));
            }
            all.extend(piece);
            if all.len() > MOST {
                return Ok(None);
            }
        }
    }

    /// Takes the answer out of the property: its type, and its bytes.
    fn take(&self) -> Found<(Atom, Vec<u8>)> {
        let most = u32::try_from(MOST / 4).unwrap_or(u32::MAX);
        let reply =
            self.connection.get_property(true, self.window, self.answer, AtomEnum::ANY, 0, most)?.reply()?;
        Ok((reply.type_, reply.value))
    }

    /// The next event that `wanted` takes; none when it does not come in time.
    fn wait<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> Found<Option<T>> {
        self.connection.flush()?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.connection.poll_for_event()? {
                Some(event) => {
                    if let Some(found) = wanted(&event) {
                        return Ok(Some(found));
                    }
                }
                None => std::thread::sleep(PAUSE),
            }
        }
        Ok(None)
    }
}

fn atom(connection: &RustConnection, name: &str) -> Found<Atom> {
    Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
}
