//! The windows and monitors of an X server, and what they are called.

use std::collections::HashSet;

use x11rb::connection::RequestConnection as _;
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    self, AtomEnum, ConnectionExt as _, GetWindowAttributesReply, MapState, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::x11_fault::Fault;
use super::{Area, Monitor, Window};

x11rb::atom_manager! {
    /// The names that are looked up by number.
    pub(super) Atoms:
    /// The numbers on their way.
    AtomsCookie {
        _NET_CLIENT_LIST,
        _NET_SUPPORTING_WM_CHECK,
        _NET_WM_CM_S0,
        _NET_WM_NAME,
        _NET_WM_PID,
        UTF8_STRING,
        WM_STATE,
    }
}

/// `IconicState` of `WM_STATE` (ICCCM 4.1.3.1): the window is minimised.
const ICONIC: u32 = 3;
/// Longest property read, in units of four bytes: 65536 windows, or a title of 256 kB.
const LONGEST: u32 = 65_536;

/// A view of one screen of an X server.
pub(super) struct Desk<'a> {
    pub connection: &'a RustConnection,
    pub root: xproto::Window,
    pub atoms: &'a Atoms,
}

impl Desk<'_> {
    /// The windows other than those of this process. One that closes meanwhile is left out.
    pub fn windows(&self) -> Result<Vec<Window>, Fault> {
        let mut windows = Vec::new();
        let mut seen = HashSet::new();
        for id in self.clients()? {
            if seen.insert(id)
                && let Some(window) = self.unless_gone(self.describe(id))?.flatten()
            {
                windows.push(window);
            }
        }
        Ok(windows)
    }

    /// `None` for a window that closed while it was looked at.
    fn unless_gone<T>(&self, looked_at: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match looked_at {
            Err(fault) if fault.is_gone() => Ok(None),
            other => other.map(Some),
        }
    }

    /// What the window manager lists, else the windows directly on the root.
    fn clients(&self) -> Result<Vec<xproto::Window>, Fault> {
        let listed = self.numbers(self.root, self.atoms._NET_CLIENT_LIST, AtomEnum::WINDOW.into())?;
        if !listed.is_empty() && self.is_managed()? { Ok(listed) } else { self.top_level() }
    }

    /// Whether the window manager that wrote the list still runs: the list of one that was killed
    /// stays, and is wrong.
    fn is_managed(&self) -> Result<bool, Fault> {
        let check = self.atoms._NET_SUPPORTING_WM_CHECK;
        let Some(&proxy) = self.numbers(self.root, check, AtomEnum::WINDOW.into())?.first() else {
            return Ok(false);
        };
        let itself = self.unless_gone(self.numbers(proxy, check, AtomEnum::WINDOW.into()))?;
        Ok(itself.is_some_and(|numbers| numbers.first() == Some(&proxy)))
    }

    /// Mapped windows on the root that are no menus, tooltips or helpers of one pixel; for the
    /// frame of a window manager without a list, the window inside.
    fn top_level(&self) -> Result<Vec<xproto::Window>, Fault> {
        let mut clients = Vec::new();
        for top in self.connection.query_tree(self.root)?.reply()?.children {
            let Some(attributes) = self.unless_gone(self.attributes(top))? else { continue };
            if attributes.map_state == MapState::VIEWABLE
                && !attributes.override_redirect
                && let Some(client) = self.unless_gone(self.client_in(top))?
            {
                clients.push(client);
            }
        }
        Ok(clients)
    }

    /// The window inside a frame, told by `WM_STATE` (ICCCM 4.1.3.1), else the window itself.
    fn client_in(&self, top: xproto::Window) -> Result<xproto::Window, Fault> {
        if self.state(top)?.is_none() {
            for child in self.connection.query_tree(top)?.reply()?.children {
                if self.unless_gone(self.state(child))?.flatten().is_some() {
                    return Ok(child);
                }
            }
        }
        Ok(top)
    }

    /// The window as it is shown in lists; `None` for this program's own, and for one that is not
    /// to be seen.
    fn describe(&self, id: xproto::Window) -> Result<Option<Window>, Fault> {
        let attributes = self.attributes(id)?;
        let size = self.connection.get_geometry(id)?.reply()?;
        if attributes.class == WindowClass::INPUT_ONLY
            || size.width <= 1
            || size.height <= 1
            || self.is_own(id)?
        {
            return Ok(None);
        }
        let corner = self.connection.translate_coordinates(id, self.root, 0, 0)?.reply()?;
        Ok(Some(Window {
            id,
            title: self.title(id)?,
            app: self.app(id)?,
            area: area(corner.dst_x, corner.dst_y, size.width, size.height),
            minimised: self.state(id)? == Some(ICONIC) || attributes.map_state != MapState::VIEWABLE,
        }))
    }

    pub fn attributes(&self, id: xproto::Window) -> Result<GetWindowAttributesReply, Fault> {
        Ok(self.connection.get_window_attributes(id)?.reply()?)
    }

    fn is_own(&self, id: xproto::Window) -> Result<bool, Fault> {
        let pid = self.numbers(id, self.atoms._NET_WM_PID, AtomEnum::CARDINAL.into())?;
        Ok(pid.first() == Some(&std::process::id()))
    }

    fn state(&self, id: xproto::Window) -> Result<Option<u32>, Fault> {
        Ok(self.numbers(id, self.atoms.WM_STATE, self.atoms.WM_STATE)?.first().copied())
    }

    /// `_NET_WM_NAME`, else `WM_NAME`; empty when there is neither.
    pub fn title(&self, id: xproto::Window) -> Result<String, Fault> {
        let (kind, bytes) = self.text(id, self.atoms._NET_WM_NAME)?;
        let name = self.decode(kind, &bytes);
        if !name.is_empty() {
            return Ok(name);
        }
        let (kind, bytes) = self.text(id, AtomEnum::WM_NAME.into())?;
        Ok(self.decode(kind, &bytes))
    }

    /// The class of `WM_CLASS`, else its instance.
    fn app(&self, id: xproto::Window) -> Result<String, Fault> {
        let (kind, bytes) = self.text(id, AtomEnum::WM_CLASS.into())?;
        let mut names = bytes.split(|&byte| byte == 0).map(|name| self.decode(kind, name));
        let instance = names.next().unwrap_or_default();
        Ok(names.next().filter(|class| !class.is_empty()).unwrap_or(instance))
    }

    /// `STRING` is Latin-1 (ICCCM 2.7.1); everything else in use is UTF-8.
    fn decode(&self, kind: xproto::Atom, bytes: &[u8]) -> String {
        if kind == u32::from(AtomEnum::STRING) {
            bytes.iter().copied().map(char::from).collect()
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }

    fn text(&self, id: xproto::Window, property: xproto::Atom) -> Result<(xproto::Atom, Vec<u8>), Fault> {
        let reply = self.connection.get_property(false, id, property, AtomEnum::ANY, 0, LONGEST)?.reply()?;
        Ok((reply.type_, reply.value8().map(Iterator::collect).unwrap_or_default()))
    }

    fn numbers(
        &self,
        id: xproto::Window,
        property: xproto::Atom,
        kind: xproto::Atom,
    ) -> Result<Vec<u32>, Fault> {
        let reply = self.connection.get_property(false, id, property, kind, 0, LONGEST)?.reply()?;
        Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
    }

    /// The monitors of RandR 1.5, else the whole screen as one.
    pub fn monitors(&self) -> Result<Vec<Monitor>, Fault> {
        let listed = self.randr_monitors()?;
        if !listed.is_empty() {
            return Ok(listed);
        }
        Ok(vec![Monitor { id: 0, name: "screen".into(), area: self.screen()?, primary: true }])
    }

    fn randr_monitors(&self) -> Result<Vec<Monitor>, Fault> {
        if self.connection.extension_information(randr::X11_EXTENSION_NAME)?.is_none() {
            return Ok(Vec::new());
        }
        let version = self.connection.randr_query_version(1, 5)?.reply()?;
        if (version.major_version, version.minor_version) < (1, 5) {
            return Ok(Vec::new());
        }
        let active = self.connection.randr_get_monitors(self.root, true)?.reply()?.monitors;
        let no_primary = !active.iter().any(|monitor| monitor.primary);
        let mut monitors = Vec::new();
        for (id, monitor) in (0..).zip(active) {
            let name = self.connection.get_atom_name(monitor.name)?.reply()?.name;
            monitors.push(Monitor {
                id,
                name: String::from_utf8_lossy(&name).into_owned(),
                area: area(monitor.x, monitor.y, monitor.width, monitor.height),
                // Without a primary output (as in virtual machines) the first one has that role.
                primary: monitor.primary || (no_primary && id == 0),
            });
        }
        Ok(monitors)
    }

    /// The whole screen, as large as it is now.
    pub fn screen(&self) -> Result<Area, Fault> {
        let root = self.connection.get_geometry(self.root)?.reply()?;
        Ok(area(0, 0, root.width, root.height))
    }
}

fn area(x: i16, y: i16, width: u16, height: u16) -> Area {
    Area::new(x.into(), y.into(), width.into(), height.into())
}
