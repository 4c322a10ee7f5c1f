//! The ranking: flag, name, per cent and a bar; then regions in one line.

use egui::text::LayoutJob;
use egui::{Align2, Color32, Rect, Response, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::ranking::{Guess, RegionShare};
use crate::ui::textures::{FLAG_ASPECT, Textures};
use crate::ui::{theme, words};

/// Height of the flag of the first row and of the others, in points at text scale 1.
const FLAGS: [f32; 2] = [32.0, 20.0];
/// Height of the bar of the first row and of the others, in points.
const BARS: [f32; 2] = [8.0, 4.0];
/// Regions that are named; the rest add little.
const REGIONS: usize = 3;

/// One country. The first place is large.
pub fn row(ui: &mut Ui, textures: &mut Textures, place: usize, guess: &Guess) -> Response {
    let first = place == 1;
    let style = if first { theme::answer() } else { TextStyle::Body };
    let font = style.resolve(ui.style());
    let scale = TextStyle::Body.resolve(ui.style()).size / theme::TYPE[1];
    let palette = theme::palette(ui.visuals());
    let of = |pair: [f32; 2]| pair[usize::from(!first)];
    let flag = vec2(of(FLAGS) * FLAG_ASPECT, of(FLAGS)) * scale;
    let indent = FLAGS[0] * FLAG_ASPECT * scale + theme::PAD;

    let share = words::percent(guess.p);
    let figure = ui.painter().layout_no_wrap(share.clone(), font.clone(), palette.text);
    let width = ui.available_width();
    let mut job = LayoutJob::simple(
        guess.name.clone(),
        font,
        palette.text,
        (width - indent - figure.size().x - theme::PAD).max(40.0),
    );
    job.wrap.max_rows = if first { 3 } else { 1 };
    let name = ui.painter().layout_job(job);
    let text_height = name.size().y.max(flag.y);
    let height = text_height + theme::GAP_SMALL + of(BARS);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());

    let line = Rect::from_min_size(rect.min, vec2(width, text_height));
    let flag_left = line.left() + (indent - theme::PAD - flag.x) / 2.0;
    let flag_rect = Rect::from_min_size(pos2(flag_left, line.center().y - flag.y / 2.0), flag);
    paint_flag(ui, textures, flag_rect, &guess.country);
    let middle = line.center().y;
    ui.painter().galley(pos2(line.left() + indent, middle - name.size().y / 2.0), name, palette.text);
    let figure_at = Align2::RIGHT_CENTER.anchor_size(pos2(line.right(), middle), figure.size());
    ui.painter().galley(figure_at.min, figure, palette.text);
    let track = Rect::from_min_max(pos2(line.left() + indent, line.bottom() + theme::GAP_SMALL), rect.max);
    paint_bar(ui, track, guess.p);

    let label = format!("{}: {}, {share}", words::ordinal(place), guess.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    response.on_hover_text(format!("{} ({}), {:.2}\u{a0}%", guess.name, guess.country, guess.p * 100.0))
}

/// A flag with a thin edge, so that white parts are seen on white.
pub fn paint_flag(ui: &Ui, textures: &mut Textures, rect: Rect, country: &str) {
    let palette = theme::palette(ui.visuals());
    if let Some(texture) = textures.flag(country) {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), rect, whole, Color32::WHITE);
    } else {
        ui.painter().rect_filled(rect, 2.0, palette.raised);
    }
}

fn paint_bar(ui: &Ui, track: Rect, p: f32) {
    let palette = theme::palette(ui.visuals());
    let radius = track.height() / 2.0;
    ui.painter().rect_filled(track, radius, palette.line);
    // A sliver stays to be seen for what is not zero.
    let filled = (track.width() * p.clamp(0.0, 1.0)).max(track.height());
    let bar = Rect::from_min_size(track.min, Vec2::new(filled, track.height()));
    ui.painter().rect_filled(bar, radius, theme::probability(p, ui.visuals().dark_mode));
}

/// "Oceania 66 % · Africa 14 %".
#[must_use]
pub fn regions_line(regions: &[RegionShare]) -> String {
    let named: Vec<String> = regions
        .iter()
        .take(REGIONS)
        .filter(|share| share.p >= 0.005)
        .map(|share| format!("{}\u{a0}{}", share.region, words::percent(share.p)))
        .collect();
    named.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_few_and_not_empty() {
        let share = |region: &str, p| RegionShare { region: region.to_owned(), p };
        let regions = [share("A", 0.7), share("B", 0.2), share("C", 0.002), share("D", 0.0)];
        assert_eq!(regions_line(&regions).replace('\u{a0}', " "), "A 70 % · B 20 %");
    }
}
