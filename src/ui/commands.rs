//! Everything the user can ask for by button, menu or key: one enum carries text, tooltip, icon and shortcut.

use egui::{Key, KeyboardShortcut, Modifiers};
use egui_phosphor::regular as icon;

/// A command of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UiCommand {
    /// Choose picture files.
    Open,
    /// Take the picture in the clipboard.
    Paste,
    /// Show the list of windows.
    PickWindow,
    /// Show the list of monitors.
    PickMonitor,
    /// Drag a rectangle over the screen.
    PickRegion,
    /// Capture the last target again.
    Retake,
    /// Capture the last target again and again, or stop.
    Watch,
    /// End the reading of many pictures.
    Stop,
    /// Go to the field for the own guess.
    Guess,
    /// Uncover the ranking.
    Reveal,
    /// Show all countries, or five.
    More,
    /// Show what the model saw, or not.
    Seen,
    /// Show the model's card, or not.
    Card,
    /// Look at the sample picture.
    Sample,
    /// The next newer picture of the strip.
    Newer,
    /// The next older picture of the strip.
    Older,
    /// The panel for one picture.
    Assist,
    /// The panel for models side by side.
    Compare,
    /// The panel for training models.
    Train,
    /// The panel of the settings.
    Settings,
    /// Find any command by its name.
    Palette,
    /// Copy what a bug report needs.
    Diagnostics,
    /// Show how long frames take, and count anew.
    Frames,
    /// The tour of a first start.
    Tour,
    /// The note on fair play was read.
    Understood,
    /// Larger text.
    TextLarger,
    /// Smaller text.
    TextSmaller,
    /// Text of the system's size.
    TextReset,
    /// Close what lies on top: the card, the region selector, messages.
    Close,
    /// End the program.
    Quit,
}

/// What the user reads of a command.
struct Words {
    text: &'static str,
    tooltip: &'static str,
    icon: &'static str,
}

const fn words(text: &'static str, tooltip: &'static str, icon: &'static str) -> Words {
    Words { text, tooltip, icon }
}

impl UiCommand {
    /// All of them; keys are looked for in this order.
    pub const ALL: [Self; 30] = [
        Self::Open,
        Self::Paste,
        Self::PickWindow,
        Self::PickMonitor,
        Self::PickRegion,
        Self::Retake,
        Self::Watch,
        Self::Stop,
        Self::Guess,
        Self::Reveal,
        Self::More,
        Self::Seen,
        Self::Card,
        Self::Sample,
        Self::Newer,
        Self::Older,
        Self::Assist,
        Self::Compare,
        Self::Train,
        Self::Settings,
        Self::Palette,
        Self::Diagnostics,
        Self::Frames,
        Self::Tour,
        Self::Understood,
        Self::TextLarger,
        Self::TextSmaller,
        Self::TextReset,
        Self::Close,
        Self::Quit,
    ];

    fn words(self) -> Words {
        match self {
            Self::Open => words("Open", "Open one or several pictures", icon::FOLDER_OPEN),
            Self::Paste => words("Paste", "Look at the picture in the clipboard", icon::CLIPBOARD),
            Self::PickWindow => words("Window", "Capture a window from a list", icon::APP_WINDOW),
            Self::PickMonitor => words("Monitor", "Capture a whole monitor", icon::MONITOR),
            Self::PickRegion => {
                words("Region", "Drag a rectangle over a monitor and capture it", icon::SELECTION)
            }
            Self::Retake => words("Retake", "Capture the last window, monitor or region again", icon::CAMERA),
            Self::Watch => words(
                "Watch",
                "Keep capturing the last target; the ranking is not covered meanwhile",
                icon::EYE,
            ),
            Self::Stop => words("Stop", "Read no more of these pictures", icon::STOP),
            Self::Guess => {
                words("Guess", "Say your own guess before the model's is shown", icon::PENCIL_SIMPLE)
            }
            Self::Reveal => words("Reveal", "Show the ranking without a guess of your own", icon::EYE),
            Self::More => words("More", "Show every country the model knows, or only five", icon::CARET_DOWN),
            Self::Seen => words("What the model saw", "Show exactly what the model saw", icon::FRAME_CORNERS),
            Self::Card => {
                words("Card", "Read the model's card: data, figures, limits", icon::IDENTIFICATION_CARD)
            }
            Self::Sample => {
                words("Try the sample picture", "Look at a street drawn by the project", icon::IMAGE)
            }
            Self::Newer => words("Newer", "Go to the newer picture of the strip", icon::CARET_LEFT),
            Self::Older => words("Older", "Go to the older picture of the strip", icon::CARET_RIGHT),
            Self::Assist => words("Assist", "One picture now", icon::BINOCULARS),
            Self::Compare => words("Compare", "Models side by side, on pictures and in speed", icon::SCALES),
            Self::Palette => words("Commands", "Find any command by its name", icon::COMMAND),
            Self::Frames => words(
                "Frame times",
                "Show in the status bar how long frames take, counted from now; again to hide it",
                icon::GAUGE,
            ),
            Self::Diagnostics => words(
                "Copy diagnostics",
                "Copy version, engine, device, models and messages, for a bug report",
                icon::STETHOSCOPE,
            ),
            Self::Train => words("Train", "Make a model of your own and watch it being made", icon::BARBELL),
            Self::Settings => words("Settings", "Theme, text, coach, engine", icon::GEAR),
            Self::Tour => words(
                "Show the tour",
                "Three steps: a picture, a guess, the rest of the window",
                icon::SIGNPOST,
            ),
            Self::Understood => words("Understood", "Do not show this note again", icon::CHECK),
            Self::TextLarger => words("Larger text", "Make all text larger", icon::MAGNIFYING_GLASS_PLUS),
            Self::TextSmaller => words("Smaller text", "Make all text smaller", icon::MAGNIFYING_GLASS_MINUS),
            Self::TextReset => words("Normal text", "Text of the system's size", icon::MAGNIFYING_GLASS),
            Self::Close => words("Close", "Close what lies on top", icon::X),
            Self::Quit => words("Quit", "End Streetwise", icon::SIGN_OUT),
        }
    }

    /// The words on a button or in a menu.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.words().text
    }

    /// What it does, for the tooltip.
    #[must_use]
    pub fn tooltip(self) -> &'static str {
        self.words().tooltip
    }

    /// Its glyph in the icon font.
    #[must_use]
    pub fn icon(self) -> &'static str {
        self.words().icon
    }

    /// Its key, where it has one.
    #[must_use]
    pub fn shortcut(self) -> Option<KeyboardShortcut> {
        let plain = |key| Some(KeyboardShortcut::new(Modifiers::NONE, key));
        let command = |key| Some(KeyboardShortcut::new(Modifiers::COMMAND, key));
        match self {
            Self::Open => command(Key::O),
            Self::Paste => command(Key::V),
            Self::PickWindow => plain(Key::F2),
            Self::PickMonitor => plain(Key::F3),
            Self::PickRegion => plain(Key::F4),
            Self::Retake => plain(Key::F5),
            Self::Watch => plain(Key::F6),
            Self::Stop => command(Key::Period),
            Self::Guess => plain(Key::G),
            Self::Reveal => plain(Key::R),
            Self::More => plain(Key::M),
            Self::Seen => plain(Key::I),
            Self::Card => plain(Key::C),
            Self::Sample | Self::Understood | Self::Diagnostics | Self::Frames => None,
            Self::Tour => plain(Key::F1),
            Self::Compare => command(Key::Num3),
            Self::Palette => command(Key::K),
            Self::Newer => Some(KeyboardShortcut::new(Modifiers::ALT, Key::ArrowLeft)),
            Self::Older => Some(KeyboardShortcut::new(Modifiers::ALT, Key::ArrowRight)),
            Self::Assist => command(Key::Num1),
            Self::Train => command(Key::Num5),
            Self::Settings => command(Key::Comma),
            Self::TextLarger => command(Key::Plus),
            Self::TextSmaller => command(Key::Minus),
            Self::TextReset => command(Key::Num0),
            Self::Close => plain(Key::Escape),
            Self::Quit => command(Key::Q),
        }
    }

    /// A second key that means the same.
    fn second_shortcut(self) -> Option<KeyboardShortcut> {
        match self {
            Self::TextLarger => Some(KeyboardShortcut::new(Modifiers::COMMAND, Key::Equals)),
            _ => None,
        }
    }

    /// The shortcut in words: `Ctrl+O`.
    #[must_use]
    pub fn shortcut_text(self) -> Option<String> {
        let names =
            if cfg!(target_os = "macos") { egui::ModifierNames::SYMBOLS } else { egui::ModifierNames::NAMES };
        let text = self.shortcut().map(|shortcut| shortcut.format(&names, cfg!(target_os = "macos")))?;
        // egui spells these keys out.
        Some(text.replace("Period", ".").replace("Comma", ","))
    }

    /// The tooltip with the shortcut behind it.
    #[must_use]
    pub fn hint(self) -> String {
        match self.shortcut_text() {
            Some(keys) => format!("{} ({keys})", self.tooltip()),
            None => self.tooltip().to_owned(),
        }
    }

    /// The commands whose keys were pressed, taken out of the input. While a text field has the focus,
    /// keys that type something, and the clipboard's, are left to it.
    #[must_use]
    pub fn pressed(ctx: &egui::Context) -> Vec<Self> {
        let typing = ctx.text_edit_focused();
        // An open list closes itself on Escape.
        let list = egui::Popup::is_any_open(ctx);
        let focused = ctx.memory(|memory| memory.focused().is_some());
        ctx.input_mut(|input| {
            let mut found: Vec<Self> = Vec::new();
            for command in Self::ALL {
                for keys in [command.shortcut(), command.second_shortcut()].into_iter().flatten() {
                    let types = keys.modifiers.is_none() && !is_function_key(keys.logical_key);
                    let theirs =
                        typing && (types || command == Self::Paste) || list && command == Self::Close;
                    if !theirs && input.consume_shortcut(&keys) {
                        found.push(command);
                    }
                }
            }
            // Space presses the button that has the focus, so it reveals only where none has.
            if !focused && input.consume_key(Modifiers::NONE, Key::Space) {
                found.push(Self::Reveal);
            }
            found
        })
    }
}

fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F2 | Key::F3 | Key::F4 | Key::F5 | Key::F6 | Key::F7 | Key::F8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_key() {
        let mut keys: Vec<KeyboardShortcut> = UiCommand::ALL
            .iter()
            .flat_map(|command| [command.shortcut(), command.second_shortcut()])
            .flatten()
            .collect();
        let count = keys.len();
        keys.sort_by_key(|keys| format!("{keys:?}"));
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in UiCommand::ALL {
            assert!(!command.text().is_empty() && !command.icon().is_empty(), "{command:?}");
            assert!(command.hint().len() > 8, "{command:?}");
            assert!(command.text().chars().any(char::is_alphabetic), "{command:?}");
            assert_eq!(command.icon().chars().count(), 1, "{command:?}");
        }
        #[cfg(not(target_os = "macos"))]
        assert_eq!(UiCommand::Open.hint(), "Open one or several pictures (Ctrl+O)");
    }
}
