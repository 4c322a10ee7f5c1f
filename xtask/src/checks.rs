//! The checks of the Rust side.

use std::process::Command;

use crate::sh;

/// Format, lints, the build without the window, docs, tests.
pub(crate) fn run() -> anyhow::Result<()> {
    sh("cargo", &["fmt", "--all", "--check"], &[])?;
    sh("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    sh("cargo", &["check", "--locked", "--no-default-features"], &[])?;
    let strict = [("RUSTDOCFLAGS", "-D warnings")];
    sh("cargo", &["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"], &strict)?;
    let nextest = Command::new("cargo").args(["nextest", "--version"]).output();
    if nextest.is_ok_and(|output| output.status.success()) {
        sh("cargo", &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"], &[])
    } else {
        sh("cargo", &["test", "--workspace", "--locked", "--no-fail-fast"], &[])
    }
}
