//! The studio's thread: takes orders, keeps the queue, reads the runs, replaces the board.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::board::{Active, Board, DataLook, Notice, TrainerState, sentence};
use super::driver::{Driver, Wishes};
use super::facts::facts;
use super::reader::Reader;
use super::{Means, Message, Order, Repaint};
use crate::base::guard;
use crate::training::ablation::{self, Grid};
use crate::training::environment::{self, Torch};
use crate::training::runs::{RunError, RunStore, State};

/// How often runs are looked after while one goes on.
const LIVE: Duration = Duration::from_millis(500);
/// How often while none does but the window shows them.
const SHOWN: Duration = Duration::from_secs(2);
/// Lines of the tools that are kept while the trainer is set up.
const LINES: usize = 200;

/// The thread's state.
pub(super) struct Desk {
    pub(super) means: Means,
    pub(super) store: RunStore,
    reader: Reader,
    pub(super) messages: Sender<Message>,
    shared: Arc<Mutex<Arc<Board>>>,
    repaint: Repaint,
    pub(super) board: Board,
    watched: Vec<String>,
    shown: bool,
    /// The finished runs that the tables are made of.
    counted: Vec<String>,
    /// Wishes to the run at work.
    wishes: Option<Arc<Wishes>>,
    set_up: Option<Arc<AtomicBool>>,
    pub(super) painter: Option<Arc<AtomicBool>>,
    notices: u64,
}

impl Desk {
    pub(super) fn new(
        means: Means,
        messages: Sender<Message>,
        shared: Arc<Mutex<Arc<Board>>>,
        repaint: Repaint,
    ) -> Self {
        Self {
            store: RunStore::open(&means.paths),
            means,
            reader: Reader::default(),
            messages,
            shared,
            repaint,
            board: Board::default(),
            watched: Vec::new(),
            shown: false,
            counted: Vec::new(),
            wishes: None,
            set_up: None,
            painter: None,
            notices: 0,
        }
    }

    /// Until the handle is dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let message = match self.pause() {
                Some(limit) => inbox.recv_timeout(limit),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.safely(|desk| desk.take(message)),
                Err(RecvTimeoutError::Timeout) => self.safely(Self::look),
            }
            // What came meanwhile is taken in before the board is shown.
            while let Ok(message) = inbox.try_recv() {
                if matches!(message, Message::Close) {
                    return self.close();
                }
                self.safely(|desk| desk.take(message));
            }
            self.publish();
        }
        self.close();
    }

    /// Does a piece of work; where it panics, that is said. What is true of a run stands in its folder, not here.
    fn safely(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(why) = guard::attempt(|| work(self)) {
            self.notice(why);
        }
    }

    fn close(&self) {
        self.wishes.iter().for_each(|wishes| wishes.stop());
        self.set_up.iter().chain(&self.painter).for_each(|stop| stop.store(true, Ordering::SeqCst));
    }

    /// How long to wait for a message; none for as long as it takes.
    fn pause(&self) -> Option<Duration> {
        match (self.board.is_live(), self.shown) {
            (true, _) => Some(LIVE),
            (false, true) => Some(SHOWN),
            (false, false) => None,
        }
    }

    fn publish(&self) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(self.board.clone());
        (self.repaint)();
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Order(order) => self.obey(order),
            Message::Turn { waiting } => {
                if let Some(active) = &mut self.board.active {
                    active.waiting = waiting;
                }
                self.look();
            }
            Message::Ended { id, said, added } => self.ended(&id, said, added),
            Message::PaintStep(done, total) => self.paint_step(done, total),
            Message::PaintEnded(result) => {
                (self.painter, self.board.painting) = (None, None);
                if let Err(why) = result {
                    self.notice(sentence(&why));
                }
                self.look();
            }
            Message::SetUpLine(line) => {
                if let TrainerState::SettingUp { lines, .. } = &mut self.board.trainer {
                    lines.push_back(line);
                    if lines.len() > LINES {
                        lines.pop_front();
                    }
                }
            }
            Message::SetUpEnded(result) => {
                self.set_up = None;
                if let Err(why) = result {
                    self.notice(format!("The trainer was not set up: {why}."));
                }
                self.find_trainer();
            }
            Message::Data(path, found) => {
                if let Some(look) = self.board.data.as_mut().filter(|look| look.path == path) {
                    look.found = Some(found);
                }
            }
            Message::Close => {}
        }
    }

    fn obey(&mut self, order: Order) {
        let done = match order {
            Order::Watch { shown, runs } => {
                if shown && matches!(self.board.trainer, TrainerState::Unknown) {
                    self.find_trainer();
                }
                (self.shown, self.watched) = (shown, runs);
                Ok(())
            }
            Order::LookAt(path) => self.look_at(path),
            Order::Start(recipe, job) => self.store.create(&recipe, *job).map(|run| {
                self.board.made = Some(run.id.clone());
                self.enqueue(&run.id);
            }),
            Order::Resume(id) => self.resume(&id),
            Order::Stop(id) => self.stop(&id),
            Order::Pause(id) => self.wait(&id, true),
            Order::GoOn(id) => self.wait(&id, false),
            Order::Delete(id) => self.store.delete(&id),
            Order::Ablate(grid) => self.ablate(&grid),
            Order::Paint(id) => self.begin_painting(&id),
            Order::StopPainting => {
                self.stop_painting();
                Ok(())
            }
            Order::SetUp => self.begin_set_up(),
            Order::StopSetUp => {
                self.set_up.iter().for_each(|stop| stop.store(true, Ordering::SeqCst));
                Ok(())
            }
            Order::RemoveTrainer => self.remove_trainer(),
            Order::Dismiss(id) => {
                self.board.notices.retain(|notice| notice.id != id);
                return;
            }
        };
        if let Err(error) = done {
            self.notice(sentence(&error.to_string()));
        }
        self.look();
        self.go_on();
    }

    /// Reads the runs, and makes the tables anew where others are finished than before.
    fn look(&mut self) {
        self.board.runs = self.reader.lines(&self.store);
        let (reader, store) = (&mut self.reader, &self.store);
        let details = self.watched.iter();
        self.board.details =
            details.filter_map(|id| Some((id.clone(), Arc::new(reader.detail(store, id)?)))).collect();
        let done = self.board.runs.iter().filter(|run| run.state == State::Done);
        let done: Vec<String> = done.map(|run| run.id.clone()).collect();
        if self.counted != done {
            self.board.tables = ablation::tables(self.reader.runs(&done)).into_iter().map(Arc::new).collect();
            self.counted = done;
        }
    }

    pub(super) fn notice(&mut self, text: String) {
        self.notices += 1;
        // The same sentence is said once.
        self.board.notices.retain(|notice| notice.text != text);
        self.board.notices.push(Notice { id: self.notices, text });
    }

    fn enqueue(&mut self, id: &str) {
        let at_work = self.board.active.as_ref().is_some_and(|active| active.id == id);
        if !at_work && !self.board.queue.iter().any(|waiting| waiting == id) {
            self.board.queue.push_back(id.to_owned());
        }
    }

    fn resume(&mut self, id: &str) -> Result<(), RunError> {
        let run = self.store.get(id)?;
        run.check_resumable()?;
        run.to_deliver()?;
        self.enqueue(id);
        Ok(())
    }

    fn stop(&mut self, id: &str) -> Result<(), RunError> {
        self.board.queue.retain(|waiting| waiting != id);
        match (&mut self.board.active, &self.wishes) {
            (Some(active), Some(wishes)) if active.id == id => {
                active.stopping = true;
                wishes.stop();
                Ok(())
            }
            // Another program drives it; that one sees the request.
            _ => {
                let run = self.store.get(id)?;
                if run.summary().state == State::Running { run.ask_to_stop() } else { Ok(()) }
            }
        }
    }

    fn wait(&mut self, id: &str, on: bool) -> Result<(), RunError> {
        if let (Some(active), Some(wishes)) = (&mut self.board.active, &self.wishes)
            && active.id == id
        {
            active.paused = on;
            wishes.pause(on);
        }
        Ok(())
    }

    fn ablate(&mut self, grid: &Grid) -> Result<(), RunError> {
        for (recipe, job) in grid.cells() {
            let run = match ablation::find(&self.store, &recipe, &job) {
                Some(run) => run,
                None => self.store.create(&recipe, job)?,
            };
            if !matches!(run.summary().state, State::Done | State::Running) {
                self.enqueue(&run.id);
            }
        }
        Ok(())
    }

    /// Starts the next run of the queue where none is at work.
    fn go_on(&mut self) {
        if self.board.active.is_some() {
            return;
        }
        let Some(id) = self.board.queue.front().cloned() else { return };
        let trainer = match (self.means.find)(&self.means.paths) {
            Ok(trainer) => trainer,
            Err(error) => {
                self.board.queue.clear();
                self.notice(sentence(&format!("{id} was not started: {error}")));
                return;
            }
        };
        self.board.queue.pop_front();
        let run = match self.store.get(&id) {
            Ok(run) => run,
            Err(error) => {
                self.notice(sentence(&error.to_string()));
                return self.go_on();
            }
        };
        let wishes = Arc::new(Wishes::default());
        let driver = Driver {
            id: run.id,
            paths: self.means.paths.clone(),
            trainer,
            choice: self.means.choice.clone(),
            device: self.means.device,
            threads: self.means.threads,
            wishes: Arc::clone(&wishes),
            desk: self.messages.clone(),
        };
        match std::thread::Builder::new().name("driver".into()).spawn(move || driver.run()) {
            Ok(_) => {
                self.wishes = Some(wishes);
                self.board.active = Some(Active { id, paused: false, stopping: false, waiting: false });
            }
            Err(error) => self.notice(format!("{id} was not started: the system gives no thread ({error}).")),
        }
    }

    fn ended(&mut self, id: &str, said: Option<String>, added: Option<String>) {
        if self.board.active.as_ref().is_some_and(|active| active.id == id) {
            self.board.active = None;
            self.wishes = None;
        }
        if let Some(text) = said {
            self.notice(sentence(&text));
        }
        self.board.added.extend(added);
        self.look();
        self.go_on();
    }

    fn find_trainer(&mut self) {
        self.board.trainer = match (self.means.find)(&self.means.paths) {
            Ok(trainer) => TrainerState::Ready {
                made_by: environment::stamp(&self.means.paths.trainer()).map(|stamp| stamp.made_by),
                python: trainer.python,
            },
            Err(error) => TrainerState::Missing { why: error.to_string() },
        };
    }

    fn begin_set_up(&mut self) -> Result<(), RunError> {
        if self.set_up.is_some() {
            return Ok(());
        }
        let stop = Arc::new(AtomicBool::new(false));
        let follow = Follow { stop: Arc::clone(&stop), desk: self.messages.clone() };
        let paths = self.means.paths.clone();
        let spawned = std::thread::Builder::new().name("trainer setup".into()).spawn(move || {
            let set_up = || environment::set_up(&paths, Torch::Auto, &follow).map_err(|why| why.to_string());
            let result = guard::attempt(set_up).flatten();
            let _ = follow.desk.send(Message::SetUpEnded(result.map(drop)));
        });
        match spawned {
            Ok(_) => {
                self.set_up = Some(stop);
                let (since, lines) = (Instant::now(), VecDeque::new());
                self.board.trainer = TrainerState::SettingUp { since, lines };
            }
            Err(error) => self.notice(format!("The system gives no thread ({error}).")),
        }
        Ok(())
    }

    fn remove_trainer(&mut self) -> Result<(), RunError> {
        if self.board.active.is_some() || self.set_up.is_some() || self.painter.is_some() {
            self.notice("Stop what is going on first; then the trainer can be removed.".to_owned());
        } else if let Err(error) = environment::remove(&self.means.paths) {
            self.notice(sentence(&error.to_string()));
        }
        self.find_trainer();
        Ok(())
    }

    fn look_at(&mut self, path: PathBuf) -> Result<(), RunError> {
        self.board.data = Some(DataLook { path: path.clone(), found: None });
        let desk = self.messages.clone();
        let look = move || {
            let found = guard::attempt(|| facts(&path)).flatten();
            let _ = desk.send(Message::Data(path, found));
        };
        if let Err(error) = std::thread::Builder::new().name("data".into()).spawn(look) {
            self.notice(format!("The system gives no thread ({error})."));
        }
        Ok(())
    }
}

struct Follow {
    stop: Arc<AtomicBool>,
    desk: Sender<Message>,
}

impl environment::Follow for Follow {
    fn line(&self, text: &str) {
        let _ = self.desk.send(Message::SetUpLine(text.to_owned()));
    }
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
