//! The capture thread: lists what can be captured, takes single shots, or watches a target.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use image::RgbImage;

use crate::base::guard;
use crate::capture::{CaptureError, FrameSource, Monitor, Target, Window, thumbnail};

use super::Targets;

/// Makes the frame source on the capture thread, where it stays.
pub type EyeFactory = Box<dyn Fn() -> Result<Box<dyn FrameSource>, CaptureError> + Send>;

/// Pause between two shots of a watched target.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// Longest side of a window's small picture, in pixels.
const THUMBNAIL_SIDE: u32 = 160;
/// Longest side of a preview, in pixels.
const PREVIEW_SIDE: u32 = 1600;
/// As many windows get a small picture.
const THUMBNAILS: usize = 16;

/// What the eye is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ask {
    List,
    Shot(Target),
    Preview(Target),
    /// Begin to watch, under that count.
    Watch(Target, u64),
    /// The next frame of a watch; the eye asks itself.
    Frame(Target, u64),
    Stop,
}

/// What the eye reports.
pub(super) enum Seen {
    Targets(Targets),
    Shot(RgbImage),
    /// A small copy of a target, to choose a part of it.
    Preview(Target, RgbImage),
    /// A frame of the watch of that count.
    Watched(RgbImage, u64),
    /// Why nothing was seen, as a sentence.
    Failed(String),
    /// Seeing works again after it failed.
    Recovered,
}

/// What goes on at the capture thread.
struct Eye<'a> {
    factory: &'a EyeFactory,
    source: Option<Box<dyn FrameSource>>,
    watched: Option<(Target, u64)>,
    failed_before: bool,
}

/// Runs until the asking side is gone. A failed source is made anew at the next wish, so a display that comes
/// back is found again; while watching, a failure is said once and tried again.
pub(super) fn run(factory: &EyeFactory, asks: &Receiver<Ask>, report: &dyn Fn(Seen)) {
    let mut eye = Eye { factory, source: None, watched: None, failed_before: false };
    while let Some(ask) = eye.next(asks) {
        let seen = guard::attempt(|| eye.obey(ask).map_err(|error| error.to_string()));
        match seen.flatten() {
            Ok(None) => {}
            Ok(Some(seen)) => {
                if std::mem::take(&mut eye.failed_before) {
                    report(Seen::Recovered);
                }
                report(seen);
            }
            Err(why) => {
                eye.source = None;
                if !(eye.failed_before && eye.watched.is_some()) {
                    report(Seen::Failed(why));
                }
                eye.failed_before = true;
            }
        }
    }
}

impl Eye<'_> {
    /// The next thing to do: what is asked for, or while watching the next frame; none when the asking side is gone.
    fn next(&self, asks: &Receiver<Ask>) -> Option<Ask> {
        let Some((target, count)) = &self.watched else { return asks.recv().ok() };
        match asks.recv_timeout(WATCH_EVERY) {
            Ok(ask) => Some(ask),
            Err(RecvTimeoutError::Timeout) => Some(Ask::Frame(target.clone(), *count)),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn obey(&mut self, ask: Ask) -> Result<Option<Seen>, CaptureError> {
        match &ask {
            Ask::Watch(target, count) => self.watched = Some((target.clone(), *count)),
            Ask::Stop => self.watched = None,
            _ => {}
        }
        if matches!(ask, Ask::Watch(..) | Ask::Stop) {
            self.failed_before = false;
        }
        let (source, factory) = (&mut self.source, self.factory);
        let seen = match ask {
            Ask::Stop => return Ok(None),
            Ask::List => with(source, factory, list).map(Seen::Targets),
            Ask::Shot(target) => with(source, factory, |eye| eye.shot(&target)).map(Seen::Shot),
            Ask::Preview(target) => with(source, factory, |eye| eye.shot(&target))
                .map(|frame| Seen::Preview(target, thumbnail(&frame, PREVIEW_SIDE))),
            Ask::Watch(target, count) | Ask::Frame(target, count) => {
                with(source, factory, |eye| eye.shot(&target)).map(|frame| Seen::Watched(frame, count))
            }
        };
        seen.map(Some)
    }
}

fn with<T>(
    source: &mut Option<Box<dyn FrameSource>>,
    factory: &EyeFactory,
    act: impl FnOnce(&mut dyn FrameSource) -> Result<T, CaptureError>,
) -> Result<T, CaptureError> {
    let mut eye = match source.take() {
        Some(eye) => eye,
        None => factory()?,
    };
    let result = act(eye.as_mut());
    *source = Some(eye);
    result
}

fn list(eye: &mut dyn FrameSource) -> Result<Targets, CaptureError> {
    let monitors: Vec<Monitor> = eye.monitors()?;
    let windows: Vec<Window> = match eye.windows() {
        Err(CaptureError::Unsupported { .. }) => Vec::new(),
        other => other?,
    };
    let windows = windows
        .into_iter()
        .enumerate()
        .map(|(index, window)| {
            let wanted = index < THUMBNAILS && !window.minimised;
            let small = wanted.then(|| eye.shot(&Target::Window(window.id)).ok()).flatten();
            (window, small.map(|frame| Arc::new(thumbnail(&frame, THUMBNAIL_SIDE))))
        })
        .collect();
    Ok(Targets { monitors, windows, source: eye.name().to_owned() })
}
