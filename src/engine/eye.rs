//! The capture thread: lists what can be captured, takes single shots, or watches a target.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use image::RgbImage;

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
    Watch(Target, u64),
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
    Failed(CaptureError),
    /// Seeing works again after it failed.
    Recovered,
}

/// Runs until the asking side is gone. A failed source is made anew at the next wish, so a display that comes
/// back is found again; while watching, a failure is said once and tried again.
pub(super) fn run(factory: &EyeFactory, asks: &Receiver<Ask>, report: &dyn Fn(Seen)) {
    let mut source: Option<Box<dyn FrameSource>> = None;
    let mut watched: Option<(Target, u64)> = None;
    let mut failed_before = false;
    loop {
        let ask = match (&watched, asks.try_recv()) {
            (_, Ok(ask)) => Some(ask),
            (_, Err(TryRecvError::Disconnected)) => return,
            (None, Err(TryRecvError::Empty)) => match asks.recv() {
                Ok(ask) => Some(ask),
                Err(_) => return,
            },
            (Some(_), Err(TryRecvError::Empty)) => match asks.recv_timeout(WATCH_EVERY) {
                Ok(ask) => Some(ask),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            },
        };
        let result = match (ask, &watched) {
            (Some(Ask::Stop), _) => {
                watched = None;
                failed_before = false;
                continue;
            }
            (Some(Ask::List), _) => with(&mut source, factory, list).map(Seen::Targets),
            (Some(Ask::Shot(target)), _) => {
                with(&mut source, factory, |eye| eye.shot(&target)).map(Seen::Shot)
            }
            (Some(Ask::Preview(target)), _) => with(&mut source, factory, |eye| eye.shot(&target))
                .map(|frame| Seen::Preview(target, thumbnail(&frame, PREVIEW_SIDE))),
            (Some(Ask::Watch(target, count)), _) => {
                failed_before = false;
                watched = Some((target.clone(), count));
                with(&mut source, factory, |eye| eye.shot(&target)).map(|frame| Seen::Watched(frame, count))
            }
            (None, Some((target, count))) => {
                with(&mut source, factory, |eye| eye.shot(target)).map(|frame| Seen::Watched(frame, *count))
            }
            (None, None) => continue,
        };
        match result {
            Ok(seen) => {
                if failed_before {
                    report(Seen::Recovered);
                }
                failed_before = false;
                report(seen);
            }
            Err(error) => {
                source = None;
                if !(failed_before && watched.is_some()) {
                    report(Seen::Failed(error));
                }
                failed_before = true;
            }
        }
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
