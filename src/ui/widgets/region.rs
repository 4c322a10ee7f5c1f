//! Choosing a part of a monitor on a shot of it: by dragging, or by the arrow keys and Enter.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, CursorIcon, Key, Modifiers, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};
use image::RgbImage;

use super::picture;
use crate::capture::{Area, Monitor};
use crate::ui::textures::{Size, Textures};

/// A dragged rectangle smaller than this, in points, was a slip.
const SLIP: f32 = 12.0;
/// One press of an arrow key, as a share of the monitor.
const STEP: f32 = 0.02;

/// A region that is being chosen.
#[derive(Debug, Clone)]
pub struct Choosing {
    /// The monitor.
    pub monitor: Monitor,
    /// The chosen part, as shares of the monitor.
    part: Rect,
    /// Where the drag began, as shares.
    from: Option<Pos2>,
}

impl Choosing {
    /// Begins with the middle of a monitor.
    #[must_use]
    pub fn of(monitor: Monitor) -> Self {
        Self { monitor, part: Rect::from_min_max(pos2(0.2, 0.2), pos2(0.8, 0.8)), from: None }
    }

    /// The chosen part in pixels of the virtual desktop.
    #[must_use]
    pub fn area(&self) -> Area {
        to_area(self.part, &self.monitor.area)
    }

    /// Draws the shot and the rectangle; true when the part was chosen.
    pub fn show(&mut self, ui: &mut Ui, textures: &mut Textures, shot: &Arc<RgbImage>) -> bool {
        let room = ui.available_rect_before_wrap();
        picture::ground(ui, room);
        let shown = picture::fit(picture::size_of(shot), room);
        picture::paint(ui, textures, shot, Size::Full, shown);
        let response =
            ui.allocate_rect(shown, Sense::click_and_drag()).on_hover_cursor(CursorIcon::Crosshair);
        let name = format!("Region of {}: drag, or arrow keys and Enter", self.monitor.name);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        let share = |at: Pos2| ((at - shown.min) / shown.size()).to_pos2().clamp(Pos2::ZERO, pos2(1.0, 1.0));
        if response.drag_started() {
            self.from = ui.input(|input| input.pointer.press_origin()).map(share);
        }
        if let (Some(from), Some(at)) = (self.from, response.interact_pointer_pos()) {
            self.part = Rect::from_two_pos(from, share(at));
        }
        let mut done = false;
        if response.drag_stopped() && self.from.take().is_some() {
            let size = self.part.size() * shown.size();
            done = size.x >= SLIP && size.y >= SLIP;
        }
        if response.has_focus() || self.from.is_none() && ui.memory(|memory| memory.focused().is_none()) {
            done |= self.keys(ui);
        }
        self.paint(ui, shown);
        done
    }

    /// Arrow keys move, with Shift they change the size; Enter chooses.
    fn keys(&mut self, ui: &Ui) -> bool {
        let arrows = [
            (Key::ArrowLeft, vec2(-STEP, 0.0)),
            (Key::ArrowRight, vec2(STEP, 0.0)),
            (Key::ArrowUp, vec2(0.0, -STEP)),
            (Key::ArrowDown, vec2(0.0, STEP)),
        ];
        ui.input_mut(|input| {
            for (key, step) in arrows {
                if input.consume_key(Modifiers::SHIFT, key) {
                    self.part.max =
                        (self.part.max + step).clamp(self.part.min + vec2(STEP, STEP), pos2(1.0, 1.0));
                }
                if input.consume_key(Modifiers::NONE, key) {
                    let room = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0) - self.part.size());
                    let min = (self.part.min + step).clamp(Pos2::ZERO, room.max.max(Pos2::ZERO));
                    self.part = Rect::from_min_size(min, self.part.size());
                }
            }
            input.consume_key(Modifiers::NONE, Key::Enter)
        })
    }

    fn paint(&self, ui: &Ui, shown: Rect) {
        let at = |share: Pos2| shown.min + share.to_vec2() * shown.size();
        let part = Rect::from_min_max(at(self.part.min), at(self.part.max));
        let shade = Color32::from_black_alpha(140);
        for rest in [
            Rect::from_min_max(shown.min, pos2(shown.right(), part.top())),
            Rect::from_min_max(pos2(shown.left(), part.bottom()), shown.max),
            Rect::from_min_max(pos2(shown.left(), part.top()), pos2(part.left(), part.bottom())),
            Rect::from_min_max(pos2(part.right(), part.top()), pos2(shown.right(), part.bottom())),
        ] {
            ui.painter().rect_filled(rest, CornerRadius::ZERO, shade);
        }
        // Two lines, one of which is seen on any picture.
        ui.painter().rect_stroke(part, 0, Stroke::new(3.0, Color32::BLACK), StrokeKind::Outside);
        ui.painter().rect_stroke(part, 0, Stroke::new(1.5, Color32::WHITE), StrokeKind::Outside);
    }
}

/// A part given as shares of a monitor, in pixels of the virtual desktop; at least one pixel.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn to_area(part: Rect, monitor: &Area) -> Area {
    let (width, height) = (monitor.width as f32, monitor.height as f32);
    let (left, top) = ((part.left() * width).round(), (part.top() * height).round());
    let size = |from: f32, to: f32| (to.round() - from).max(1.0) as u32;
    Area::new(
        monitor.x + left as i32,
        monitor.y + top as i32,
        size(left, part.right() * width),
        size(top, part.bottom() * height),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_pixels_of_the_desktop() {
        let part = Rect::from_min_max(pos2(0.25, 0.5), pos2(0.75, 1.0));
        for (monitor, expected) in [
            (Area::new(0, 0, 1920, 1080), Area::new(480, 540, 960, 540)),
            (Area::new(-2560, -200, 2560, 1440), Area::new(-1920, 520, 1280, 720)),
            (Area::new(0, 0, 1, 1), Area::new(0, 1, 1, 1)),
        ] {
            assert_eq!(to_area(part, &monitor), expected);
        }
    }
}
