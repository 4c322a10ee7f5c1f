//! A small picture of a file with lines below it.

use std::path::Path;

use egui::{Align2, Color32, Rect, Role, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

use crate::ui::state::State;
use crate::ui::theme;

/// Side of the picture, in points.
const PICTURE: egui::Vec2 = vec2(168.0, 112.0);

/// A small picture of a file with lines below it; whether it was pressed.
pub fn tile(ui: &mut Ui, state: &mut State, path: &Path, name: &str, lines: &[String]) -> bool {
    let palette = theme::palette(ui.visuals());
    let small = TextStyle::Small.resolve(ui.style());
    #[expect(clippy::cast_precision_loss)]
    let text = lines.len() as f32 * (small.size + 4.0);
    let (rect, response) = ui.allocate_exact_size(PICTURE + vec2(0.0, text + 4.0), Sense::click());
    let frame = Rect::from_min_size(rect.min, PICTURE);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(frame, theme::RADIUS, palette.canvas);
    if ui.is_rect_visible(rect)
        && let Some(texture) = state.textures.file(path)
    {
        let size = texture.size_vec2();
        let scale = (frame.width() / size.x).min(frame.height() / size.y);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let at = Rect::from_center_size(frame.center(), size * scale);
        painter.image(texture.id(), at, whole, Color32::WHITE);
    }
    if response.hovered() || response.has_focus() {
        let stroke = egui::Stroke::new(2.0, palette.accent);
        painter.rect_stroke(frame, theme::RADIUS, stroke, egui::StrokeKind::Inside);
    }
    for (number, line) in lines.iter().enumerate() {
        #[expect(clippy::cast_precision_loss)]
        let y = frame.bottom() + 4.0 + number as f32 * (small.size + 4.0);
        painter.text(pos2(rect.left(), y), Align2::LEFT_TOP, line, small.clone(), palette.text);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    response.on_hover_text(name).clicked()
}
