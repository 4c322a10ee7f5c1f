//! A confusion matrix: true countries down, first guesses across, the share of each row as colour.

use egui::{Align2, Rect, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

use crate::ui::{theme, words};

/// Smallest and largest side of a cell, in points.
const CELL: std::ops::RangeInclusive<f32> = 20.0..=44.0;

/// Draws `matrix` (rows and columns in the order of `countries`) under a title that no other on the panel has.
pub fn show(ui: &mut Ui, title: &str, countries: &[String], matrix: &[Vec<usize>]) {
    let small = TextStyle::Small.resolve(ui.style());
    let margin = small.size * 2.4;
    #[expect(clippy::cast_precision_loss)]
    let count = countries.len().max(1) as f32;
    let cell = ((ui.available_width() - margin - theme::GAP) / count).clamp(*CELL.start(), *CELL.end());
    let side = margin + cell * count;
    ScrollArea::horizontal().id_salt(title).show(ui, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        let label = format!("{title}: {}", words::count(countries.len(), "country", "countries"));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
        let origin = rect.min + vec2(margin, margin);
        let hovered = response.hover_pos().and_then(|at| cell_at(at - origin, cell, countries.len()));
        paint(ui, origin, cell, countries, matrix, hovered);
        if let Some((row, column)) = hovered {
            let total: usize = matrix[row].iter().sum();
            let (truth, guess) = (words::country(&countries[row]), words::country(&countries[column]));
            let text = format!("{} of {total} pictures of {truth}: taken for {guess}", matrix[row][column]);
            response.on_hover_text_at_pointer(text);
        }
    });
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn cell_at(at: egui::Vec2, cell: f32, count: usize) -> Option<(usize, usize)> {
    if at.x < 0.0 || at.y < 0.0 {
        return None;
    }
    let (row, column) = ((at.y / cell) as usize, (at.x / cell) as usize);
    (row < count && column < count).then_some((row, column))
}

#[expect(clippy::cast_precision_loss)]
fn paint(
    ui: &Ui,
    origin: egui::Pos2,
    cell: f32,
    countries: &[String],
    matrix: &[Vec<usize>],
    hovered: Option<(usize, usize)>,
) {
    let palette = theme::palette(ui.visuals());
    let small = TextStyle::Small.resolve(ui.style());
    let painter = ui.painter();
    for (row, values) in matrix.iter().enumerate() {
        let total = values.iter().sum::<usize>().max(1) as f32;
        for (column, value) in values.iter().enumerate() {
            let min = origin + vec2(column as f32 * cell, row as f32 * cell);
            let rect = Rect::from_min_size(min, vec2(cell, cell)).shrink(0.5);
            let share = *value as f32 / total;
            let fill =
                if *value == 0 { palette.canvas } else { theme::probability(share, ui.visuals().dark_mode) };
            painter.rect_filled(rect, 2.0, fill);
            if hovered == Some((row, column)) {
                painter.rect_stroke(
                    rect,
                    2.0,
                    egui::Stroke::new(2.0, palette.accent),
                    egui::StrokeKind::Inside,
                );
            }
            if *value > 0 && cell >= small.size * 1.8 {
                let ink = theme::ink_on(fill);
                painter.text(rect.center(), Align2::CENTER_CENTER, value.to_string(), small.clone(), ink);
            }
        }
    }
    for (number, code) in countries.iter().enumerate() {
        let middle = (number as f32 + 0.5) * cell;
        let left = pos2(origin.x - theme::GAP_SMALL, origin.y + middle);
        painter.text(left, Align2::RIGHT_CENTER, code, small.clone(), palette.text);
        let top = pos2(origin.x + middle, origin.y - theme::GAP_SMALL);
        painter.text(top, Align2::CENTER_BOTTOM, code, small.clone(), palette.text);
    }
}
