//! Training as a window sees it: orders in, the latest [`Board`] out; nothing here is waited for.
//!
//! One thread (`desk`) takes the orders and keeps the board; another drives the run whose turn it is; setting up the
//! trainer and looking into a data set have theirs while they last. What is true of a run is still only what is in
//! its folder: the board is read from there, also for runs that another program drives.

mod board;
mod desk;
mod driver;
mod facts;
mod painter;
mod reader;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

pub use board::{
    Active, Board, CountryFacts, DataFacts, DataLook, Notice, Painting, RunDetail, RunLine, TrainerState,
};

use super::ablation::Grid;
use super::environment::{EnvironmentError, Trainer};
use super::job::Job;
use super::recipe::Recipe;
use crate::base::Device;
use crate::runtime::Choice;
use crate::store::Paths;

/// Finds the trainer; another one in tests.
pub type FindTrainer = Box<dyn Fn(&Paths) -> Result<Trainer, EnvironmentError> + Send>;

/// What the studio works with.
pub struct Means {
    /// The user's folders.
    pub paths: Paths,
    /// How the trainer is found.
    pub find: FindTrainer,
    /// Which engine verifies what was trained.
    pub choice: Choice,
    /// On which device.
    pub device: Device,
    /// With how many threads; none for one a core.
    pub threads: Option<usize>,
}

impl Means {
    /// The means of a user.
    #[must_use]
    pub fn of(paths: &Paths, choice: Choice, device: Device, threads: Option<usize>) -> Self {
        Self { paths: paths.clone(), find: Box::new(Trainer::find), choice, device, threads }
    }
}

/// What can be asked for.
#[derive(Debug, Clone)]
pub enum Order {
    /// Whether the window shows training, and the runs whose details it shows. While it does, runs are looked after
    /// once a second; else only while one goes on.
    Watch {
        /// Whether it shows training at all.
        shown: bool,
        /// The runs it shows.
        runs: Vec<String>,
    },
    /// Look into a data set.
    LookAt(PathBuf),
    /// Make a run and start it when it is its turn.
    Start(Box<Recipe>, Box<Job>),
    /// Start or go on with a run that is there.
    Resume(String),
    /// Write a checkpoint and end; a run that only waits leaves the queue.
    Stop(String),
    /// Wait after the batch at hand.
    Pause(String),
    /// Go on after a pause.
    GoOn(String),
    /// Delete a run that does not go on.
    Delete(String),
    /// Make the runs of a grid that are not there yet, and start all that are not done.
    Ablate(Box<Grid>),
    /// Paint what excites each country of a run most.
    Paint(String),
    /// Stop painting.
    StopPainting,
    /// Make the trainer's environment.
    SetUp,
    /// Stop making it.
    StopSetUp,
    /// Delete it.
    RemoveTrainer,
    /// Take a notice away.
    Dismiss(u64),
}

/// What the desk's thread hears.
enum Message {
    Order(Order),
    /// The run that was driven has ended; a sentence where something is to be said, and the model that was added.
    Ended {
        id: String,
        said: Option<String>,
        added: Option<String>,
    },
    /// The run has its turn, or waits for it.
    Turn {
        waiting: bool,
    },
    /// Steps of the painting that are done, of how many.
    PaintStep(usize, usize),
    PaintEnded(Result<(), String>),
    SetUpLine(String),
    SetUpEnded(Result<(), String>),
    Data(PathBuf, Result<DataFacts, String>),
    Close,
}

type Repaint = Arc<dyn Fn() + Send + Sync>;

/// The handle. Dropping it asks the run that goes on to write its checkpoint; it is not waited for, since a trainer
/// whose app is gone does the same by itself.
pub struct Studio {
    messages: Sender<Message>,
    board: Arc<Mutex<Arc<Board>>>,
}

impl Drop for Studio {
    fn drop(&mut self) {
        // The thread may have ended; then there is nothing to close.
        let _ = self.messages.send(Message::Close);
    }
}

impl Studio {
    /// Starts the thread. `repaint` is called after every change of the board, from its side.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(means: Means, repaint: Repaint) -> std::io::Result<Self> {
        let (messages, inbox) = channel();
        let board = Arc::new(Mutex::new(Arc::default()));
        let desk = desk::Desk::new(means, messages.clone(), Arc::clone(&board), repaint);
        std::thread::Builder::new().name("studio".into()).spawn(move || desk.run(&inbox))?;
        Ok(Self { messages, board })
    }

    /// The latest state.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands an order over; never waits.
    pub fn send(&self, order: Order) {
        // The thread ends only with this value.
        let _ = self.messages.send(Message::Order(order));
    }
}
