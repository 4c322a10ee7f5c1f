//! A program that owns the clipboard and offers one thing, in pieces where it is large (ICCCM, section 2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::*;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Larger things go in pieces of this many bytes.
const PIECE: usize = 65_536;

/// Owns the clipboard until it is dropped.
pub struct Owner {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Takes the clipboard of a server and offers `bytes` as `form`.
    pub fn start(display: &str, form: &str, bytes: &[u8]) -> Self {
        let (connection, screen) = RustConnection::connect(Some(display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let window = connection.generate_id().unwrap();
        let aux = CreateWindowAux::new();
        connection.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &aux).unwrap();
        let clipboard = atom(&connection, "CLIPBOARD");
        connection.set_selection_owner(window, clipboard, x11rb::CURRENT_TIME).unwrap();
        assert_eq!(connection.get_selection_owner(clipboard).unwrap().reply().unwrap().owner, window);
        let end = Arc::new(AtomicBool::new(false));
        let (ends, form, bytes) = (Arc::clone(&end), atom(&connection, form), bytes.to_vec());
        let thread = std::thread::spawn(move || {
            let mut left: Option<(Window, Atom, usize)> = None;
            while !ends.load(Ordering::SeqCst) {
                match connection.poll_for_event().unwrap() {
                    Some(Event::SelectionRequest(request)) => {
                        left = answer(&connection, &request, form, &bytes);
                    }
                    Some(Event::PropertyNotify(taken)) if taken.state == Property::DELETE => {
                        left = left.and_then(|left| piece(&connection, left, form, &bytes));
                    }
                    Some(_) => {}
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Self { end, thread: Some(thread) }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn atom(connection: &RustConnection, name: &str) -> Atom {
    connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
}

/// Answers a wish, and returns what is to be sent in pieces.
fn answer(
    connection: &RustConnection,
    request: &SelectionRequestEvent,
    form: Atom,
    bytes: &[u8],
) -> Option<(Window, Atom, usize)> {
    let (to, property) = (request.requestor, request.property);
    let (mut put, mut left) = (property, None);
    if request.target == atom(connection, "TARGETS") {
        connection.change_property32(PropMode::REPLACE, to, property, AtomEnum::ATOM, &[form]).unwrap();
    } else if request.target != form {
        put = x11rb::NONE;
    } else if bytes.len() > PIECE {
        let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        connection.change_window_attributes(to, &watch).unwrap();
        let length = [u32::try_from(bytes.len()).unwrap()];
        let incr = atom(connection, "INCR");
        connection.change_property32(PropMode::REPLACE, to, property, incr, &length).unwrap();
        left = Some((to, property, 0));
    } else {
        connection.change_property8(PropMode::REPLACE, to, property, form, bytes).unwrap();
    }
    let notify = SelectionNotifyEvent {
        response_type: SELECTION_NOTIFY_EVENT,
        sequence: 0,
        time: request.time,
        requestor: to,
        selection: request.selection,
        target: request.target,
        property: put,
    };
    connection.send_event(false, to, EventMask::NO_EVENT, notify).unwrap();
    connection.flush().unwrap();
    left
}

/// Sends the next piece; an empty one is the last.
fn piece(
    connection: &RustConnection,
    (to, property, sent): (Window, Atom, usize),
    form: Atom,
    bytes: &[u8],
) -> Option<(Window, Atom, usize)> {
    let next = (sent + PIECE).min(bytes.len());
    connection.change_property8(PropMode::REPLACE, to, property, form, &bytes[sent..next]).unwrap();
    connection.flush().unwrap();
    (sent < next).then_some((to, property, next))
}
