//! Every token of the look: spacing, radius, type, colours of the light and the dark theme.

use egui::epaint::Shadow;
use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Vec2, Visuals};

use crate::store;

/// Spacing steps, in points.
pub const SPACE: [f32; 5] = [4.0, 8.0, 12.0, 16.0, 24.0];
/// Between things that belong together.
pub const GAP_SMALL: f32 = SPACE[0];
/// Between neighbours.
pub const GAP: f32 = SPACE[1];
/// Inside a frame.
pub const PAD: f32 = SPACE[2];
/// Between groups.
pub const GAP_LARGE: f32 = SPACE[3];
/// Between sections.
pub const SECTION: f32 = SPACE[4];
/// Corner radius, in points.
pub const RADIUS: u8 = 6;
/// Type sizes, in points at text scale 1: small, body, heading, answer.
pub const TYPE: [f32; 4] = [12.0, 14.0, 18.0, 28.0];
/// Range of the text scale that the settings offer.
pub const TEXT_SCALE: std::ops::RangeInclusive<f32> = 0.8..=2.0;

/// The colours of one theme. Text colours keep a contrast of 4.5:1 or more on every surface
/// (WCAG 2.2, criterion 1.4.3), which a test computes.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Behind everything.
    pub canvas: Color32,
    /// Panels.
    pub panel: Color32,
    /// Controls and raised frames.
    pub raised: Color32,
    /// Controls under the pointer.
    pub hovered: Color32,
    /// Lines between areas; also the empty part of a bar.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// The one accent: focus, selection, the main button.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Things went well.
    pub success: Color32,
    /// Something to know.
    pub warning: Color32,
    /// Something failed.
    pub error: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    let [_, r, g, b] = hex.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

/// The dark theme.
pub const DARK: Palette = Palette {
    canvas: rgb(0x121518),
    panel: rgb(0x1A1E22),
    raised: rgb(0x262C32),
    hovered: rgb(0x30373F),
    line: rgb(0x2C3238),
    text: rgb(0xE8EBED),
    weak: rgb(0xAAB3BB),
    accent: rgb(0x74B9F2),
    on_accent: rgb(0x0C1A26),
    success: rgb(0x83CC95),
    warning: rgb(0xE8B95C),
    error: rgb(0xF5958C),
};

/// The light theme.
pub const LIGHT: Palette = Palette {
    canvas: rgb(0xEEF0F2),
    panel: rgb(0xFBFCFC),
    raised: rgb(0xEAEDF0),
    hovered: rgb(0xDFE4E8),
    line: rgb(0xD8DDE2),
    text: rgb(0x191F24),
    weak: rgb(0x4C5660),
    accent: rgb(0x095AA3),
    on_accent: rgb(0xFFFFFF),
    success: rgb(0x156236),
    warning: rgb(0x7A4900),
    error: rgb(0xA8221B),
};

/// The palette that `visuals` was made from.
#[must_use]
pub fn palette(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// The largest text: the top guess.
#[must_use]
pub fn answer() -> TextStyle {
    TextStyle::Name("answer".into())
}

/// Ten even steps of cividis, a scale that reads the same with and without colour vision deficiency:
/// Nuñez, Anderton and Renslow 2018, "Optimizing colormaps with consideration for color vision deficiency
/// to enable accurate interpretation of scientific data", PLOS ONE 13(7), as sampled by Plotly.
const CIVIDIS: [Color32; 10] = [
    rgb(0x00224E),
    rgb(0x123570),
    rgb(0x3B496C),
    rgb(0x575D6D),
    rgb(0x707173),
    rgb(0x8A8678),
    rgb(0xA59C74),
    rgb(0xC3B369),
    rgb(0xE1CC55),
    rgb(0xFEE838),
];

/// The colour of a probability (0 to 1): the half of cividis that stands out from the theme's surfaces,
/// brighter for more in the dark theme, darker for more in the light one.
#[must_use]
pub fn probability(p: f32, dark: bool) -> Color32 {
    let half = 0.5 * p.clamp(0.0, 1.0);
    let at = if dark { 0.5 + half } else { 0.5 - half } * 9.0;
    let below = at.floor().clamp(0.0, 8.0);
    // `below` is a whole number from 0 to 8.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = below as usize;
    CIVIDIS[index].lerp_to_gamma(CIVIDIS[index + 1], at - below)
}

/// Colours of series in plots: Okabe and Ito 2008, "Color Universal Design", told apart with every colour vision; the
/// light theme has them darker, so that lines stand out from white.
const SERIES: [[Color32; 8]; 2] = [
    [
        rgb(0x56B4E9),
        rgb(0xE69F00),
        rgb(0x2BB58C),
        rgb(0xF0E442),
        rgb(0xE07B39),
        rgb(0xCC79A7),
        rgb(0x8FA8FF),
        rgb(0xC8CDD2),
    ],
    [
        rgb(0x0072B2),
        rgb(0xA66F00),
        rgb(0x00785A),
        rgb(0x857A00),
        rgb(0xB34700),
        rgb(0x9B4477),
        rgb(0x4453B5),
        rgb(0x555C63),
    ],
];

/// The colour of each thing that is shown in plots, the same everywhere; the first ones seen get the first colours.
#[derive(Debug, Default)]
pub struct Colours {
    known: std::collections::HashMap<String, usize>,
}

impl Colours {
    /// The colour of a run or model.
    pub fn of(&mut self, name: &str, visuals: &Visuals) -> Color32 {
        let next = self.known.len();
        let index = *self.known.entry(name.to_owned()).or_insert(next);
        SERIES[usize::from(!visuals.dark_mode)][index % SERIES[0].len()]
    }
}

/// Black or white, whichever is read better on `fill`.
#[must_use]
pub fn ink_on(fill: Color32) -> Color32 {
    if fill.intensity() > 0.5 { Color32::BLACK } else { Color32::WHITE }
}

/// Sets up fonts, both themes and the text scale; cheap enough to call whenever one of them changes.
pub fn apply(ctx: &Context, theme: store::Theme, text_scale: f32) {
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    for (which, palette) in [(egui::Theme::Dark, &DARK), (egui::Theme::Light, &LIGHT)] {
        ctx.style_mut_of(which, |style| {
            style.visuals = visuals(palette, which == egui::Theme::Dark, &style.visuals);
            sizes(style, text_scale.clamp(*TEXT_SCALE.start(), *TEXT_SCALE.end()));
        });
    }
    ctx.set_theme(match theme {
        store::Theme::System => egui::ThemePreference::System,
        store::Theme::Light => egui::ThemePreference::Light,
        store::Theme::Dark => egui::ThemePreference::Dark,
    });
}

/// Adds the icon font behind the text font.
pub fn fonts(ctx: &Context) {
    let mut fonts = egui::FontDefinitions::default();
    let icons = egui::FontData::from_static(egui_phosphor::Variant::Regular.font_bytes());
    fonts.font_data.insert("phosphor".to_owned(), icons.into());
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        let list = fonts.families.entry(family).or_default();
        list.insert(list.len().min(1), "phosphor".to_owned());
    }
    ctx.set_fonts(fonts);
}

fn sizes(style: &mut egui::Style, scale: f32) {
    let [small, body, heading, large] = TYPE.map(|size| size * scale);
    let proportional = |size| FontId::new(size, FontFamily::Proportional);
    style.text_styles = [
        (TextStyle::Small, proportional(small)),
        (TextStyle::Body, proportional(body)),
        (TextStyle::Button, proportional(body)),
        (TextStyle::Heading, proportional(heading)),
        (answer(), proportional(large)),
        (TextStyle::Monospace, FontId::new(small, FontFamily::Monospace)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::splat(GAP);
    spacing.button_padding = Vec2::new(PAD, GAP_SMALL);
    spacing.interact_size = Vec2::new(32.0, 32.0 * scale.max(1.0));
    spacing.icon_width = 18.0 * scale;
    spacing.icon_width_inner = 10.0 * scale;
    spacing.menu_margin = Margin::same(8);
    spacing.window_margin = Margin::same(16);
    spacing.tooltip_width = 320.0 * scale;
    spacing.combo_height = 320.0;
    spacing.slider_width = 200.0;
    // Scroll bars float and widen under the pointer; without room of their own they cover what ends at the right.
    spacing.scroll.floating_allocated_width = spacing.scroll.bar_width;
    style.interaction.selectable_labels = true;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.1;
}

fn visuals(p: &Palette, dark: bool, kept: &Visuals) -> Visuals {
    let mut v = if dark { Visuals::dark() } else { Visuals::light() };
    // The window's own settings (a test switches the blinking off) outlive a change of theme.
    v.text_cursor.blink = kept.text_cursor.blink;
    let radius = CornerRadius::same(RADIUS);
    let shadow = Shadow {
        offset: [0, 4],
        blur: 16,
        spread: 0,
        color: Color32::from_black_alpha(if dark { 110 } else { 40 }),
    };
    v.panel_fill = p.panel;
    v.window_fill = p.panel;
    v.window_stroke = Stroke::new(1.0, p.line);
    v.window_corner_radius = radius;
    v.menu_corner_radius = radius;
    v.window_shadow = shadow;
    v.popup_shadow = shadow;
    v.extreme_bg_color = p.canvas;
    v.faint_bg_color = p.raised;
    v.code_bg_color = p.raised;
    v.weak_text_color = Some(p.weak);
    v.hyperlink_color = p.accent;
    v.warn_fg_color = p.warning;
    v.error_fg_color = p.error;
    v.selection.bg_fill = p.accent;
    v.selection.stroke = Stroke::new(1.0, p.on_accent);
    v.text_cursor.stroke = Stroke::new(2.0, p.accent);
    v.disabled_alpha = 0.45;
    v.slider_trailing_fill = true;
    states(&mut v.widgets, p);
    v
}

/// The looks of a control: at rest, under the pointer, with the focus, open.
fn states(widgets: &mut egui::style::Widgets, p: &Palette) {
    let radius = CornerRadius::same(RADIUS);
    let states = [
        (&mut widgets.noninteractive, p.panel, Stroke::new(1.0, p.line)),
        (&mut widgets.inactive, p.raised, Stroke::new(1.0, p.line)),
        (&mut widgets.hovered, p.hovered, Stroke::new(1.0, p.weak)),
        // egui draws what has the keyboard focus as active: the ring must be seen.
        (&mut widgets.active, p.hovered, Stroke::new(2.0, p.accent)),
        (&mut widgets.open, p.hovered, Stroke::new(1.0, p.weak)),
    ];
    for (state, fill, stroke) in states {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = stroke;
        state.fg_stroke = Stroke::new(1.0, p.text);
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, WCAG 2.2.
    fn luminance(color: Color32) -> f64 {
        let channel = |value: u8| {
            let c = f64::from(value) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_the_one_of_wcag() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 1e-9);
        assert!((contrast(rgb(0x767676), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_text_can_be_read_on_every_surface() {
        for (name, p) in [("dark", &DARK), ("light", &LIGHT)] {
            let texts = [p.text, p.weak, p.accent, p.success, p.warning, p.error];
            for surface in [p.canvas, p.panel, p.raised, p.hovered] {
                for text in texts {
                    let found = contrast(text, surface);
                    assert!(found >= 4.5, "{name}: {text:?} on {surface:?} is only {found:.2}:1");
                }
            }
            assert!(contrast(p.on_accent, p.accent) >= 4.5, "{name}: text on the accent");
        }
    }

    #[test]
    fn every_bar_stands_out_from_its_track() {
        for (dark, p) in [(true, &DARK), (false, &LIGHT)] {
            for step in 0..=20_u8 {
                let bar = probability(f32::from(step) / 20.0, dark);
                let found = contrast(bar, p.line);
                assert!(found >= 3.0, "dark {dark}, p {step}/20: only {found:.2}:1");
            }
        }
    }

    #[test]
    fn more_probable_is_further_from_the_surface() {
        for (dark, p) in [(true, &DARK), (false, &LIGHT)] {
            let apart = |step: u8| contrast(probability(f32::from(step) / 20.0, dark), p.panel);
            assert!((0..20).all(|step| apart(step) < apart(step + 1)), "dark {dark}");
        }
    }

    #[test]
    fn figures_are_tabular() {
        let ctx = Context::default();
        fonts(&ctx);
        apply(&ctx, store::Theme::Dark, 1.0);
        ctx.run_ui(egui::RawInput::default(), |ui| {
            let font = TextStyle::Body.resolve(ui.style());
            let widths: Vec<f32> =
                ui.fonts_mut(|fonts| ('0'..='9').map(|figure| fonts.glyph_width(&font, figure)).collect());
            assert!(widths.iter().all(|width| (width - widths[0]).abs() < 0.01), "{widths:?}");
        })
        .drop_without_applying_deltas();
    }
}
