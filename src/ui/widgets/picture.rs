//! The picture, as large as fits, and in its corner exactly what the model saw.

use std::sync::Arc;

use egui::{
    Align, Align2, Color32, Layout, Margin, Rect, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, UiBuilder,
    Vec2, WidgetInfo, pos2, vec2,
};
use egui_phosphor::regular as icon;
use image::RgbImage;

use super::{Weight, command_button, icon_button};
use crate::engine::Look;
use crate::ui::commands::UiCommand;
use crate::ui::textures::{Size, Textures};
use crate::ui::theme;

/// Largest side of the inset, in points.
const INSET: f32 = 224.0;
/// The inset takes at most this share of the area.
const INSET_SHARE: f32 = 0.34;

const WHOLE: Rect = Rect { min: pos2(0.0, 0.0), max: pos2(1.0, 1.0) };

/// The largest rectangle of the proportions of `size` in the middle of `area`, at most 2 × its pixels.
#[must_use]
pub fn fit(size: Vec2, area: Rect) -> Rect {
    let scale = (area.width() / size.x).min(area.height() / size.y).clamp(0.0, 2.0);
    Rect::from_center_size(area.center(), size * scale)
}

/// Size of a picture as a vector.
#[must_use]
#[expect(clippy::cast_precision_loss)]
pub fn size_of(picture: &RgbImage) -> Vec2 {
    vec2(picture.width() as f32, picture.height() as f32)
}

/// Paints the ground of the picture area.
pub fn ground(ui: &Ui, area: Rect) {
    ui.painter().rect_filled(area, theme::RADIUS, theme::palette(ui.visuals()).canvas);
}

/// Paints a picture into `rect`, or nothing until its texture is there.
pub fn paint(ui: &Ui, textures: &mut Textures, picture: &Arc<RgbImage>, size: Size, rect: Rect) {
    if let Some(texture) = textures.picture(picture, size) {
        ui.painter().image(texture.id(), rect, WHOLE, Color32::WHITE);
    }
}

/// Shows a look: the picture and, where asked for, the inset. True when the inset's button was pressed.
/// `overlay` is a picture of the same proportions that lies over it, and how opaque it is.
pub fn show(
    ui: &mut Ui,
    textures: &mut Textures,
    look: &Look,
    with_seen: bool,
    overlay: Option<(Arc<RgbImage>, f32)>,
) -> bool {
    let area = ui.available_rect_before_wrap();
    ground(ui, area);
    let rect = fit(size_of(&look.picture), area);
    paint(ui, textures, &look.picture, Size::Full, rect);
    if let Some((map, opacity)) = overlay
        && let Some(texture) = textures.picture(&map, Size::Full)
    {
        ui.painter().image(texture.id(), rect, WHOLE, Color32::WHITE.gamma_multiply(opacity));
    }
    let response = ui.allocate_rect(area, Sense::hover());
    let [width, height] = [look.picture.width(), look.picture.height()];
    let name = format!("Picture {}, {width} by {height} pixels as shown", look.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    if look.outcome.is_err() {
        return false;
    }
    let corner = area.shrink(theme::PAD);
    if with_seen {
        return inset(ui, textures, &look.seen, corner);
    }
    let place =
        Align2::LEFT_BOTTOM.align_size_within_rect(vec2(area.width(), ui.spacing().interact_size.y), corner);
    let mut child =
        ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)));
    command_button(&mut child, UiCommand::Seen, Weight::Plain, true).clicked()
}

/// What the model saw, in the lower left corner of `area`, with a button that takes it away.
fn inset(ui: &mut Ui, textures: &mut Textures, seen: &Arc<RgbImage>, area: Rect) -> bool {
    let palette = theme::palette(ui.visuals());
    let font = TextStyle::Small.resolve(ui.style());
    let [width, height] = [seen.width(), seen.height()];
    let label =
        ui.painter().layout_no_wrap(format!("What the model saw · {width} × {height}"), font, palette.text);
    let room = area.size() * INSET_SHARE;
    let button = ui.spacing().interact_size.y;
    // Not narrower than its words, where there is room for that.
    let words = (label.size().x + theme::GAP + button).min(area.height() * 0.5);
    let side = INSET.min(room.x).min(room.y).max(words);
    let natural = size_of(seen);
    let shown = natural * (side / natural.max_elem());
    let line = label.size().y.max(button);
    let inner = vec2(shown.x.max(label.size().x + theme::GAP + button), shown.y + line);
    let margin = Margin { left: 8, right: 8, top: 8, bottom: 0 };
    let frame = Align2::LEFT_BOTTOM.align_size_within_rect(inner + margin.sum(), area);
    ui.painter().rect(
        frame,
        theme::RADIUS,
        palette.panel,
        Stroke::new(1.0, palette.line),
        StrokeKind::Inside,
    );
    let content = frame - margin;
    let picture = Rect::from_min_size(content.min, shown);
    paint(ui, textures, seen, Size::Full, picture);
    let response = ui.interact(picture, ui.scope_id().with("seen"), Sense::hover());
    let name = format!("What the model saw, {width} by {height} pixels");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    response.on_hover_text("The pixels as they entered the model: cut, scaled, nothing else.");
    let middle = content.bottom() - line / 2.0;
    ui.painter().galley(pos2(content.left(), middle - label.size().y / 2.0), label, palette.text);
    let corner = Rect::from_min_max(content.max - vec2(button, line), content.max);
    let mut child =
        ui.new_child(UiBuilder::new().max_rect(corner).layout(Layout::right_to_left(Align::Center)));
    icon_button(&mut child, UiCommand::Seen, icon::EYE_SLASH, "Hide what the model saw").clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_whole_and_keeps_its_proportions() {
        let area = Rect::from_min_size(pos2(10.0, 20.0), vec2(800.0, 600.0));
        for size in [vec2(1600.0, 900.0), vec2(300.0, 1200.0), vec2(800.0, 600.0), vec2(100.0, 50.0)] {
            let rect = fit(size, area);
            assert!(area.expand(0.01).contains_rect(rect), "{size}");
            assert!((rect.width() / rect.height() - size.x / size.y).abs() < 1e-3, "{size}");
        }
        assert!((fit(vec2(100.0, 50.0), area).width() - 200.0).abs() < 1e-3, "small ones are not blown up");
    }
}
