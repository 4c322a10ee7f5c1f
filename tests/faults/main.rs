//! What the app does when its input is bad or the machine is broken.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod capture;
mod engine;
mod models;
mod outside;
mod pictures;
mod training;

#[path = "../common/mod.rs"]
mod common;
