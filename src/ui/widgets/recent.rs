//! The strip of recent pictures.

use std::sync::Arc;

use egui::{Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::picture;
use crate::engine::Look;
use crate::ui::textures::{Size, Textures};
use crate::ui::theme;

/// Size of a small picture, in points.
const CELL: Vec2 = Vec2 { x: 96.0, y: 60.0 };

/// Shows the strip, newest first; the number of the picture that was chosen.
pub fn show(ui: &mut Ui, textures: &mut Textures, looks: &[Arc<Look>], current: Option<u64>) -> Option<u64> {
    let mut chosen = None;
    ScrollArea::horizontal().id_salt("recent").auto_shrink([false, true]).show(ui, |ui| {
        ui.horizontal(|ui| {
            for look in looks {
                if cell(ui, textures, look, current == Some(look.id)) {
                    chosen = Some(look.id);
                }
            }
        });
    });
    chosen
}

fn cell(ui: &mut Ui, textures: &mut Textures, look: &Look, current: bool) -> bool {
    let palette = theme::palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(CELL, Sense::click());
    ui.painter().rect_filled(rect, theme::RADIUS, palette.canvas);
    let inner = rect.shrink(3.0);
    let size = picture::size_of(&look.picture);
    let shown =
        Rect::from_center_size(inner.center(), size * (inner.width() / size.x).min(inner.height() / size.y));
    picture::paint(ui, textures, &look.picture, Size::Small, shown);
    let focused = response.has_focus();
    let stroke = match (current || focused, response.hovered()) {
        (true, _) => Stroke::new(2.0, palette.accent),
        (false, true) => Stroke::new(1.0, palette.weak),
        (false, false) => Stroke::new(1.0, palette.line),
    };
    ui.painter().rect_stroke(rect, theme::RADIUS, stroke, StrokeKind::Inside);
    if focused {
        response.scroll_to_me(None);
        // Chosen and focused differ in width, not in colour alone.
        ui.painter().rect_stroke(
            rect.expand(2.0),
            theme::RADIUS,
            Stroke::new(1.0, palette.text),
            StrokeKind::Inside,
        );
    }
    let name = format!("Recent picture {}", look.name);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, current, &name));
    response.on_hover_text(&look.name).clicked()
}

/// The neighbour of `current` in the strip: one newer, or one older.
#[must_use]
pub fn neighbour(looks: &[Arc<Look>], current: Option<u64>, older: bool) -> Option<u64> {
    let at = looks.iter().position(|look| Some(look.id) == current)?;
    let next = if older { at.checked_add(1)? } else { at.checked_sub(1)? };
    looks.get(next).map(|look| look.id)
}
