//! How good a model is on a data set, measured through the same way a picture of the user takes.
//!
//! [`predict()`] decodes, prepares and ranks every picture with loaded [`Classifier`](crate::model::Classifier)s, one
//! pass for all of them; [`Predictions::evaluation`] makes the figures of [`metrics`] of it, with their 95 %
//! intervals over places, and says what was left out and why. [`evaluate()`] is both for one model.

mod bootstrap;
mod error;
mod latency;
pub mod metrics;
mod predict;
mod run;

pub use bootstrap::{Interval, Intervals, intervals};
pub(crate) use bootstrap::{SplitMix, percentiles};
pub use error::EvaluateError;
pub use latency::Latency;
pub use predict::{LeftOut, Limit, Options, Prediction, Predictions, predict};
pub(crate) use predict::{each_picture, logits_of};
pub use run::{Evaluation, SourceFigures, evaluate};
