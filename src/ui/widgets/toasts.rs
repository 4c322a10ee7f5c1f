//! Short messages for what has no place of its own.

use std::time::{Duration, Instant};

use egui::{Align2, Area, Id, Order, Ui};

use super::message::{self, Kind};
use crate::ui::theme;

/// How long a message stays.
const SHOWN: Duration = Duration::from_secs(8);
/// As many are kept; older ones give way.
const MOST: usize = 4;
/// Width, in points at text scale 1.
const WIDTH: f32 = 380.0;

/// The messages that are shown now.
#[derive(Debug, Default)]
pub struct Toasts {
    shown: Vec<(u64, String, Instant)>,
    next: u64,
}

impl Toasts {
    /// Says something; the same sentence is not said twice at once.
    pub fn say(&mut self, text: String) {
        self.shown.retain(|(_, known, _)| *known != text);
        self.shown.push((self.next, text, Instant::now()));
        self.next += 1;
        let over = self.shown.len().saturating_sub(MOST);
        self.shown.drain(..over);
    }

    /// Whether anything was there to take away.
    pub fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.shown).is_empty()
    }

    /// Draws them above the bottom right corner. They stay as long as the pointer is on them.
    pub fn show(&mut self, ui: &Ui, above: f32) {
        if self.shown.is_empty() {
            return;
        }
        let scale = egui::TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
        let mut gone: Vec<u64> = Vec::new();
        let area = Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, [-theme::GAP_LARGE, -above - theme::GAP_LARGE])
            .show(ui.ctx(), |ui| {
                ui.set_width(WIDTH * scale);
                for (id, text, _) in &self.shown {
                    if message::framed(ui, Kind::Info, text) {
                        gone.push(*id);
                    }
                }
            });
        let held = area.response.contains_pointer();
        for (_, _, since) in &mut self.shown {
            if held {
                *since = Instant::now();
            }
        }
        self.shown.retain(|(id, _, since)| !gone.contains(id) && since.elapsed() < SHOWN);
        if let Some(next) = self.shown.iter().map(|(_, _, since)| SHOWN.saturating_sub(since.elapsed())).min()
        {
            ui.ctx().request_repaint_after(next);
        }
    }
}
