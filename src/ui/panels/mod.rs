//! What the rail leads to.

pub mod assist;
pub mod compare;
pub mod explain;
pub mod settings;
pub mod train;

mod answer;
mod capture;
mod folders;
mod guess;
mod problems;
mod rows;
mod work;
