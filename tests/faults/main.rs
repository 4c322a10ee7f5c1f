//! What the app does when its input is bad or the machine is broken.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod capture;
mod command_files;
mod engine;
mod lists;
mod models;
mod odd_pictures;
mod output;
mod picture_memory;
mod pictures;
mod training;

#[path = "../common/mod.rs"]
mod common;
