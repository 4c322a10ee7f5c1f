//! What the rail leads to.

pub mod assist;
pub mod settings;

mod answer;
mod capture;
mod guess;
