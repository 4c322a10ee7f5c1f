//! What the window remembers between frames, and what its parts may ask for.

use std::sync::Arc;

use crate::capture::Target;
use crate::chart::{Chart, Theme};
use crate::engine::{Command, Snapshot};
use crate::store::{Paths, Settings};
use crate::training::studio::{Board, Order};
use crate::workbench::{Compared, Findings, Lane, Part, Task};

use super::coach::Coach;
use super::commands::UiCommand;
use super::folders::{Folders, Wish};
use super::frames::Frames;
use super::panels::compare::Compare;
use super::panels::train::Train;
use super::textures::Textures;
use super::theme::Colours;
use super::widgets::palette::Palette;
use super::widgets::region::Choosing;
use super::widgets::tour::Tour;

/// A panel that the rail leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Panel {
    /// One picture now.
    #[default]
    Assist,
    /// Models side by side.
    Compare,
    /// Making models.
    Train,
    /// The settings.
    Settings,
}

/// A list that drops down from the capture controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Windows.
    Windows,
    /// Monitors.
    Monitors,
}

/// What is written into a file.
#[derive(Debug, Clone)]
pub enum Saved {
    /// A text that is there.
    Text(String),
    /// A part of a comparison, made when it is written.
    Part(Arc<Compared>, Part),
    /// A chart, drawn when it is written.
    Chart(Arc<Chart>, Format),
}

/// What a chart is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Its values.
    Csv,
    /// A drawing.
    Svg,
    /// A picture.
    Png,
}

/// Size of a chart in a file, in pixels.
const SAVED: (u32, u32) = (1200, 750);

impl Saved {
    /// The bytes; may take its time, so never on the window's thread.
    ///
    /// # Errors
    /// A sentence on what could not be made.
    pub fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Part(compared, part) => compared.bytes(part),
            Self::Chart(chart, Format::Csv) => chart.csv().map_err(|error| error.to_string()),
            Self::Chart(chart, Format::Svg) => {
                let svg = chart.svg(SAVED, Theme::Light);
                svg.map(String::into_bytes).map_err(|error| error.to_string())
            }
            Self::Chart(chart, Format::Png) => {
                chart.png(SAVED, Theme::Light).map_err(|error| error.to_string())
            }
        }
    }
}

/// What is chosen by dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// An ONNX Runtime library.
    Library,
    /// A folder of labelled pictures.
    DataFolder,
    /// The index of labelled pictures.
    DataIndex,
    /// Pretrained weights.
    Weights,
    /// The folder of labelled pictures that models are compared on.
    CompareFolder,
    /// The folder of the app's own data.
    AppData,
    /// The folder of the training cache.
    AppCache,
}

/// What a part of the window asks for; done after the frame is drawn.
#[derive(Debug, Clone)]
pub enum Action {
    /// A command with words and perhaps a key.
    Ui(UiCommand),
    /// Something for the worker.
    Engine(Command),
    /// Capture this, or watch it when watching is on.
    Capture(Target),
    /// The model was chosen in the picker.
    UseModel(String),
    /// The user's own guess, ISO alpha-2.
    Guess(String),
    /// Choose a region on this monitor, by its place in the list.
    RegionOn(usize),
    /// The settings were changed in place.
    Changed,
    /// Choose something by dialog.
    Choose(Choice),
    /// Something for the studio.
    Train(Order),
    /// Something for the workbench.
    Work(Task),
    /// Stop what a lane of the workbench does.
    StopWork(Lane),
    /// Something about the app's folders.
    Folders(Wish),
    /// Look at a picture file.
    Open(std::path::PathBuf),
    /// Put a text into the clipboard.
    Copy(String),
    /// Write a file that the user chooses; the name is proposed.
    Save {
        /// Name that is proposed.
        name: String,
        /// What is written.
        what: Saved,
    },
}

/// The field for the user's own guess.
#[derive(Debug, Default)]
pub struct Typing {
    /// What was typed.
    pub text: String,
    /// The line that Enter takes.
    pub marked: usize,
    /// Whether the field should take the focus.
    pub wants_focus: bool,
}

/// Everything that the panels read and change.
pub struct State {
    /// The worker's state in this frame.
    pub snapshot: Arc<Snapshot>,
    /// The settings as they are now.
    pub settings: Settings,
    /// The settings that the engine was started with.
    pub started: Settings,
    /// Where the settings are kept, for showing it.
    pub settings_path: Option<std::path::PathBuf>,
    /// The panel that is shown.
    pub panel: Panel,
    /// Covered and uncovered pictures.
    pub coach: Coach,
    /// The field of the coach.
    pub typing: Typing,
    /// All countries instead of five.
    pub all_rows: bool,
    /// The inset of what the model saw.
    pub show_seen: bool,
    /// The model's card.
    pub show_card: bool,
    /// A list to open, asked for by key.
    pub open_list: Option<List>,
    /// A list whose first entry takes the focus, since it was opened by key.
    pub focus_list: Option<List>,
    /// A region is wanted as soon as the monitors are known.
    pub region_wanted: bool,
    /// The region that is being chosen.
    pub region: Option<Choosing>,
    /// What was captured last.
    pub last_target: Option<Target>,
    /// Textures.
    pub textures: Textures,
    /// Training in this frame.
    pub board: Arc<Board>,
    /// What the training panel remembers.
    pub train: Train,
    /// The workbench in this frame.
    pub findings: Arc<Findings>,
    /// What the comparison panel remembers.
    pub compare: Compare,
    /// Whether a heatmap lies over its picture.
    pub show_map: bool,
    /// How opaque it is, 0 to 1.
    pub map_opacity: f32,
    /// The list of commands, while it is open.
    pub palette: Option<Palette>,
    /// The tour of a first start, while it is shown.
    pub tour: Option<Tour>,
    /// The colour of each run and model in plots.
    pub colours: Colours,
    /// Times of frames.
    pub frames: Frames,
    /// Whether they are shown in the status bar.
    pub show_frames: bool,
    /// The app's folders, and what is in them.
    pub folders: Folders,
}

impl State {
    /// The begin of the window.
    #[must_use]
    pub fn new(
        settings: Settings,
        settings_path: Option<std::path::PathBuf>,
        paths: Paths,
        textures: Textures,
    ) -> Self {
        Self {
            snapshot: Arc::default(),
            started: settings.clone(),
            tour: (!settings.tour_done).then(|| Tour::new(None)),
            settings,
            settings_path,
            panel: Panel::default(),
            coach: Coach::default(),
            typing: Typing::default(),
            all_rows: false,
            show_seen: true,
            show_card: false,
            open_list: None,
            focus_list: None,
            region_wanted: false,
            region: None,
            last_target: None,
            textures,
            board: Arc::default(),
            train: Train::default(),
            findings: Arc::default(),
            compare: Compare::default(),
            show_map: true,
            map_opacity: 0.8,
            palette: None,
            colours: Colours::default(),
            frames: Frames::default(),
            show_frames: false,
            folders: Folders::new(paths),
        }
    }

    /// The number of the picture that is shown.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.snapshot.current.as_ref().map(|look| look.id)
    }

    /// Whether the ranking of the picture shown is covered. While watching nothing is: every frame is a new
    /// picture, and nobody could guess as fast.
    #[must_use]
    pub fn covered(&self) -> bool {
        let look = self.snapshot.current.as_ref();
        self.settings.coach
            && self.snapshot.watching.is_none()
            && look.is_some_and(|look| look.outcome.is_ok() && self.coach.covers(look.id))
    }

    /// Takes the worker's newest state in.
    pub fn refresh(&mut self, snapshot: Arc<Snapshot>) {
        let before = self.current();
        if snapshot.watching.is_some()
            && let Some(look) = &snapshot.current
        {
            // What was seen while watching is not covered afterwards.
            self.coach.reveal(look.id);
        }
        self.snapshot = snapshot;
        let shown = self.current();
        if let Some(tour) = &mut self.tour {
            tour.watch(shown);
        }
        if self.current() != before {
            self.typing = Typing::default();
            let recent = Arc::clone(&self.snapshot);
            let current = self.current();
            self.coach.keep(|id| current == Some(id) || recent.recent.iter().any(|look| look.id == id));
        }
    }
}
