"""Every command of the trainer that a text prints is one; the cheap ones run as printed."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from streetwise_train import cli

REPOSITORY = Path(__file__).parents[2]
TEXTS = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "benches/README.md", "export/README.md"]
#: Commands that end within seconds; the others train, or need pictures and backbones.
CHEAP = ("presets", "chart")


def printed():
    """Arguments of every ``python -m streetwise_train`` in code blocks and spans, as words."""
    found = set()
    for path in [REPOSITORY / text for text in TEXTS] + sorted(REPOSITORY.glob("models/*/card.md")):
        text = path.read_text("utf-8").replace("\\\n", " ")
        for rest in re.findall(r"(?:python|launch .*) -m streetwise_train ([^`\n]+)", text):
            found.add(tuple(shlex.split(rest, comments=True)))
    return sorted(found)


def test_the_texts_are_understood():
    commands = {words[0] for words in printed()}
    assert {"train", "activations", "features", "evaluate", "build", "shipped", *CHEAP} <= commands


@pytest.mark.parametrize("words", printed(), ids=" ".join)
def test_it_is_a_command(words):
    assert cli.parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("words", [w for w in printed() if w[0] in CHEAP], ids=" ".join)
def test_it_runs_as_printed(words, tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    shutil.copy(REPOSITORY / "export/ablation.csv", tmp_path / "export")
    monkeypatch.chdir(tmp_path)
    assert cli.main(list(words)) == 0
    assert all((tmp_path / word).exists() for word in words if word.startswith("export/"))
