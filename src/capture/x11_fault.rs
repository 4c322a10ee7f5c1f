//! What can go wrong while talking to an X server, and the error that the user gets of it.

use x11rb::errors::{ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::protocol::ErrorKind;

use super::CaptureError;

/// What can go wrong while talking to an X server.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is lost, or the server speaks something else.
    Lost(String),
    /// The server refused a request.
    Refused(ErrorKind, String),
    /// Already explained.
    Typed(CaptureError),
}

impl Fault {
    /// Whether the window or picture that was asked about does not exist.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Fault::Refused(ErrorKind::Window | ErrorKind::Drawable | ErrorKind::Pixmap, _))
    }

    /// The error for the user; `what` is the target and `doing` what was done with it.
    pub(super) fn explain(self, doing: &str, what: &str) -> CaptureError {
        if self.is_gone() {
            return CaptureError::Gone { what: what.to_owned() };
        }
        match self {
            Fault::Lost(why) | Fault::Refused(_, why) => {
                CaptureError::System { what: format!("{doing} ({what})"), why }
            }
            Fault::Typed(error) => error,
        }
    }
}

impl From<CaptureError> for Fault {
    fn from(error: CaptureError) -> Self {
        Fault::Typed(error)
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        Fault::Lost(error.to_string())
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        Fault::Lost(error.to_string())
    }
}

impl From<ReplyError> for Fault {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(lost) => lost.into(),
            ReplyError::X11Error(refused) => {
                Fault::Refused(refused.error_kind, format!("{:?} error", refused.error_kind))
            }
        }
    }
}

impl From<ReplyOrIdError> for Fault {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::IdsExhausted => Fault::Lost("no numbers are left on this connection".into()),
            ReplyOrIdError::ConnectionError(lost) => lost.into(),
            ReplyOrIdError::X11Error(refused) => ReplyError::X11Error(refused).into(),
        }
    }
}
