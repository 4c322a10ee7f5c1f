//! Training: from a folder of pictures to a verified model among the user's own.
//!
//! The loop itself is the Python package `streetwise_train` (`export/`), carried inside this program. Here is
//! everything around it:
//!
//! - [`recipe`] and [`job`]: what to train, and on which files; the same structures as in Python.
//! - [`environment`]: the trainer's own Python environment, made by `uv` or `venv` and `pip`.
//! - [`protocol`]: the lines the trainer says, read so that nothing it says can hang or fill the app.
//! - [`process`]: the trainer's process in a group of its own; it ends when its standard input does.
//! - [`runs`]: the run folders, whose state is derived from what is in them ([`summary`]), and [`queue`], one run at
//!   a time.
//! - [`drive`]: a run from its start to its end; [`verify`]: the model it made, checked and registered; [`turn`]: both,
//!   when the run's turn has come.
//! - [`split`]: what a run trained on, so that a figure on those pictures is not taken for one on new ones.
//! - [`report`]: what a run's evaluation found; [`ablation`]: the grid of runs behind a table; [`study`]: all
//!   finished runs as the series of a chart.
//! - [`cache`]: what runs share and may be deleted.
//! - [`catalogue`]: the architectures, with what training them costs.
//! - [`studio`]: all of it as the window sees it: orders in, boards out.

pub mod ablation;
pub mod cache;
pub mod catalogue;
pub mod drive;
pub mod environment;
mod environment_tools;
pub mod job;
pub mod paint;
pub mod process;
pub mod protocol;
pub mod queue;
pub mod recipe;
mod reference;
pub mod report;
pub mod runs;
pub mod split;
mod state;
pub mod studio;
pub mod study;
pub mod summary;
pub mod turn;
mod verified;
pub mod verify;
