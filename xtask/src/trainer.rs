//! The checks of the trainer in `export/`: its environment from the lock file, its linter, its tests.

use std::process::Command;

use crate::{root, sh};

/// Makes `export/.venv` where the lock file changed since, then runs ruff and pytest in it; with `all`, the tests that
/// are marked slow too.
pub(crate) fn test(all: bool) -> anyhow::Result<()> {
    environment()?;
    let python =
        root().join("export/.venv").join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let python = python.to_string_lossy().into_owned();
    sh(&python, &["-m", "ruff", "check", "export"], &[])?;
    sh(&python, &["-m", "ruff", "format", "--check", "export"], &[])?;
    let path = [("PYTHONPATH", "export")];
    sh(&python, &["-m", "pytest", "-q", "export/tests"], &path)?;
    if all {
        sh(&python, &["-m", "pytest", "-q", "-m", "slow", "-s", "export/tests"], &path)?;
    }
    Ok(())
}

fn environment() -> anyhow::Result<()> {
    let lock = std::fs::read(root().join("export/requirements.lock"))?;
    let stamp = root().join("export/.venv/installed.lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let uv = Command::new("uv").arg("--version").output().is_ok_and(|output| output.status.success());
    if uv {
        sh("uv", &["venv", "--quiet", "--clear", "--python", "3.11", "export/.venv"], &[])?;
        let install = ["pip", "sync", "--quiet", "--python", "export/.venv", "export/requirements.lock"];
        sh("uv", &install, &[])?;
    } else {
        sh("python3", &["-m", "venv", "--clear", "export/.venv"], &[])?;
        let pip = if cfg!(windows) { "export/.venv/Scripts/pip" } else { "export/.venv/bin/pip" };
        sh(pip, &["install", "--quiet", "--require-hashes", "-r", "export/requirements.lock"], &[])?;
    }
    Ok(std::fs::write(stamp, lock)?)
}
