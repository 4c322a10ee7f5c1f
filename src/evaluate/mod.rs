//! How good a model is on a data set, measured through the same way a picture of the user takes.
//!
//! [`evaluate()`] decodes, prepares and ranks every picture with a loaded [`Classifier`](crate::model::Classifier)
//! and returns an [`Evaluation`]: the figures of [`metrics`], their 95 % intervals over places, and what was
//! left out and why.

mod bootstrap;
pub mod metrics;
mod run;

pub use bootstrap::{Interval, Intervals, intervals};
pub use run::{EvaluateError, Evaluation, LeftOut, Options, evaluate};
